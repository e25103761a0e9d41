"""Statistics of a dataset's images: class counts, constant images and duplicates.

They need the pixels of the test set, so they are computed during the test-set evaluation (see
:mod:`convstudy.run.study`). They do not depend on models or scores.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from convstudy.data.audit.duplicates import (
    MAX_SHOWN,
    Pair,
    Pairs,
    count_repeats,
    exact_pairs,
    near_duplicate_pairs,
)
from convstudy.data.audit.fingerprints import Fingerprints, fingerprints_of
from convstudy.data.audit.perceptual_hashes import PerceptualHashes, perceptual_hashes

if TYPE_CHECKING:
    from convstudy.data.dataset import Dataset
    from convstudy.data.images import Images

VERSION = 1
"""The version of the JSON form; statistics of another version are computed again."""
_MAX_COUNT = 10**15
"""An upper limit of counts of images and pairs, for validation."""


@dataclass(frozen=True)
class PartStatistics:
    """Statistics of the training or test images.

    Attributes:
        class_counts: the number of images of each class.
        n_constant: the number of images whose pixels are all equal.
        n_repeated: the number of images equal to an earlier image of the same set.
        n_repeated_otherwise: the number of these whose label differs from that of the first equal image.
    """

    class_counts: tuple[int, ...]
    n_constant: int
    n_repeated: int
    n_repeated_otherwise: int

    @property
    def n_images(self) -> int:
        return sum(self.class_counts)


@dataclass(frozen=True)
class DatasetStatistics:
    """Statistics of a dataset.

    Attributes:
        digest: the digest of the dataset.
        train: the statistics of the training images.
        test: the statistics of the test images.
        exact: the pairs of a training and a test image with equal pixels.
        near_duplicates: the pairs of near-duplicates; ``None`` if too many images look alike.
        fingerprints: those of the test images; ``None`` in statistics from before they existed.
    """

    digest: str
    train: PartStatistics
    test: PartStatistics
    exact: Pairs
    near_duplicates: Pairs | None
    fingerprints: Fingerprints | None = None

    def as_json(self) -> dict[str, Any]:
        """Return JSON values for :meth:`from_json`."""
        values = {"version": VERSION, **asdict(replace(self, fingerprints=None))}
        values["fingerprints"] = self.fingerprints and self.fingerprints.as_json()
        return values

    @classmethod
    def from_json(cls, values: object, info: Dataset) -> DatasetStatistics:
        """Create the statistics from the values of :meth:`as_json`, which are validated.

        Args:
            values: the JSON values.
            info: the dataset.

        Raises:
            ValueError: if the values are not possible statistics of this dataset.
        """
        keys = ("version", "digest", "train", "test", "exact", "near_duplicates", "fingerprints")
        if isinstance(values, Mapping):
            values = {"fingerprints": None, **values}  # statistics of earlier versions have none
        version, digest, train, test, exact, near_duplicates, keys_of_test = _members(values, keys)
        fingerprints = None if keys_of_test is None else Fingerprints.from_json(keys_of_test)
        if fingerprints is not None and len(fingerprints) != info.n_test:
            raise ValueError(f"expected {info.n_test} fingerprints")
        if version != VERSION or digest != info.digest:
            raise ValueError("these are statistics of another dataset or version")
        return cls(
            info.digest,
            _part(train, info.n_classes, info.n_train),
            _part(test, info.n_classes, info.n_test),
            _pairs(exact, info),
            None if near_duplicates is None else _pairs(near_duplicates, info),
            fingerprints,
        )


def dataset_statistics(info: Dataset, train: Images, test: Images) -> DatasetStatistics:
    """Return the statistics of a dataset.

    Args:
        info: the dataset.
        train: its training images; labels must be in [0, ``n_classes``), as :meth:`.Dataset.load` checks.
        test: its test images.
    """
    return statistics_of(info, train, test, perceptual_hashes(train), perceptual_hashes(test))


def statistics_of(
    info: Dataset, train: Images, test: Images, first: PerceptualHashes, second: PerceptualHashes
) -> DatasetStatistics:
    """Return the statistics of a dataset, from the hashes of its training and test images."""
    from convstudy.data.sources.prepared import PreparedSource

    source = info.source
    files = source.test_file_keys() if isinstance(source, PreparedSource) else None
    return DatasetStatistics(
        info.digest,
        _statistics_of(train, first, info.n_classes),
        _statistics_of(test, second, info.n_classes),
        exact_pairs(first, second, train.labels, test.labels),
        near_duplicate_pairs(train, test, first, second),
        fingerprints_of(second.exact, files),
    )


def _statistics_of(images: Images, hashes: PerceptualHashes, n_classes: int) -> PartStatistics:
    import numpy as np

    counts = np.bincount(images.labels, minlength=n_classes).tolist()
    return PartStatistics(tuple(counts), int(hashes.constant.sum()), *count_repeats(hashes, images.labels))


def _members(values: object, keys: tuple[str, ...]) -> list[Any]:
    """Return the values of a mapping with exactly these keys."""
    if not isinstance(values, Mapping) or set(values) != set(keys):
        raise ValueError(f"expected {', '.join(keys)}")
    return [values[key] for key in keys]


def _count(value: object, most: int = _MAX_COUNT) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"expected an integer in [0, {most}]")
    return value


def _items(values: object, most: int) -> list[Any]:
    if not isinstance(values, list) or len(values) > most:
        raise ValueError(f"expected a list of at most {most} items")
    return values


def _part(values: object, n_classes: int, n_images: int) -> PartStatistics:
    keys = ("class_counts", "n_constant", "n_repeated", "n_repeated_otherwise")
    counts, *others = _members(values, keys)
    part = PartStatistics(
        tuple(_count(count, n_images) for count in _items(counts, n_classes)),
        *(_count(other, n_images) for other in others),
    )
    if len(part.class_counts) != n_classes or part.n_images != n_images:
        raise ValueError(f"expected {n_images} images of {n_classes} classes")
    return part


def _pairs(values: object, info: Dataset) -> Pairs:
    n_pairs, n_test, n_otherwise, shown = _members(
        values, ("n_pairs", "n_test", "n_otherwise_labelled", "shown")
    )
    # Every count is checked against the sizes of the dataset: a report shows these values.
    n_pairs = _count(n_pairs, info.n_train * info.n_test)
    pairs = tuple(_pair(pair, info) for pair in _items(shown, min(MAX_SHOWN, n_pairs)))
    return Pairs(n_pairs, _count(n_test, min(n_pairs, info.n_test)), _count(n_otherwise, n_pairs), pairs)


def _pair(values: object, info: Dataset) -> Pair:
    keys = ("train_row", "test_row", "train_label", "test_label", "correlation")
    train_row, test_row, train_label, test_label, correlation = _members(values, keys)
    if type(correlation) not in (int, float) or not math.isfinite(correlation):
        raise ValueError("expected a number")
    return Pair(
        _count(train_row, info.n_train - 1),
        _count(test_row, info.n_test - 1),
        _count(train_label, info.n_classes - 1),
        _count(test_label, info.n_classes - 1),
        float(correlation),
    )
