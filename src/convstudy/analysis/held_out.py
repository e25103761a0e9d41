"""The predictions of a search's fits for validation images, and the variance from these images, pooled over folds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import FitRow
from convstudy.analysis.image_groups import Estimate, independent, of_images
from convstudy.analysis.methods import pseudo_observations
from convstudy.analysis.predictions import groups_in, losses_of, matches_accuracy, valid_arrays, values_of
from convstudy.errors import StoreError
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY, BALANCED_ACCURACY, LOG_LOSS, Metric, metric_named
from convstudy.stats.differences import Source
from convstudy.stats.grouped import grouped_mean, grouped_proportion
from convstudy.stats.image_groups import ImageGroups, group_indices
from convstudy.stats.intervals import Interval
from convstudy.stats.two_way import bound_of_images, images_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.stats.two_way import Values

MAX_CACHED = 20_000_000
"""The number of predictions that are cached; others are read again when needed."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A model's predictions of its n validation images.

    Attributes:
        images: int64 row numbers in the training set, shape (n,).
        correct: bool, shape (n,).
        losses: float32 cross-entropies in nats, shape (n,).
        labels: integers, shape (n,).
        predicted: the most probable class, integers, shape (n,).
        confidence: its probability, float32, shape (n,).
        values: the contribution of each image to the study's metric, shape (n,); ``None`` for accuracy and log-loss,
            and if the metric is undefined.
        largest_change: the largest change of the metric that one of these images can cause, on the scale of
            ``values``.
        balanced_accuracy: the mean accuracy over classes.
        groups: int64, shape (n,), the group of each image; ``None`` if there are none, or if they are not recorded.
    """

    images: npt.NDArray[np.int64]
    correct: npt.NDArray[np.bool_]
    losses: npt.NDArray[np.float32]
    labels: npt.NDArray[np.integer]
    predicted: npt.NDArray[np.integer]
    confidence: npt.NDArray[np.float32]
    values: npt.NDArray[np.float64] | None = None
    largest_change: float = 1.0
    balanced_accuracy: float | None = None
    groups: npt.NDArray[np.int64] | None = None

    @property
    def own(self) -> npt.NDArray[np.float32]:
        """The probability of the label, shape (n,)."""
        import numpy as np

        return np.exp(-self.losses)

    def metric_values(self, metric: Metric) -> npt.NDArray[np.floating] | None:
        """Return the contribution of each image to a metric, shape (n,); ``None`` if it is unknown or undefined."""
        if metric.name == ACCURACY:
            return self.correct.astype("float64")
        return self.losses if metric.name == LOG_LOSS else self.values


class HeldOutReader:
    """Reads the validation predictions of a run's fits, and caches up to ``MAX_CACHED`` of them."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._metric = metric_named(results.study.metric)
        self._read: dict[str, HeldOut | None] = {}
        self._n_cached = 0
        self._class_counts: dict[str, tuple[int, ...] | None] = {}
        self._images: dict[bytes, npt.NDArray[np.int64]] = {}
        self._indices: dict[tuple[str, ...], tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = {}

    def image_index(self, fits: Sequence[FitRow]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Index the distinct images of some fits. Results are cached, because a candidate is compared with many others.

        Returns:
            For each prediction, the index of its image among the distinct ones, and for each distinct image, its number
            of predictions.
        """
        import numpy as np

        key = tuple(fit.fit_id for fit in fits)
        if key not in self._indices:
            read = [self.of(fit.fit_id) for fit in fits]
            images = np.concatenate([each.images for each in read if each is not None])
            _, index, times = np.unique(images, return_inverse=True, return_counts=True)
            self._indices[key] = (index, times)
        return self._indices[key]

    def of(self, fit_id: str) -> HeldOut | None:
        """Return a fit's predictions; ``None`` if they are missing, invalid, or contradict the record."""
        if fit_id in self._read:
            return self._read[fit_id]
        found = self._load(fit_id)
        # Predictions of a search with 1,000 fits can exceed the memory of a small machine.
        if self._n_cached < MAX_CACHED:
            self._read[fit_id] = found
            self._n_cached += len(found.images) if found else 0
        return found

    def groups(self, fits: Sequence[FitRow]) -> npt.NDArray[np.int64] | None:
        """Return the group of each distinct image of some fits (see :meth:`image_index`), ``None`` without groups."""
        read = [self.of(fit.fit_id) for fit in fits]
        groups = [each.groups for each in read if each is not None and each.groups is not None]
        if not groups or len(groups) < len(read):
            return None
        index, times = self.image_index(fits)
        return of_images(groups, index, len(times))

    def marked(self, found: Estimate, fits: Sequence[FitRow]) -> Estimate:
        """Mark an estimate that takes images as independent because the groups of its images are unknown."""
        if not self._results.dataset.n_groups or self.groups(fits) is not None:
            return found
        return independent(found, sum(fit.n_validation for fit in fits))

    def class_counts(self, fit_id: str) -> tuple[int, ...] | None:
        """Return the number of validation images per class; ``None`` if the labels are not recorded."""
        if fit_id not in self._class_counts:
            self.of(fit_id)
        return self._class_counts[fit_id]

    def _load(self, fit_id: str) -> HeldOut | None:
        import numpy as np

        self._class_counts[fit_id] = None
        try:
            arrays = self._results.arrays(fit_id, "validation")
        except StoreError:
            return None
        found, images = valid_arrays(arrays), arrays.get("indices")
        if found is None:
            return None
        labels, probabilities = found
        counts: list[int] = np.bincount(labels, minlength=probabilities.shape[1]).tolist()
        self._class_counts[fit_id] = tuple(counts)
        record = self._results.records.get(fit_id)
        if images is None or images.dtype.kind not in "iu" or record is None or not record.done:
            return None
        predicted = probabilities.argmax(axis=1)
        correct = predicted == labels
        if not len(labels) == len(images) == record.n_validation or not matches_accuracy(
            correct, record.selected.validation["accuracy"]
        ):
            return None
        own = images.astype(np.int64)
        # The fits of a fold share one array. This saves memory, and ``is`` can compare the images of two fits.
        shared = self._images.setdefault(hashlib.sha256(own.tobytes()).digest(), own)
        losses = losses_of(labels, probabilities).astype(np.float32)
        values = values_of(self._metric, labels, probabilities)
        change = self._metric.largest_change(labels, probabilities.shape[1])
        balanced = float((correct * metric_named(BALANCED_ACCURACY).weights(labels)).mean())
        classes = np.min_scalar_type(probabilities.shape[1])
        confidence = probabilities.max(axis=1).astype(np.float32)
        return HeldOut(
            shared,
            correct,
            losses,
            labels.astype(classes),
            predicted.astype(classes),
            confidence,
            values,
            change,
            balanced,
            groups_in(arrays, len(labels)),
        )


def pooled_images(
    pairs: Sequence[tuple[FitRow, FitRow]], held_out: HeldOutReader, metric: Metric
) -> tuple[Source, int, ImageGroups | None] | None:
    """Compute the variance of a difference over folds that the sampling of images causes.

    With repeated folds, an image can be held out several times; it counts once, with its mean difference.

    Args:
        pairs: fits of two candidates, paired by fold.
        held_out: the reader of validation predictions.
        metric: the study's metric.

    Returns:
        This variance, the effective number of images for an equivalence claim, and the groups of the images if they
        have groups. ``None`` if predictions are missing, the metric is undefined, or the images of a pair differ.
    """
    found = pooled_contributions(pairs, held_out, metric)
    if found is None:
        return None
    return variance_of_pooled(*found, held_out.groups([first for first, _ in pairs]))


def variance_of_pooled(
    first: Values, second: Values, size: float, groups: npt.NDArray[np.int64] | None = None
) -> tuple[Source, int, ImageGroups | None]:
    """Return the result of :func:`pooled_images` for two candidates' mean contributions of each image.

    Args:
        first: the contributions to the metric of the first candidate, shape (images,).
        second: those to the metric of the second.
        size: the size of the pseudo-observations.
        groups: the group of each image, shape (images,).
    """
    indices = None if groups is None else group_indices(groups, len(first))
    if indices is not None and indices.max() > 0:
        found = grouped_mean((first - second)[None], indices)
        counted = found.groups.n_effective
        return found.sources(size)[0], int(counted / size) if size else int(counted), found.groups
    return images_of(first - second, size), int(len(first) / size) if size else len(first), None


def pooled_contributions(
    pairs: Sequence[tuple[FitRow, FitRow]], held_out: HeldOutReader, metric: Metric
) -> tuple[Values, Values, float] | None:
    """Return each candidate's mean contribution of each image of all folds, and the size of pseudo-observations.

    Returns:
        Two arrays of shape (images,), and the largest difference of two models on an unseen image. ``None`` if
        predictions are missing, the metric is undefined, or the images of a pair differ.
    """
    import numpy as np

    values: tuple[list[Values], list[Values]] = ([], [])
    largest, change = 0.0, 0.0
    for first, second in pairs:
        one, other = held_out.of(first.fit_id), held_out.of(second.fit_id)
        if one is None or other is None or one.images is not other.images:
            return None
        first_values, second_values = one.metric_values(metric), other.metric_values(metric)
        if first_values is None or second_values is None:
            return None
        values[0].append(first_values.astype(np.float64))
        values[1].append(second_values.astype(np.float64))
        largest = max(largest, float(first_values.max()), float(second_values.max()))
        change = max(change, one.largest_change)
    if not pairs:
        return None
    index, times = held_out.image_index([first for first, _ in pairs])
    if len(times) < 2:
        return None
    first_means, second_means = (np.bincount(index, np.concatenate(each)) / times for each in values)
    return first_means, second_means, pseudo_observations(metric, largest, len(times), change)


def pooled_accuracy(fits: Sequence[FitRow], held_out: HeldOutReader, metric: Metric) -> Interval | None:
    """Compute the interval of an accuracy on the pooled validation images of some fits, if these are in groups.

    Args:
        fits: the fits of one candidate, one per fold.
        held_out: the reader of validation predictions.
        metric: a metric that is a proportion.

    Returns:
        ``None`` if predictions are missing or the images are not in groups.
    """
    import numpy as np

    read = [held_out.of(fit.fit_id) for fit in fits]
    values = [None if each is None else each.metric_values(metric) for each in read]
    known = [each for each in values if each is not None]
    groups = held_out.groups(fits) if known and len(known) == len(values) else None
    if groups is None:
        return None
    index, times = held_out.image_index(fits)
    indices = group_indices(groups, len(times))
    if indices is None or indices.max() < 1:
        return None
    means = np.bincount(index, np.concatenate(known)) / times
    return grouped_proportion(grouped_mean(means[None], indices))


def bound_of_pooled_images(pairs: Sequence[tuple[FitRow, FitRow]]) -> tuple[Source, int]:
    """Compute an upper bound of the result of :func:`pooled_images` from error rates, without predictions.

    Args:
        pairs: fits of two candidates, paired by fold; at least one pair.

    Returns:
        The upper bound of the variance, and the number of distinct images.
    """
    n_all = max(a.n_train + a.n_validation for a, _ in pairs)
    n_validation = sum(a.n_validation for a, _ in pairs)
    fits = [fit for pair in pairs for fit in pair]
    wrong = sum(
        (1 - (fit.validation["accuracy"] if fit.validation else 0.0)) * fit.n_validation for fit in fits
    )
    n = max(1, min(n_validation, n_all))  # repeated folds use the same images again
    return bound_of_images(wrong / max(1, n_validation), n), n
