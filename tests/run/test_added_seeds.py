"""Seeds that are added until a comparison is clear: the second report says so, and its interval is wider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sklearn.datasets import load_digits

from convstudy import Compare, Dataset, Network, Study, Variant, run_study
from convstudy.analysis import Analysis, analyse
from convstudy.history import History
from convstudy.report.short_answer import short_answer
from convstudy.report.write import write_report
from convstudy.stats import Verdict


def study(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "added",
        "dataset": "digits",
        "seeds": 3,
        "subset": 200,
        "recipe": {"epochs": 4},
        "network": {
            "small": Network.read(["conv 4 3 relu stride=2", "flatten"]),
            "large": Network.read(["conv 8 5 relu stride=4", "flatten"]),
        },
        "compare": {"both": Compare(networks=("small", "large"))},
    }
    return Study(**{**values, **changes})


def verdict(analysis: Analysis) -> Verdict:
    (found,) = analysis.main_results[0].verdicts
    return found


def test_study_with_added_seeds_reports_the_earlier_test_and_pays_for_it(tmp_path: Path) -> None:
    first = analyse(run_study(study(), tmp_path, workers=0))
    once = verdict(first)
    assert (once.looks, once.look, once.difference.confidence) == ((3,), 1, 0.95)
    assert not any("tested on the test set" in line for line in short_answer(first))
    # Another study of another name, which compares the same networks among others.
    changed = study(name="another", seeds=5)
    second = analyse(run_study(changed, tmp_path, workers=0))
    again = verdict(second)
    assert (again.looks, again.look, again.difference.confidence) == ((3, 5), 2, 0.975)
    assert (
        "Note: tested on the test set with 3, then 5 seeds: these intervals have a confidence level of 97.5 %."
        in (short_answer(second))
    )
    files = write_report(second, None, tmp_path / "out", ("json", "markdown"))
    report = json.loads(next(path for path in files if path.suffix == ".json").read_text(encoding="utf-8"))
    tested = report["questions"][0]
    assert (tested["tested_with_seeds"], tested["test"], tested["confidence"]) == ([3, 5], 2, 0.975)
    # The report of the first study has the same interval as before, and names the later test.
    history = History.open(tmp_path)
    kept = verdict(analyse(history.results(first.results.run_id)))
    history.close()
    assert (kept.difference, kept.kind, kept.later_looks) == (once.difference, once.kind, (5,))


def test_other_studies_on_the_test_set_are_questions(tmp_path: Path) -> None:
    alone = verdict(analyse(run_study(study(seeds=2), tmp_path, workers=0)))
    assert alone.n_questions == 1 and alone.for_questions == alone.difference
    variants = {"tanh": Variant(activation="tanh"), "wide": Variant(recipe={"epochs": 2})}
    other = study(
        name="other", seeds=2, compare={}, ablate={"small": {"network": "small", "variants": variants}}
    )
    found = analyse(run_study(other, tmp_path, workers=0))
    # Two variants are compared; "large" was scored by the other study. "small" is the unmodified network.
    assert {each.n_questions for each in found.main_results[0].verdicts} == {3}
    history = History.open(tmp_path)
    again = verdict(analyse(history.results("added")))
    history.close()
    assert again.n_questions == 3 and again.for_questions.confidence == 0.984
    assert again.difference == alone.difference and again.kind == alone.kind


def test_added_test_image_keeps_looks_and_questions(tmp_path: Path) -> None:
    """Otherwise, one more test image would make a new test set, with a first look at 95 %."""
    images, labels = load_digits(return_X_y=True)
    pixels = (15 * images).astype("uint8").reshape(-1, 8, 8)
    found = []
    for name, n_seeds, n_test in (("arrays", 2, 300), ("one more", 3, 301), ("unrelated", 2, 60)):
        first = 900 if name == "unrelated" else 300
        arrays = (pixels[:300], labels[:300], pixels[first : first + n_test], labels[first : first + n_test])
        made = study(name=name.replace(" ", "-"), seeds=n_seeds, subset=None)
        data = Dataset.from_arrays(*arrays)
        assert data.n_test == n_test
        found.append(analyse(run_study(made, tmp_path, workers=0, data=data)))
    assert [verdict(each).looks for each in found] == [(2,), (2, 3), (2,)]
    assert [verdict(each).look for each in found] == [1, 2, 1]
    assert [each.protocol.n_hypotheses for each in found] == [2, 2, 2]
    assert [each.results.n_test_evaluations_before for each in found] == [0, 4, 0]
