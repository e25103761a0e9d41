"""Calibration: of all predictions with a confidence of 90 %, 90 % of a calibrated model's are correct.

- Expected calibration error (Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017, equations 2 and 3): predictions are
  sorted into 15 bins of confidence. The error is the mean absolute difference between accuracy and mean confidence of a
  bin, weighted by its number of predictions. Guo et al. use bins of equal width. A network with 99 % accuracy has
  nearly all predictions in the last of these bins, so bins with equal numbers of predictions ("equal mass") are used
  too (Nguyen and O'Connor 2015).
- The estimate is biased upwards: even a perfectly calibrated model has a positive error, because of the finite sample
  (Kumar, Liang and Ma 2019; Roelofs et al. 2022). ``by_chance`` is the error that a perfectly calibrated model would
  have: in a bin of n predictions with mean confidence p, the number of correct predictions is binomial, with de
  Moivre's mean absolute deviation (Diaconis and Zabell 1991). ``by_chance`` is slightly too large if confidences within
  a bin differ.
- Maximum calibration error: the largest absolute difference between accuracy and mean confidence of a bin, often of a
  bin with very few predictions.
- Brier score (Brier 1950): the squared distance between predicted probabilities and one-hot labels, summed over
  classes, from 0 to 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convstudy.analysis.predictions import Predictions, losses_of_true
from convstudy.stats.image_groups import group_indices
from convstudy.stats.intervals import Interval, proportion_interval
from convstudy.stats.summary import Summary, summarise
from convstudy.stats.two_way import accuracy_interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

N_BINS = 15


@dataclass(frozen=True)
class Bin:
    """The predictions with a confidence in (``low``, ``high``], of all models together.

    Attributes:
        low, high: the limits of the bin, fractions.
        n: the number of predictions.
        n_images: the number of distinct images.
        confidence, accuracy: means, fractions; ``None`` if the bin is empty.
        interval: the interval of the accuracy as a proportion for a sample of ``n_images`` and not ``n``, because
            predictions of several models for one image are not independent. If images are in groups, the number of
            images is divided by the design effect of the accuracy.
    """

    low: float
    high: float
    n: int
    n_images: int
    confidence: float | None
    accuracy: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Calibration:
    """The calibration of a candidate's models on test images; summaries are over models.

    Attributes:
        n_images: the number of test images.
        bins: bins of equal width, over all models.
        error: expected calibration error with bins of equal width, a fraction.
        by_chance: the expected ``error`` of a perfectly calibrated model.
        equal_mass: expected calibration error with bins of equal mass.
        equal_mass_by_chance: the expected ``equal_mass`` of a perfectly calibrated model.
        largest: maximum calibration error, with bins of equal width.
        confidence: mean confidence, a fraction.
        accuracy: the mean accuracy with its interval for new seeds and new images (:mod:`convstudy.stats.two_way`).
        brier: Brier score, 0 to 2.
        loss: mean cross-entropy in nats.
    """

    n_images: int
    bins: tuple[Bin, ...]
    error: Summary
    by_chance: Summary
    equal_mass: Summary
    equal_mass_by_chance: Summary
    largest: Summary
    confidence: Summary
    accuracy: Interval
    brier: Summary
    loss: Summary

    @property
    def n_models(self) -> int:
        """The number of models."""
        return self.error.n

    @property
    def gap(self) -> float:
        """Mean confidence minus accuracy: positive if the models are overconfident."""
        assert self.confidence.mean is not None  # there is at least one model
        return self.confidence.mean - self.accuracy.estimate

    @property
    def is_miscalibrated(self) -> bool:
        """Whether the mean confidence is outside the interval of the accuracy.

        This test is conservative: confidence and accuracy are both low on hard images, so their difference varies less
        than the accuracy.
        """
        return self.accuracy.reliable and (
            not self.accuracy.low <= self.accuracy.estimate + self.gap <= self.accuracy.high
        )

    def unreliable(self) -> Calibration:
        """Return the calibration with intervals that are not reliable, because seeds collapsed."""
        bins = tuple(
            replace(each, interval=each.interval and replace(each.interval, reliable=False))
            for each in self.bins
        )
        return replace(self, accuracy=replace(self.accuracy, reliable=False), bins=bins)


def calibration_of(
    models: Iterable[Predictions | None], groups: npt.NDArray[np.int64] | None = None
) -> Calibration | None:
    """Compute the calibration of a candidate's models.

    Args:
        models: their predictions.
        groups: the group of each test image, shape (n,).

    Returns:
        ``None`` if there is no model, if predictions of a model are missing, or if labels differ between models.
    """
    import numpy as np

    found = tuple(models)
    confidences: list[Floats] = []
    correct: list[npt.NDArray[np.bool_]] = []
    briers: list[float] = []
    losses: list[float] = []
    for model in found:
        if model is None or found[0] is None or not np.array_equal(model.labels, found[0].labels):
            return None
        # Softmax in float32 can exceed 1 by rounding.
        confidences.append(np.minimum(model.confidence.astype(np.float64), 1.0))
        correct.append(model.correct)
        losses.append(float(losses_of_true(model.true).mean()))
        briers.append(model.brier)
    if not confidences:
        return None
    indices = None if groups is None else group_indices(groups, len(correct[0]))
    confidence, right = np.stack(confidences), np.stack(correct).astype(np.float64)
    widths = [_equal_width(c) for c in confidence]
    masses = [_equal_mass(c) for c in confidence]
    gaps = [_gaps(c, r, bins) for c, r, bins in zip(confidence, right, widths, strict=True)]
    accuracy = accuracy_interval(right)
    if indices is not None:
        # One group says nothing about other groups.
        one = Interval(accuracy.estimate, 0.0, 1.0)
        accuracy = accuracy_interval(right, groups=indices) if indices.max() > 0 else one
    known = accuracy.groups
    return Calibration(
        n_images=confidence.shape[1],
        bins=_bins(confidence, right, known.n_effective / known.n_images if known else 1.0),
        error=summarise(_mean_distance(*each) for each in gaps),
        by_chance=summarise(map(_by_chance, confidence, widths)),
        equal_mass=summarise(
            _mean_distance(*_gaps(c, r, bins)) for c, r, bins in zip(confidence, right, masses, strict=True)
        ),
        equal_mass_by_chance=summarise(map(_by_chance, confidence, masses)),
        largest=summarise(float(np.abs(gap[n > 0]).max()) for gap, n in gaps),
        confidence=summarise(confidence.mean(axis=1).tolist()),
        accuracy=accuracy,
        brier=summarise(briers),
        loss=summarise(losses),
    )


def _equal_width(confidence: Floats) -> npt.NDArray[np.int64]:
    """Return the bin of each prediction, shape (n,); the first bin is (0, 1/15]."""
    import numpy as np

    return np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)


def _equal_mass(confidence: Floats) -> npt.NDArray[np.int64]:
    """Return the bin of each prediction by its rank, shape (n,); sizes of bins differ by at most 1."""
    import numpy as np

    ranks = np.empty(len(confidence), dtype=np.int64)
    # A stable sort makes bins of equal confidences independent of the platform.
    ranks[np.argsort(confidence, kind="stable")] = np.arange(len(confidence))
    return ranks * N_BINS // len(confidence)


def _gaps(confidence: Floats, right: Floats, bins: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return accuracy minus confidence (0 if empty) and the number of predictions, for each bin."""
    import numpy as np

    n = np.bincount(bins, minlength=N_BINS).astype(np.float64)
    gaps = np.bincount(bins, right - confidence, N_BINS) / np.maximum(n, 1)
    return gaps, n


def _mean_distance(gaps: Floats, n: Floats) -> float:
    return float((abs(gaps) * n).sum() / n.sum())


def _by_chance(confidence: Floats, bins: npt.NDArray[np.int64]) -> float:
    """Return the expected calibration error of a model whose accuracy equals its confidence."""
    import numpy as np

    n = np.bincount(bins, minlength=N_BINS)
    totals = np.bincount(bins, confidence, N_BINS)
    distances = (
        mean_distance_of_binomial(int(k), total / k) for k, total in zip(n, totals, strict=True) if k
    )
    return math.fsum(distances) / len(confidence)


def mean_distance_of_binomial(n: int, p: float) -> float:
    """Return the mean of ``|X − n·p|`` for a binomial X.

    It is 2 ν C(n, ν) p^ν (1 − p)^(n − ν + 1) with ν = ⌊n·p⌋ + 1 (de Moivre; Diaconis and Zabell 1991).

    Args:
        n: the number of trials.
        p: the probability of success.
    """
    if not 0 < p < 1:
        return 0.0
    v = math.floor(n * p) + 1
    # Logarithms are used, because binomial coefficients overflow for n above 1,000.
    choices = math.lgamma(n + 1) - math.lgamma(v + 1) - math.lgamma(n - v + 1)
    return 2 * math.exp(math.log(v) + choices + v * math.log(p) + (n - v + 1) * math.log1p(-p))


def _bins(confidence: Floats, right: Floats, counted: float) -> tuple[Bin, ...]:
    """Return the bins of equal width; in the interval of a bin, each image counts as ``counted`` images."""
    import numpy as np

    bin_numbers = _equal_width(confidence)
    bins = []
    for number in range(N_BINS):
        inside = bin_numbers == number
        n, n_images = int(inside.sum()), int(inside.any(axis=0).sum())
        accuracy = float(right[inside].mean()) if n else None
        bins.append(
            Bin(
                number / N_BINS,
                (number + 1) / N_BINS,
                n,
                n_images,
                float(np.mean(confidence[inside])) if n else None,
                accuracy,
                proportion_interval(accuracy, n_images * counted) if accuracy is not None else None,
            )
        )
    return tuple(bins)
