"""Loading a dataset: its training images at hand, its test images sealed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.catalogue import DatasetInfo, dataset_info
from convstudy.data.images import Images, Part
from convstudy.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class SealedTest:
    """The test images of a dataset, unread until they are opened. Labels are not sealed."""

    info: DatasetInfo

    def __len__(self) -> int:
        """Return how many images there are; known from the catalogue, nothing is read."""
        return self.info.n_test

    def open(self, record_opening: Callable[[], None]) -> Images:
        """Record the opening, then read the test images.

        Nothing is kept: each call is an opening of its own and reads anew.

        Args:
            record_opening: writes down that the test set is being opened. It is called first; if it raises,
                the test images stay sealed, so that no opening ever goes unrecorded.

        Raises:
            DataError: if the test images are missing, damaged or not what they should be.
        """
        record_opening()
        return _read(self.info, "test")


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a study works on: ``train`` to train and validate on, ``test`` sealed."""

    info: DatasetInfo
    train: Images
    test: SealedTest


def load_dataset(name: str, download: bool = True) -> Dataset:
    """Return a dataset by its name in the catalogue.

    The training images are read and verified. The test images are not read; but their files are located, and
    downloaded if need be and ``download`` allows, so that a study does not find out at its end that they are missing.

    Raises:
        DataError: if there is no such dataset, or its files are missing, damaged or not what they should be.
    """
    info = dataset_info(name)
    info.source.fetch(name, download)
    return Dataset(info, _read(info, "train"), SealedTest(info))


def _read(info: DatasetInfo, part: Part) -> Images:
    images = info.source.read(info.name, part)
    expected = (info.n_train if part == "train" else info.n_test, *info.image_shape)
    if images.pixels.shape != expected:
        raise DataError(
            Problem(
                f"the {part} images have the wrong shape",
                where=info.name,
                got=str(images.pixels.shape),
                allowed=str(expected),
            )
        )
    _check_labels(info, part, images.labels)
    return images


def load_labels(name: str, part: Part, download: bool = True) -> npt.NDArray[np.int64]:
    """Return the labels of a part, int64 of shape (n,), each of them the index of a class.

    No image is read. Labels show before anything trains whether each class has images enough, and whether the test
    part can be scored.

    Raises:
        DataError: if there is no such dataset, or the labels are missing, damaged or not what they should be.
    """
    info = dataset_info(name)
    info.source.fetch(name, download)
    labels = info.source.read_labels(name, part)
    expected = info.n_train if part == "train" else info.n_test
    if labels.shape != (expected,):
        what = f"the {part} part has another number of labels"
        raise DataError(Problem(what, name, got=str(labels.shape), allowed=str((expected,))))
    _check_labels(info, part, labels)
    return labels


def _check_labels(info: DatasetInfo, part: Part, labels: npt.NDArray[np.int64]) -> None:
    """Raise :class:`DataError` where a label is not the index of a class."""
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= info.n_classes:
        raise DataError(
            Problem(
                f"a label of the {part} images names no class",
                where=info.name,
                got=f"labels from {lowest} to {highest}",
                allowed=f"0 to {info.n_classes - 1}",
            )
        )
