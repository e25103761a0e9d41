"""The tests of every source of datasets. The test of a source is a subclass with an example."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from convstudy.data import Dataset
from convstudy.data.images import Part
from convstudy.errors import DataError
from tests.data.opened_files import opened_files

SHAPE = (4, 3, 2)
X_TRAIN = np.random.default_rng(0).integers(0, 256, (9, *SHAPE), dtype=np.uint8)
X_TEST = np.random.default_rng(1).integers(0, 256, (5, *SHAPE), dtype=np.uint8)
Y_TRAIN, Y_TEST = np.arange(9) % 3, np.array([2, 0, 1, 1, 0])
ARRAYS = (X_TRAIN, Y_TRAIN, X_TEST, Y_TEST)
PARTS: tuple[Part, Part] = ("train", "test")


@dataclass(frozen=True)
class Example:
    """A dataset of one kind of source.

    Args:
        dataset: the dataset.
        folder: the folder of its files; ``None`` if it has no files.
        damage: changes the content of a part; its files can still be read.
        labels_are_apart: whether the labels can be read if the images are missing.
    """

    dataset: Dataset
    folder: Path | None
    damage: Callable[[Part], None]
    labels_are_apart: bool = False


class SourceConformance:
    """The tests that all sources share; a subclass has a fixture ``example``."""

    def test_parts_have_the_shapes_and_classes_of_the_dataset(self, example: Example) -> None:
        dataset, loaded = example.dataset, example.dataset.load(download=False)
        test = loaded.test.open(lambda: None)
        for images, n in ((loaded.train, dataset.n_train), (test, dataset.n_test)):
            assert len(images) == n
            assert images.image_shape == dataset.image_shape
            assert images.pixels.dtype == np.uint8 and images.labels.dtype == np.int64
            assert set(images.labels.tolist()) <= set(range(dataset.n_classes))
        assert set(loaded.train.labels.tolist()) == set(range(dataset.n_classes))

    def test_load_labels_equals_the_labels_of_the_images(self, example: Example) -> None:
        loaded = example.dataset.load(download=False)
        parts = dict(zip(PARTS, (loaded.train, loaded.test.open(lambda: None)), strict=True))
        if example.labels_are_apart:
            assert example.folder is not None
            paths = [path for path in example.folder.iterdir() if "images" in path.name]
            assert len(paths) == 2
            for path in paths:
                path.write_bytes(b"damaged")
        for part, images in parts.items():
            labels = example.dataset.load_labels(part, download=False)
            assert labels.dtype == np.int64
            assert labels.tolist() == images.labels.tolist()

    @pytest.mark.parametrize("part", PARTS)
    def test_changed_part_raises_when_it_is_read(self, example: Example, part: Part) -> None:
        example.damage(part)
        if part == "train":
            with pytest.raises(DataError):
                example.dataset.load(download=False)
        else:
            test = example.dataset.load(download=False).test
            with pytest.raises(DataError):
                test.open(lambda: None)

    def test_no_test_image_is_read_before_its_evaluation_is_recorded(
        self, example: Example, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kind, parts = type(example.dataset.source), list[str]()
        read = kind.read

        def watched(source: object, part: Part) -> object:
            parts.append(part)
            return read(source, part)  # type: ignore[arg-type]

        monkeypatch.setattr(kind, "read", watched)
        test = example.dataset.load(download=False).test
        test.open(lambda: parts.append("recorded"))
        assert parts == ["train", "recorded", "test"]
        with pytest.raises(OSError, match="the disk is full"):
            test.open(_fail)
        assert parts == ["train", "recorded", "test"]

    def test_load_opens_no_file_of_the_test_part(self, example: Example) -> None:
        if example.folder is None or not example.labels_are_apart:
            pytest.skip("this source has both parts in one file")
        with opened_files(example.folder) as opened:
            example.dataset.load(download=False)
        assert len(opened) >= 2
        assert not any(name.startswith("test") for name in opened)

    def test_dataset_survives_json(self, example: Example, tmp_path: Path) -> None:
        dataset = example.dataset
        again = Dataset.from_json(json.loads(json.dumps(dataset.as_json())))
        assert again == dataset
        assert hash(again) == hash(dataset)
        assert again.load(download=False).train.digest() == dataset.load(download=False).train.digest()

    def test_path_inside_a_folder_is_relative_to_it(self, example: Example, tmp_path: Path) -> None:
        path = example.dataset.source.keys.get("path")
        if path is None:
            pytest.skip("this source has no path")
        folder = Path(path).parent
        written = json.loads(json.dumps(example.dataset.as_json(folder)))
        moved = Dataset.from_json(written, tmp_path / "moved")
        assert Path(moved.source.keys["path"]) == tmp_path / "moved" / Path(path).name
        assert Dataset.from_json(written, folder) == example.dataset
        assert Dataset.from_json(example.dataset.as_json(tmp_path / "elsewhere"), folder) == example.dataset
        assert moved.digest == example.dataset.digest

    def test_from_json_of_invalid_values_raises(self, example: Example) -> None:
        values = example.dataset.as_json()
        invalid: list[object] = [
            {**values, "digest": "0" * 64},
            {**values, "kind": "nothing"},
            {**values, "kind": ["idx"]},
            {**values, "source": None},
            {**values, "source": {}},
            {**values, "n_train": "9"},
            {**values, "image_shape": [4, 3]},
            {**values, "class_names": ["a", "a", "b"]},
            {key: value for key, value in values.items() if key != "title"},
            None,
            [],
        ]
        for other in invalid:
            with pytest.raises(DataError):
                Dataset.from_json(other)

    def test_digest_does_not_depend_on_name_and_title(self, example: Example) -> None:
        renamed = replace(example.dataset, name="renamed", title="another title")
        assert renamed.digest == example.dataset.digest
        assert len(renamed.digest) == 64


def _fail() -> None:
    raise OSError("the disk is full")
