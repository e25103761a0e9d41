"""A loaded dataset: the training images in memory, and the locked test set."""

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
    """The test images of a dataset, which are not read before :meth:`open`. The test labels are not locked."""

    info: Dataset

    def __len__(self) -> int:
        """Return the number of test images without reading them."""
        return self.info.n_test

    def open(self, record_test_evaluation: Callable[[], None]) -> Images:
        """Record a test-set evaluation, then read the test images.

        The images are not cached: each call counts as one evaluation and reads them again.

        Args:
            record_test_evaluation: records that the test set is evaluated. This function is called first. If it raises
                an error, no test image is read, so every evaluation has a record.

        Raises:
            DataError: if the test images are missing or damaged, or have the wrong shape.
        """
        record_test_evaluation()
        return read_part(self.info, "test")


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A dataset with its images: ``train`` for training and validation, and ``test``, which is locked."""

    info: Dataset
    train: Images
    test: LockedTest


def read_part(dataset: Dataset, part: Part) -> Images:
    """Return the training or test images; raise :class:`DataError` if shape or labels do not fit the dataset."""
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
    """Raise :class:`DataError` if a training or test label is not in [0, ``n_classes``)."""
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= dataset.n_classes:
        raise DataError(
            Problem(
                f"the {part} labels must be in [0, {dataset.n_classes - 1}]",
                where=Location(subject=dataset.name),
                got=f"labels from {lowest} to {highest}",
            )
        )
