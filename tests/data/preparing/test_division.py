"""Which images become test images, from files to datasets, and what stays when images are added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from convstudy import Compare, Study, run_study
from convstudy.data import Dataset
from convstudy.data.sources.npy import find
from convstudy.data.sources.prepared import PreparedSource
from convstudy.errors import DataError
from convstudy.studyfile.images import DatasetTable

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))


def image(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def save(path: Path, pixels: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def folder_of(root: Path, patients: int = 8, per_patient: int = 3) -> Path:
    """Write images of two classes; each patient has images of one class."""
    for patient in range(patients):
        for number in range(per_patient):
            label = ("cat", "dog")[patient % 2]
            save(root / label / f"p{patient:02d}_{number}.png", image(100 * patient + number))
    return root


def prepared(folder: Path, **keys: object) -> Dataset:
    return DatasetTable.model_validate({"path": "photos", **keys}).dataset(folder)


def source_of(dataset: Dataset) -> PreparedSource:
    assert isinstance(dataset.source, PreparedSource)
    return dataset.source


def pixels_of_test(dataset: Dataset) -> set[bytes]:
    return {each.tobytes() for each in dataset.load().test.open(lambda: None).pixels}


def test_test_part_is_set_aside_by_group_with_all_classes(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", patients=10)
    dataset = prepared(tmp_path, group=r"p(\d+)_")
    summary = source_of(dataset).summary()
    assert dataset.n_test == 6
    assert summary.parts["test"].class_counts == (3, 3)
    assert summary.parts["train"].group_counts == (4, 4)
    groups = dataset.load().train.groups
    assert groups is not None and len(set(groups.tolist())) == 8


def test_plan_writes_no_assignment_and_a_run_writes_it(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos")
    dataset = prepared(tmp_path)
    assert not list(tmp_path.glob("*.csv"))
    study = Study(
        name="s",
        dataset=dataset,
        seeds=1,
        validation=0.3,
        recipe={"epochs": 1},
        network={"a": {"layers": ["flatten"]}, "b": {"layers": ["conv 2 3", "flatten"]}},
        compare={"both": Compare(networks=("a", "b"))},
    )
    run_study(study, tmp_path / "runs", workers=0)
    assert (tmp_path / "photos.parts.csv").exists()
    assert prepared(tmp_path) == dataset


def test_added_images_leave_the_test_images_in_the_test_part(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", patients=12)
    before = prepared(tmp_path)
    source_of(before).keep()
    for patient in range(12, 40):
        for number in range(3):
            save(
                tmp_path / "photos" / ("cat", "dog")[patient % 2] / f"p{patient}_{number}.png",
                image(9000 + 10 * patient + number),
            )
    after = prepared(tmp_path)
    assert after.n_train + after.n_test == 120
    assert pixels_of_test(before) < pixels_of_test(after)
    assert len(pixels_of_test(before)) < after.n_test < 40  # some of the new images, about a fifth


def test_copy_of_a_test_image_joins_the_test_part_and_is_said(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", patients=12)
    before = prepared(tmp_path)
    source_of(before).keep()
    test = before.load().test.open(lambda: None)
    copied, label = test.pixels[0], before.class_names[int(test.labels[0])]
    noisy = np.clip(copied.astype(int) + np.random.default_rng(1).integers(-3, 4, copied.shape), 0, 255)
    save(tmp_path / "photos" / label / "a-copy.png", noisy.astype(np.uint8))
    after = prepared(tmp_path)
    assert noisy.astype(np.uint8).tobytes() in pixels_of_test(after)
    assert any("a-copy.png" in note or "join" in note for note in source_of(after).summary().notes)


def test_near_duplicates_are_kept_together_unless_separate(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", patients=10, per_patient=2)
    for path in sorted((tmp_path / "photos").rglob("*_0.png")):
        pixels = np.asarray(Image.open(path)).astype(int)
        near = np.clip(pixels + np.random.default_rng(2).integers(-3, 4, pixels.shape), 0, 255)
        save(path.with_name(path.name.replace("_0", "_9")), near.astype(np.uint8))
    together = prepared(tmp_path).load().train.groups
    assert together is not None
    assert max(np.bincount(together)) == 2
    assert prepared(tmp_path, duplicates="separate").load().train.groups is None


def test_validation_folder_joins_training_or_becomes_the_test_part(tmp_path: Path) -> None:
    for part, start in (("train", 0), ("val", 1), ("test", 2)):
        for number in range(6):
            save(
                tmp_path / "photos" / part / ("cat", "dog")[number % 2] / f"{part}{number}.png",
                image(10 * start + number),
            )
    dataset = prepared(tmp_path)
    assert (dataset.n_train, dataset.n_test) == (12, 6)
    assert any("joined the training images" in note for note in source_of(dataset).summary().notes)
    for path in (tmp_path / "photos" / "test").rglob("*.png"):
        path.unlink()
    for folder in ("test/cat", "test/dog", "test"):
        (tmp_path / "photos" / folder).rmdir()
    dataset = prepared(tmp_path)
    assert (dataset.n_train, dataset.n_test) == (6, 6)
    assert any("validation images are the test images" in note for note in source_of(dataset).summary().notes)


def test_class_without_training_images_is_refused_and_without_test_images_is_said(tmp_path: Path) -> None:
    for part, label in (("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "cow")):
        for number in range(4):
            save(
                tmp_path / "photos" / part / label / f"{number}.png",
                image(100 * len(part) + 10 * ord(label[1]) + number),
            )
    with pytest.raises(DataError, match='class "cow" has no training image'):
        prepared(tmp_path)
    for path in (tmp_path / "photos" / "test" / "cow").iterdir():
        path.unlink()
    (tmp_path / "photos" / "test" / "cow").rmdir()
    dataset = prepared(tmp_path)
    assert dataset.class_names == ("cat", "dog")
    assert 'Class "dog" has no test image.' in source_of(dataset).summary().notes


def test_size_follows_the_training_images_only(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for part, side, count in (("train", 40, 8), ("test", 100, 30)):
        for number in range(count):
            pixels = random.integers(0, 256, (side, side + number % 2), dtype=np.uint8)
            save(tmp_path / "photos" / part / ("cat", "dog")[number % 2] / f"{number}.png", pixels)
    assert prepared(tmp_path).image_shape == (40, 40, 1)


def write_table(folder: Path, parts: list[str]) -> None:
    lines = ["path,label,split"]
    for number, part in enumerate(parts):
        save(folder / f"{number}.png", image(number))
        lines.append(f"{number}.png,{'ab'[number % 2]},{part}")
    (folder / "t.csv").write_text("\n".join(lines), encoding="utf-8")


def test_table_of_test_images_alone_is_an_error(tmp_path: Path) -> None:
    write_table(tmp_path, ["test"] * 12)
    with pytest.raises(DataError, match="all images are test images"):
        prepared(tmp_path, path="t.csv")
    assert prepared(tmp_path, path="t.csv", parts="ignore").n_train == 10


def test_table_of_validation_images_alone_is_divided_and_this_is_said(tmp_path: Path) -> None:
    write_table(tmp_path, ["val"] * 12)
    notes = source_of(prepared(tmp_path, path="t.csv")).summary().notes
    assert "All images are validation images: they are divided into training and test images." in notes


@pytest.mark.parametrize("bits", [12, 16])
def test_16_bit_files_of_a_12_bit_camera_get_a_hint_with_their_range(tmp_path: Path, bits: int) -> None:
    random = np.random.default_rng(0)
    for number in range(12):
        values = random.integers(0, 2**bits, (16, 16), dtype=np.uint16)
        path = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path)
    warnings = source_of(prepared(tmp_path)).summary().warnings
    assert any("range = [0, 4095]" in warning for warning in warnings) == (bits == 12)
    brighter = prepared(tmp_path, range=[0.0, 4095.0])
    assert int(brighter.load().train.pixels.max()) > 240
    assert not source_of(brighter).summary().warnings


def parts_of(root: Path, **n_images: int) -> Path:
    """Write images of two classes into the parts: this many of each class."""
    for part, n in n_images.items():
        for number in range(n):
            for place, label in enumerate(("cat", "dog")):
                save(root / part / label / f"{number}.png", image(1000 * len(part) + 2 * number + place))
    return root


def damage(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        path.write_bytes(b"not an image")


def test_a_test_part_without_usable_images_is_not_replaced_by_other_images(tmp_path: Path) -> None:
    damage(parts_of(tmp_path / "photos", train=4, test=2) / "test")
    with pytest.raises(DataError, match="no image of the test part can be used"):
        prepared(tmp_path, on_error="skip")
    with pytest.raises(DataError, match="4 images of 12 cannot be used"):
        prepared(tmp_path)


def test_training_images_that_cannot_be_used_are_all_named_although_only_test_images_remain(
    tmp_path: Path,
) -> None:
    damage(parts_of(tmp_path / "photos", train=4, test=2) / "train")
    with pytest.raises(DataError, match="8 images of 12 cannot be used"):
        prepared(tmp_path)
    with pytest.raises(DataError, match=r'no training image can be used.*\n.*"stop".* lists them'):
        prepared(tmp_path, on_error="skip")


def test_fraction_of_test_images_that_is_not_used_is_said(tmp_path: Path) -> None:
    parts_of(tmp_path / "photos", train=4, test=2)
    note = "The key test = 0.4 sets no images aside, because there is a test part."
    assert note in source_of(prepared(tmp_path, test=0.4)).summary().notes
    assert not any("sets no images aside" in each for each in source_of(prepared(tmp_path)).summary().notes)


def test_notes_say_what_is_skipped_now_although_no_image_has_changed(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos")
    assert not any(".txt" in note for note in source_of(prepared(tmp_path)).summary().notes)
    (tmp_path / "photos" / "cat" / "list.txt").write_text("x")
    assert any(".txt" in note for note in source_of(prepared(tmp_path)).summary().notes)


def test_assignment_of_other_images_is_an_error_and_not_a_new_test_part(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos")
    source_of(prepared(tmp_path)).keep()
    (tmp_path / "photos").rename(tmp_path / "first")
    for number in range(12):
        save(tmp_path / "photos" / ("cat", "dog")[number % 2] / f"other{number}.png", image(500 + number))
    with pytest.raises(DataError, match="has none of these images or groups") as caught:
        prepared(tmp_path)
    assert "another name under [dataset]" in caught.value.problems[0].hint
    assert prepared(tmp_path, name="second").n_test == 2


@pytest.mark.parametrize("columns", [{}, {"group": "patient"}, {"weight": "w"}, {"time": "day"}])
def test_source_of_prepared_arrays_is_that_of_the_files_read_again(
    tmp_path: Path, columns: dict[str, str]
) -> None:
    folder_of(tmp_path / "photos", patients=12)
    rows = ["path,label,patient,w,day"]
    for number, path in enumerate(sorted((tmp_path / "photos").rglob("*.png"))):
        day = 1 + 7 * number % 31  # neither groups nor times occur in order
        rows.append(
            f"{path.relative_to(tmp_path)},{path.parent.name},{7 * number % 9},{1 + number},2026-01-{day:02}"
        )
    (tmp_path / "table.csv").write_text("\n".join(rows))
    keys = {"path": "table.csv", "group": "", "weight": "", **columns}
    source = source_of(DatasetTable.model_validate(keys).dataset(tmp_path))
    assert source.arrays == find(Path(source.arrays.path)).source
    assert bool(source.n_groups) == ("group" in columns) and source.has_times == ("time" in columns)
