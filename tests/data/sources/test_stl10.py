"""The listing of STL-10, in the layout that its page documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convstudy.data.listing import SourceOptions
from convstudy.data.sources.stl10 import LISTED_SOURCE
from convstudy.errors import DataError
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance
from tests.data.sources.listed import assert_lists, example_of, listed

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 96, 96, 3), dtype=np.uint8)
LABELS = np.arange(9) % 3
NAMES = ("airplane", "bird", "car")
PARTS = {
    "train": (PIXELS[:6], [NAMES[label] for label in LABELS[:6]]),
    "test": (PIXELS[6:], [NAMES[label] for label in LABELS[6:]]),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part, rows in (("train", slice(0, 6)), ("test", slice(6, 9))):
        content = bytearray()
        for image in PIXELS[rows]:
            for colour in range(3):
                content += image[:, :, colour].tobytes(order="F")
        (tmp_path / f"{part}_X.bin").write_bytes(content)
        (tmp_path / f"{part}_y.bin").write_bytes((LABELS[rows] + 1).astype(np.uint8).tobytes())
    (tmp_path / "class_names.txt").write_text("\n".join(NAMES) + "\n")
    return tmp_path


class TestStl10(ListedSourceConformance):
    """The files of STL-10 pass the tests of all listed sources."""

    @pytest.fixture
    def listed_example(self, folder: Path) -> ListedExample:
        return example_of(folder, PARTS, folder / "train_X.bin")


def test_columns_become_rows_and_labels_start_at_one(folder: Path) -> None:
    found = listed("stl10", folder)
    assert_lists(found, "stl10", PARTS)
    assert found.class_names == NAMES and found.notes == ()
    (folder / "class_names.txt").unlink()
    assert listed("stl10", folder).labels[:4] == ["1", "2", "3", "1"]


def test_unlabelled_images_and_folds_are_said_to_be_unused(folder: Path) -> None:
    (folder / "unlabeled_X.bin").write_bytes(b"any")
    (folder / "fold_indices.txt").write_text("1 2\n")
    assert listed("stl10", folder).notes == (
        "The unlabelled images are not used.",
        "The published folds of the training images are not used.",
    )


def test_damaged_files_raise_one_error_with_their_path(folder: Path) -> None:
    images, labels = folder / "train_X.bin", folder / "train_y.bin"
    for path, content, what in (
        (labels, b"\x01\x02", "2 labels for 6 images"),
        (labels, b"\x00" * 6, "a label has no class name; expected labels from 1 to 3"),
        (labels, b"", "a wrong size"),
        (images, images.read_bytes()[:-1], "a multiple of 27,648 bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=what) as caught:
            listed("stl10", folder)
        (problem,) = caught.value.problems
        assert problem.where.file == str(path)
    labels.unlink()
    images.unlink()
    assert not LISTED_SOURCE.recognise(folder)
    with pytest.raises(DataError, match="there are no files of STL-10"):
        LISTED_SOURCE.listing(folder, SourceOptions())


@pytest.mark.parametrize("name", ["train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"])
def test_missing_file_of_a_part_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert LISTED_SOURCE.recognise(folder)
    with pytest.raises(DataError, match=f"{name}: this file is missing"):
        LISTED_SOURCE.listing(folder, SourceOptions())
