"""What each fit of a search made of its validation images, and what two candidates' folds say of these together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import FitRow
from convstudy.analysis.methods import pseudo_observations
from convstudy.analysis.predictions import has_accuracy, losses_of, sound, values_of
from convstudy.errors import StoreError
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY, LOG_LOSS, Metric, metric_named
from convstudy.stats.differences import Source
from convstudy.stats.two_way import images_of, most_of_images

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_KEPT = 20_000_000
"""Predictions of this many images are kept in memory; others are read again where they are needed again."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One model's predictions of its validation images.

    Attributes:
        images: int64, which training images these are, shape (n,).
        right: bool, shape (n,).
        losses: float32 cross-entropies in nats, shape (n,).
        values: the study's metric, each image's value times its weight in this part; ``None`` for the accuracy, the
            log-loss and metrics per set.
        heaviest: the largest weight of an image.
    """

    images: npt.NDArray[np.int64]
    correct: npt.NDArray[np.bool_]
    losses: npt.NDArray[np.float32]
    values: npt.NDArray[np.float64] | None = None
    heaviest: float = 1.0

    def metric_values(self, metric: Metric) -> npt.NDArray[np.floating] | None:
        """Return each image's value of the study's metric times its weight, shape (n,); ``None`` without."""
        if metric.name == ACCURACY:
            return self.correct.astype("float64")
        return self.losses if metric.name == LOG_LOSS else self.values


class HeldOutReader:
    """Reads the validation predictions of a run's fits, each file once.

    Beyond ``MOST_KEPT`` images a file is read again where it is needed again.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._metric = metric_named(results.study.metric)
        self._read: dict[str, HeldOut | None] = {}
        self._n_kept = 0
        self._class_counts: dict[str, tuple[int, ...] | None] = {}
        self._images: dict[bytes, npt.NDArray[np.int64]] = {}
        self._places: dict[tuple[str, ...], tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = {}

    def places(self, fits: Sequence[FitRow]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return which different image each prediction of these fits is of, and how often each image occurs.

        One candidate is compared with many, so this is kept.
        """
        import numpy as np

        key = tuple(fit.fit_id for fit in fits)
        if key not in self._places:
            read = [self.of(fit.fit_id) for fit in fits]
            images = np.concatenate([each.images for each in read if each is not None])
            _, places, times = np.unique(images, return_inverse=True, return_counts=True)
            self._places[key] = (places, times)
        return self._places[key]

    def of(self, fit_id: str) -> HeldOut | None:
        """Return a fit's predictions, ``None`` where they are missing, have no labels, or do not fit the record."""
        if fit_id in self._read:
            return self._read[fit_id]
        found = self._load(fit_id)
        if self._n_kept < MOST_KEPT:
            self._read[fit_id] = found
            self._n_kept += len(found.images) if found else 0
        return found

    def class_counts(self, fit_id: str) -> tuple[int, ...] | None:
        """Return the validation images of each class, ``None`` where a fit's labels are not on record."""
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
        found, images = sound(arrays), arrays.get("indices")
        if found is None:
            return None
        labels, probabilities = found
        counts: list[int] = np.bincount(labels, minlength=probabilities.shape[1]).tolist()
        self._class_counts[fit_id] = tuple(counts)
        record = self._results.records.get(fit_id)
        if images is None or images.dtype.kind not in "iu" or record is None or not record.done:
            return None
        right = probabilities.argmax(axis=1) == labels
        if not len(labels) == len(images) == record.n_validation or not has_accuracy(
            right, record.selected.validation["accuracy"]
        ):
            return None
        own = images.astype(np.int64)
        # The fits of one fold share the array, so that few are kept and comparing them costs nothing.
        shared = self._images.setdefault(hashlib.sha256(own.tobytes()).digest(), own)
        losses = losses_of(labels, probabilities).astype(np.float32)
        values = values_of(self._metric, labels, probabilities)
        heaviest = 1.0 if self._metric.weigh is None else float(self._metric.weights(labels).max())
        return HeldOut(shared, right, losses, values, heaviest)


def pooled_images(
    pairs: Sequence[tuple[FitRow, FitRow]], held_out: HeldOutReader, metric: Metric
) -> tuple[Source, int] | None:
    """Return the images' part of a difference over folds, and the number of different images that a tie counts.

    An image that was held out more than once, by repeated folds, counts once, with its mean difference.

    Args:
        pairs: the fits of two candidates that belong together.
        held_out: what these made of their validation images.
        metric: the study's, per image.

    Returns:
        ``None`` where predictions of a pair are missing, or are not of the same images.
    """
    import numpy as np

    differences, largest, heaviest = [], 0.0, 1.0
    for first, second in pairs:
        one, other = held_out.of(first.fit_id), held_out.of(second.fit_id)
        if one is None or other is None or one.images is not other.images:
            return None
        mine, theirs = one.metric_values(metric), other.metric_values(metric)
        if mine is None or theirs is None:
            return None
        differences.append(mine.astype(np.float64) - theirs)
        largest = max(largest, float(mine.max()), float(theirs.max()))
        heaviest = max(heaviest, one.heaviest)
    if not differences:
        return None
    places, times = held_out.places([first for first, _ in pairs])
    if len(times) < 2:
        return None
    figures = np.bincount(places, np.concatenate(differences)) / times
    size = pseudo_observations(metric, largest, len(times), heaviest)
    return images_of(figures, size), int(len(times) / size)


def most_of_pooled_images(pairs: Sequence[tuple[FitRow, FitRow]]) -> tuple[Source, int]:
    """Return the largest images' part that the scores allow, and the number of images, without predictions.

    Args:
        pairs: the fits of two candidates that belong together, one at least.
    """
    n_all = max(a.n_train + a.n_validation for a, _ in pairs)
    n_validation = sum(a.n_validation for a, _ in pairs)
    fits = [fit for pair in pairs for fit in pair]
    wrong = sum(
        (1 - (fit.validation["accuracy"] if fit.validation else 0.0)) * fit.n_validation for fit in fits
    )
    n = max(1, min(n_validation, n_all))  # repeated folds hold no more images than there are
    return most_of_images(wrong / max(1, n_validation), n), n
