"""A path of images as STUDY: what is found, the file that is written, and the study that runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.data.draw_shapes import draw_folder
from convstudy import Study, load_study
from convstudy.run.first_study import first_study
from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]
FAST = ("--set", "recipe.epochs=1", "--seeds", "2", "--no-report")
SIDES = (20, 30)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is empty; times are measured quickly, and the cache is new."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path.parent / f"{tmp_path.name}-cache"))
    monkeypatch.setattr("convstudy.run.first_study.CALIBRATION_SECONDS", 0.05)
    return tmp_path


@pytest.fixture
def shapes(folder: Path) -> str:
    """Draw a folder with 20 images of each of three classes; return its name."""
    draw_folder(Path("my shapes"), {"circle": 20, "cross": 20, "star": 20}, sides=SIDES)
    return "my shapes"


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_plan_and_check_of_a_folder_write_nothing(convstudy: Call, shapes: str) -> None:
    planned = convstudy("plan", shapes, "--no-estimate-time", "--minutes", "2")
    assert planned.status == 0 and "compare.networks" in planned.out
    assert planned.out.splitlines()[-1] == "next: convstudy run 'my shapes' --minutes 2"
    assert convstudy("check", shapes).status == 0
    assert files() == ["my shapes"]


def test_what_is_found_in_a_folder_is_printed(convstudy: Call, shapes: str) -> None:
    Image.new("L", (24, 24), 70).save("my shapes/star/grey.png")
    Path("my shapes/star/.hidden.png").write_bytes(b"")
    found = convstudy("plan", shapes, "--no-estimate-time").err
    assert (
        "my shapes: folder with 49 training images and 12 test images of 3 classes, used as 20 × 20" in found
    )
    assert "  circle        16     4\n" in found
    assert (
        "training widths: 20 to 30 pixels, median 2" in found
        and "training modes: RGB (48) and L (1)" in found
    )
    assert "metric: accuracy; the largest class has 1.1 times the training images of the smallest" in found
    assert "first study: linear, small-cnn and resnet; 60 epochs, 5 seeds; about " in found


def test_study_that_takes_longer_than_the_minutes_says_so(convstudy: Call, shapes: str) -> None:
    found = convstudy("plan", shapes, "--no-estimate-time", "--minutes", "0.01").err
    assert "This is more than 0.01 min, but no first study is smaller." in found
    assert "3 seeds" in found
    assert "no first study is smaller" not in convstudy("plan", shapes, "--no-estimate-time").err


@pytest.mark.parametrize("name", ["two\nlines", 'quote"d', "-dash", "ünïcode…", "#"])
def test_folder_of_any_name_is_read_from_its_file(shapes: str, name: str) -> None:
    Path(shapes).rename(name)
    first = first_study(Path(name))
    assert tomllib.loads(first.text)["dataset"]["path"] == name
    Path(first.file).write_text(first.text, encoding="utf-8")
    assert load_study(first.file).dataset == first.dataset


def test_run_of_a_folder_writes_its_study_and_the_second_run_uses_it(convstudy: Call, shapes: str) -> None:
    first = convstudy("run", shapes, *FAST)
    assert first.status == 0, first.err
    assert "my-shapes.toml: written" in first.err and "Comparison networks" in first.out
    text = Path("my-shapes.toml").read_text("utf-8")
    document = tomllib.loads(text)
    assert "convstudy run 'my shapes'" in text.splitlines()[0]
    assert document["study"]["metric"] == "accuracy"
    assert {**document["dataset"], "size": 0} == {
        "path": "my shapes",
        "size": 0,
        "fit": "crop",
        "channels": 3,
        "test": 0.2,
    }
    again = convstudy("run", shapes, *FAST, "--minutes", "3", "--json")
    assert again.status == 0
    assert "my-shapes.toml: this study file is used; --minutes has no effect on it" in again.err
    assert "6 already trained" in again.err or "6 fits (6 already" in again.err
    assert f"{again.json['run_id']}: 6 fits" in first.err
    assert "run " + again.json["run_id"] in convstudy("check", shapes, *FAST[:-1]).out
    assert again.json["complete"] and Path("my-shapes.toml").read_text("utf-8") == text


@pytest.mark.slow
def test_unchanged_first_run_of_a_folder_is_complete_within_its_minutes(convstudy: Call, shapes: str) -> None:
    done = convstudy("run", shapes, "--minutes", "1", "--json")
    assert done.status == 0 and done.json["complete"]


def test_imbalanced_grey_folder_gets_balanced_accuracy_and_class_weights(folder: Path) -> None:
    draw_folder(Path("cells"), {"circle": 60, "star": 15}, sides=(20, 20), mode="L", suffix=".png")
    document = tomllib.loads(first_study("cells").text)
    assert document["study"]["metric"] == "balanced-accuracy"
    assert document["recipe"]["class_weights"] == "balanced"
    assert (document["dataset"]["channels"], document["dataset"]["size"]) == (1, 20)


def test_table_of_paths_is_a_dataset(convstudy: Call, shapes: str) -> None:
    rows = [f"{path.as_posix()},{path.parent.name}" for path in sorted(Path().glob("my shapes/*/*.jpg"))]
    Path("list.csv").write_text("\n".join(["path,label", *rows]), encoding="utf-8")
    planned = convstudy("plan", "list.csv", "--no-estimate-time", "--json")
    assert planned.status == 0, planned.err
    assert planned.json["study"] == "list"
    assert "48 training images and 12 test images of 3 classes" in planned.err


def test_array_file_with_two_parts_is_a_dataset_without_a_test_key(folder: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        f"{name}_{part}": rng.integers(0, 3, n) if name == "y" else rng.integers(0, 256, (n, 9, 12), "uint8")
        for name in "xy"
        for part, n in (("train", 60), ("test", 30))
    }
    np.savez("arrays.npz", **arrays)
    document = tomllib.loads(first_study("arrays.npz").text)
    assert document["dataset"]["size"] == [9, 12] and "test" not in document["dataset"]


def test_images_that_cannot_be_decoded_stop_the_study_or_are_left_out(convstudy: Call, shapes: str) -> None:
    Path("my shapes/star/broken.jpg").write_bytes(b"not an image")
    stopped = convstudy("run", shapes, *FAST)
    assert stopped.status == 2 and "broken.jpg" in stopped.err
    assert "--set dataset.on_error=skip" in stopped.err and files() == ["my shapes"]
    skipped = convstudy("plan", shapes, "--set", "dataset.on_error=skip", "--no-estimate-time")
    assert skipped.status == 0 and "of 3 classes" in skipped.err


def test_keys_of_the_dataset_become_part_of_the_study_file(shapes: str) -> None:
    document = tomllib.loads(first_study(shapes, keys={"size": 16, "fit": "pad", "test": 0.3}).text)
    dataset = document["dataset"]
    assert (dataset["size"], dataset["fit"], dataset["test"]) == (16, "pad", 0.3)


def test_wrong_key_of_the_dataset_is_reported_and_nothing_is_written(convstudy: Call, shapes: str) -> None:
    wrong = convstudy("run", shapes, "--set", "dataset.sise=64")
    assert wrong.status == 2 and "dataset.sise: unknown key" in wrong.err
    assert files() == ["my shapes"]


def test_folder_without_images_is_refused(convstudy: Call, folder: Path) -> None:
    Path("empty").mkdir()
    refused = convstudy("run", "empty")
    assert refused.status == 2 and "no study was made of empty" in refused.err
    assert "empty: there is no image" in refused.err and "dataset.path" not in refused.err


def test_other_file_is_refused_with_the_suffix_of_study_files(convstudy: Call, folder: Path) -> None:
    Path("notes.txt").write_text("hello", encoding="utf-8")
    refused = convstudy("run", "notes.txt")
    assert refused.status == 2 and "the name of a study file must end in .toml" in refused.err


def test_study_file_of_other_images_is_refused(convstudy: Call, shapes: str) -> None:
    text = '[study]\nname = "a"\n[dataset]\npath = "other"\n'
    Path("my-shapes.toml").write_text(text, encoding="utf-8")
    for command in ("run", "plan", "check"):
        refused = convstudy(command, shapes)
        assert refused.status == 2
        assert "my-shapes.toml must be a study of the images at my shapes; got images at" in refused.err
    assert Path("my-shapes.toml").read_text("utf-8") == text


def test_study_file_without_a_path_is_refused(convstudy: Call, shapes: str) -> None:
    Path("my-shapes.toml").write_text('[study]\nname = "a"\ndataset = "digits"\n', encoding="utf-8")
    refused = convstudy("plan", shapes)
    assert refused.status == 2 and "got a study without the path of its images" in refused.err


def test_path_has_precedence_over_a_built_in_study(convstudy: Call, shapes: str) -> None:
    Path(shapes).rename("digits")
    found = convstudy("networks", "digits")
    assert found.status == 0 and "small-cnn" in found.out
    assert "digits: the folder in the current folder, not the built-in study" in found.err
    Path("digits").rename("other")
    assert "one-conv" in convstudy("networks", "digits").out


def test_path_that_does_not_exist_names_the_nearest(convstudy: Call, shapes: str) -> None:
    missing = convstudy("run", "my shape")
    assert missing.status == 2 and 'did you mean "my shapes"?' in missing.err


def test_minutes_of_a_study_file_are_refused(convstudy: Call, tiny: Path) -> None:
    refused = convstudy("plan", tiny, "--minutes", "5")
    assert refused.status == 2 and "--minutes sizes the first study of a path of images" in refused.err


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "soon"])
def test_minutes_must_be_positive(convstudy: Call, shapes: str, minutes: str) -> None:
    refused = convstudy("plan", shapes, "--minutes", minutes)
    assert refused.status == 2 and "must be a positive number of minutes" in refused.err


def test_study_of_a_path_in_python_equals_that_of_the_command(convstudy: Call, shapes: str) -> None:
    study = Study.from_data(shapes, minutes=2, size=16)
    planned = convstudy("plan", shapes, "--minutes", "2", "--set", "dataset.size=16", "--json")
    assert json.loads(planned.out)["study"] == study.name == "my-shapes"
    networks = {each["network"] for each in planned.json["stages"][0]["candidates"]}
    assert networks == set(study.network) and study.dataset.image_shape == (16, 16, 3)


def test_images_left_out_and_changes_of_the_test_part_are_printed_with_a_study_file(
    convstudy: Call, shapes: str
) -> None:
    Path(shapes, "star", "bad.png").write_bytes(b"")
    assert convstudy("run", shapes, "--set", "dataset.on_error=skip", *FAST).status == 0
    left_out = "my-shapes: 1 image that cannot be used is left out, such as star/bad.png: empty file.\n"
    again = convstudy("plan", shapes, "--no-estimate-time").err
    assert left_out in again and "are new and assigned" not in again
    draw_folder(Path("more"), {"star": 3}, sides=SIDES, seed=5)
    for number, path in enumerate(sorted(Path("more").rglob("*.jpg"))):
        path.rename(Path(shapes, "star", f"new-{number}.jpg"))
    for source in (shapes, "my-shapes.toml"):
        changed = convstudy("check", source).err
        assert left_out in changed
        assert "my-shapes: 3 images are new and assigned by a hash of the name: star/new-0.jpg" in changed


def test_three_images_of_each_class_are_shown_although_no_study_of_them_is_possible(convstudy: Call) -> None:
    draw_folder(Path("few"), {"circle": 3, "cross": 3}, sides=SIDES)
    assert convstudy("data", "show", "few").status == 0


def test_second_path_is_refused_with_and_without_a_study_file(convstudy: Call, shapes: str) -> None:
    for _ in range(2):
        refused = convstudy("plan", shapes, "--set", "dataset.path=other")
        assert refused.status == 2
        assert "--set dataset.path: the path of the images is already given: my shapes" in refused.err
        Path("my-shapes.toml").write_text('[dataset]\npath = "my shapes"\n')


def test_study_file_that_is_a_link_to_nothing_is_refused(convstudy: Call, shapes: str) -> None:
    Path("my-shapes.toml").symlink_to("gone.toml")
    refused = convstudy("run", shapes, *FAST)
    assert refused.status == 2
    assert "my-shapes.toml: this symbolic link leads to no file" in refused.err
