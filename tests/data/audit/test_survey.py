"""Near-duplicates within a part are counted once per pair, and examples of fits have different aspect ratios."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data import Dataset
from convstudy.data.audit.fit_examples import fit_examples
from convstudy.data.audit.survey import NearWithin, Survey, survey
from convstudy.data.decoding import DecodeOptions
from convstudy.errors import DataError, Problem


def surveyed(train: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> Survey:
    rng = np.random.default_rng(1)
    test = rng.integers(0, 256, (4, *train.shape[1:]), "uint8")
    dataset = Dataset.from_arrays(train, labels, test, np.arange(4) % 2)
    loaded = dataset.load()
    return survey(dataset, loaded.train, loaded.test.open(lambda: None))


def noisy(image: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(seed).integers(-2, 3, image.shape)
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)


def test_near_duplicates_within_a_part_are_pairs_of_images_not_of_rows() -> None:
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, (10, 12, 12, 1), "uint8")
    labels = np.arange(10) % 2
    train[2], train[3] = (
        noisy(train[0], 1),
        noisy(train[0], 2),
    )  # labels 0, 0, 1: three pairs, two of them with 0 and 1
    train[9] = train[8]  # an exact copy is no near-duplicate
    found = surveyed(train, labels)
    assert found.near == {"train": NearWithin(3, 3, 2), "test": NearWithin(0, 0, 0)}
    assert (found.statistics.train.n_repeated, found.statistics.train.n_repeated_otherwise) == (1, 1)


def test_survey_of_arrays_has_neither_notes_nor_warnings() -> None:
    found = surveyed(np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), "uint8"), np.arange(6) % 2)
    assert (found.notes, found.warnings, found.as_json()["prepared"]) == ((), (), None)


class Arrays:
    """A reader of arrays, of which some cannot be read."""

    def __init__(self, images: list[npt.NDArray[np.uint8]], unreadable: tuple[int, ...] = ()) -> None:
        self.images, self.unreadable = images, unreadable

    def stamp(self, position: int) -> tuple[int, int, int]:
        return 0, 0, position

    def stamps(self) -> npt.NDArray[np.int64]:
        return np.array([self.stamp(position) for position in range(len(self.images))])

    def read(self, position: int) -> npt.NDArray[np.uint8]:
        if position in self.unreadable:
            raise DataError(Problem("gone"))
        return self.images[position]

    def as_json(self) -> Mapping[str, Any]:
        raise NotImplementedError


def examples(reader: Arrays, positions: list[int], n: int = 6) -> list[str]:
    names = [f"image-{number}" for number in range(len(reader.images))]
    found = fit_examples(reader, names, positions, DecodeOptions((10, 10), 1), n)  # type: ignore[arg-type]
    for example in found:
        assert [name for name, _ in example.versions] == ["original", "crop", "pad", "stretch"]
        assert {pixels.shape for _, pixels in example.versions[1:]} == {(10, 10, 1)}
    return [example.name for example in found]


def test_examples_go_from_the_narrowest_to_the_widest_image() -> None:
    reader = Arrays([np.zeros((20, width), np.uint8) for width in (30, 10, 60, 20, 40, 90)])
    assert examples(reader, list(range(6)), n=3) == [
        "image-1, 10 × 20",
        "image-0, 30 × 20",
        "image-5, 90 × 20",
    ]


def test_images_of_the_datasets_aspect_ratio_need_no_examples() -> None:
    assert examples(Arrays([np.zeros((20, 20), np.uint8)] * 4), [0, 1, 2, 3]) == []


def test_only_the_given_positions_are_shown_and_unreadable_images_are_left_out() -> None:
    reader = Arrays([np.zeros((20, width), np.uint8) for width in (10, 20, 30, 40)], unreadable=(2,))
    assert examples(reader, [1, 2, 3]) == ["image-1, 20 × 20", "image-3, 40 × 20"]


def test_original_is_reduced_in_size_only() -> None:
    reader = Arrays([np.zeros((320, 640), np.uint8)])
    (example,) = fit_examples(reader, ["wide"], [0], DecodeOptions((10, 10), 1))  # type: ignore[arg-type]
    assert example.versions[0][1].shape == (80, 160, 1)
