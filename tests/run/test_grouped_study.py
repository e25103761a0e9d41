"""A whole study on images of patients: fits record the groups, and terminal and report say what they mean."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convstudy import Network, Study, run_study
from convstudy.analysis import analyse
from convstudy.cli import main
from convstudy.data import Dataset
from convstudy.history.results import Results
from convstudy.report import answer, short_answer
from convstudy.report.conclusions import conclusions
from convstudy.studyfile import Compare
from tests.report.synthetic import gathered, table_of


def patients(n_groups: int, n_per_group: int = 10) -> Dataset:
    """Return images of two classes; each patient has a brightness that hides the class for some of them."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_groups), n_per_group)
    labels = np.tile([0, 1], len(groups) // 2)
    images = random.integers(60, 120, (len(groups), 8, 8))
    images[:, :, 4:] += (90 * labels * (random.random(n_groups) < 0.7)[groups])[:, None, None]
    images += random.integers(0, 30, n_groups)[groups][:, None, None]
    return Dataset.from_arrays(images.astype(np.uint8), labels, groups=groups, test=0.5, name="patients")


def study(n_groups: int) -> Study:
    networks = {
        "small": Network.read(["conv 8 3 relu stride=2", "flatten"]),
        "linear": Network.read(["flatten"]),
    }
    return Study(
        name="patients",
        dataset=patients(n_groups),
        seeds=3,
        recipe={"epochs": 12, "learning_rate": 0.01, "batch_size": 32},
        network=networks,
        compare={"both": Compare(networks=["small", "linear"])},
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run_study(study(60), tmp_path_factory.mktemp("grouped"), workers=0)


def without_groups(results: Results) -> Results:
    """Return results whose files have no groups, as an older convstudy wrote them."""

    def arrays(fit_id: str, kind: str) -> dict[str, np.ndarray]:
        return {name: array for name, array in results.arrays(fit_id, kind).items() if name != "groups"}

    return replace(results, arrays=arrays)


def test_files_of_predictions_have_the_groups_of_their_images(results: Results) -> None:
    test, train = (results.dataset.load_groups(part) for part in ("test", "train"))
    assert test is not None and train is not None and len(set(test.tolist())) == 30
    for fit in results.plan.fits:
        assert results.arrays(fit.id, "test")["groups"].tolist() == test.tolist()
        held_out = results.arrays(fit.id, "validation")
        assert held_out["groups"].tolist() == train[held_out["indices"]].tolist()


def test_verdict_is_on_groups_and_says_what_the_images_count_like(results: Results) -> None:
    analysis = analyse(results)
    (stage_result,) = analysis.main_results
    (verdict,) = stage_result.verdicts
    groups = verdict.difference.groups
    assert groups is not None and (groups.n_images, groups.n_groups) == (300, 30)
    assert groups.n_effective < 250 and verdict.difference.n_images == int(groups.n_effective)
    assert verdict.difference.sources[-1].degrees == 29 and verdict.required is None
    text = "\n".join(answer(analysis))
    assert "In this difference, 300 test images of 30 groups count like " in text
    assert "independent images; intervals and verdicts are for new groups." in text
    assert "300 images of 30 groups count like " in "\n".join(
        note for each in conclusions(analysis) for note in each.notes
    )
    assert any(line.startswith("Note: 300 test images of 30 groups") for line in short_answer(analysis))
    assert all(interval.groups for each in stage_result.intervals.values() for interval in each.values())


def test_tables_have_groups_and_the_test_on_groups(results: Results) -> None:
    report = gathered(results)
    verdicts, models = table_of(report, "verdicts"), table_of(report, "models")
    titles = [column.title for column in verdicts.columns]
    assert verdicts.rows[0][titles.index("Groups")] == 30
    assert str(verdicts.rows[0][titles.index("Images count like")]).endswith(" of 300")
    assert "intervals are for new groups" in verdicts.caption
    assert "permutation test that exchanges the models in a group" in models.caption
    (stage_result,) = analyse(results).main_results
    p_values = [row[[column.key for column in models.columns].index("exact_p_equal")] for row in models.rows]
    assert p_values == [pair.by_group for pair in stage_result.verdicts[0].models]


def test_files_without_groups_say_that_images_are_taken_as_independent(results: Results) -> None:
    analysis = analyse(without_groups(results))
    (stage_result,) = analysis.main_results
    verdict = stage_result.verdicts[0]
    assert verdict.difference.groups is not None and not verdict.difference.groups.is_known
    text = "\n".join(answer(analysis))
    assert "images taken as independent" in text
    assert "the groups of the test images are not recorded" in text.lower()
    # The contribution of the images is smaller than that of their groups.
    grouped = analyse(results).main_results[0].verdicts[0].difference
    on_images, on_groups = (each.half_width_of("images") for each in (verdict.difference, grouped))
    assert on_images is not None and on_groups is not None and on_images < 0.9 * on_groups


def test_few_groups_make_no_claim(tmp_path: Path) -> None:
    results = run_study(study(16), tmp_path, workers=0)
    analysis = analyse(results)
    (stage_result,) = analysis.main_results
    assert stage_result.verdicts[0].kind == "too few to say" and not stage_result.intervals
    text = "\n".join(answer(analysis))
    assert "the test images are of only 8 groups, and an interval needs at least 10" in text
    assert "CI" not in text
    assert any("no verdicts on test images" in line for line in short_answer(analysis))


def test_page_of_a_folder_of_patients_says_what_the_images_count_like(tmp_path: Path) -> None:
    """From image files with a pattern for groups to the page that a run writes."""
    dataset = patients(60, 6)
    for part in ("train", "test"):
        images = dataset.load().train if part == "train" else dataset.load().test.open(lambda: None)
        assert images.groups is not None
        for row, (pixels, label, group) in enumerate(
            zip(images.pixels, images.labels.tolist(), images.groups.tolist(), strict=True)
        ):
            place = tmp_path / "scans" / f"class-{label}" / f"{part}{group}_{row}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[:, :, 0]).save(place)
    (tmp_path / "scans.toml").write_text(
        """[study]
name = "scans"
seeds = 2
[dataset]
path = "scans"
group = '([a-z]+\\d+)_'
test = 0.4
[recipe]
epochs = 3
[network.linear]
layers = ["flatten"]
[network.small]
layers = ["conv 2 3 relu stride=4", "flatten"]
[compare.both]
networks = ["linear", "small"]
""",
        encoding="utf-8",
    )
    assert (
        main(["run", str(tmp_path / "scans.toml"), "--runs", str(tmp_path / "runs"), "--workers", "1"]) == 0
    )
    (page,) = (tmp_path / "runs").rglob("report.html")
    text = page.read_text(encoding="utf-8")
    assert re.search(r"1\d\d test images of 2\d groups count like \d+", text)
    assert "Images count like" in text and "images taken as independent" not in text
