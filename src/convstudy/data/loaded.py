"""The images of a dataset once they are loaded: training images at hand, the test set locked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.images import Images, Part
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.dataset import Dataset


@dataclass(frozen=True)
class LockedTest:
    """The test images of a dataset, unread until they are opened. Labels are not locked."""

    info: Dataset

    def __len__(self) -> int:
        """Return the number of images; nothing is read."""
        return self.info.n_test

    def open(self, record_test_evaluation: Callable[[], None]) -> Images:
        """Record the test-set evaluation, then read the test images.

        Nothing is kept: each call is an evaluation of its own and reads the images again.

        Args:
            record_test_evaluation: records that the test set is evaluated. It is called first; if it raises, no
            test image is
                read, so that no evaluation is ever unrecorded.

        Raises:
            DataError: where the test images are missing, damaged, or not what they must be.
        """
        record_test_evaluation()
        return read_part(self.info, "test")


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A dataset whose training images are read: ``train`` to train and validate on, ``test`` locked."""

    info: Dataset
    train: Images
    test: LockedTest


def read_part(dataset: Dataset, part: Part) -> Images:
    """Return one part; raise :class:`DataError` where it is not what the dataset says."""
    images = dataset.source.read(part)
    expected = (dataset.n_train if part == "train" else dataset.n_test, *dataset.image_shape)
    if images.pixels.shape != expected:
        raise DataError(
            Problem(
                f"the {part} images have the wrong shape",
                where=Location(subject=dataset.name),
                got=str(images.pixels.shape),
                expected=str(expected),
            )
        )
    check_labels(dataset, part, images.labels)
    return images


def check_labels(dataset: Dataset, part: Part, labels: npt.NDArray[np.int64]) -> None:
    """Raise :class:`DataError` where a label is not the index of a class."""
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= dataset.n_classes:
        raise DataError(
            Problem(
                f"a label of the {part} images names no class",
                where=Location(subject=dataset.name),
                got=f"labels from {lowest} to {highest}",
                expected=f"0 to {dataset.n_classes - 1}",
            )
        )
