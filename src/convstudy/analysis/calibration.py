"""Whether a model's confidence is its accuracy: of all images on which it is 90 % sure, it should get 90 % right.

- Expected calibration error (Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017, equations 2 and 3): predictions are
  sorted into 15 bins of confidence; the mean distance of a bin's accuracy from its mean confidence, by its share of the
  predictions. Bins of equal width are Guo's. A network that is right on 99 % has nearly all of its predictions in the
  last of them, so that the same is told of 15 bins of equally many predictions (Nguyen and O'Connor 2015).
- It is a mean of distances, none below 0, and comes out too large: a perfectly calibrated model has one too, by the
  chance of which images were drawn (Kumar, Liang and Ma 2019; Roelofs et al. 2022). ``by_chance`` is what it would be:
  in a bin of n predictions with mean confidence p the wrong ones would be binomial, whose mean distance from n·p de
  Moivre found (Diaconis and Zabell 1991). Confidences that differ within a bin make it a little too large.
- Maximum calibration error: the bin that is furthest off, often one of very few predictions.
- Brier score (Brier 1950): the squared distance of the probabilities from the truth, summed over classes, from 0 to 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.analysis.predictions import Predictions, losses_of_true
from convstudy.stats.intervals import Interval, wilson
from convstudy.stats.summary import Summary, summarise
from convstudy.stats.two_way import accuracy_interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Figures = npt.NDArray[np.float64]

N_BINS = 15


@dataclass(frozen=True)
class Bin:
    """The predictions of some models whose confidence is above ``low`` and at most ``high``.

    Attributes:
        low, high: its borders.
        n: how many predictions, of all models together.
        n_images: of how many different images.
        confidence, accuracy: their mean confidence and the share that is right; ``None`` where there are none.
        interval: Wilson's, of the accuracy on as many images as there are different ones: models that look at the same
            images do not make more of them.
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
    """How far the confidence of some models, of one candidate, is their accuracy.

    Attributes:
        n_images: test images of each model.
        bins: of equal width, all models together.
        error: expected calibration error of each model, over bins of equal width.
        by_chance: what it would be of a perfectly calibrated model with as many predictions in each bin.
        equal_mass: expected calibration error over bins of equally many predictions.
        equal_mass_by_chance: what that would be of a perfectly calibrated model.
        largest: maximum calibration error, over bins of equal width.
        confidence: mean confidence.
        accuracy: with the interval over new seeds and new images (:mod:`convstudy.stats.two_way`).
        brier: Brier score.
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
        """How many models there are."""
        return self.error.n

    @property
    def gap(self) -> float:
        """Mean confidence less accuracy: above 0 where the models are too sure."""
        assert self.confidence.mean is not None  # there is a model
        return self.confidence.mean - self.accuracy.estimate

    @property
    def is_miscalibrated(self) -> bool:
        """Whether the mean confidence lies outside the interval of the accuracy.

        That errs to the safe side: on hard images both are low, so that their difference varies less than the accuracy.
        """
        return not self.accuracy.low <= self.accuracy.estimate + self.gap <= self.accuracy.high


def calibration_of(models: Iterable[Predictions | None]) -> Calibration | None:
    """Return the calibration of a candidate's models.

    It is ``None`` where there is no model, one has no predictions, or their labels differ.
    """
    import numpy as np

    found = tuple(models)
    confidences: list[Figures] = []
    rights: list[npt.NDArray[np.bool_]] = []
    briers: list[float] = []
    losses: list[float] = []
    for model in found:
        if model is None or found[0] is None or not np.array_equal(model.labels, found[0].labels):
            return None
        confidences.append(np.minimum(model.confidence.astype(np.float64), 1.0))
        rights.append(model.correct)
        losses.append(float(losses_of_true(model.true).mean()))
        briers.append(model.brier)
    if not confidences:
        return None
    confidence, right = np.stack(confidences), np.stack(rights).astype(np.float64)
    widths = [_equal_width(c) for c in confidence]
    masses = [_equal_mass(c) for c in confidence]
    gaps = [_gaps(c, r, place) for c, r, place in zip(confidence, right, widths, strict=True)]
    return Calibration(
        n_images=confidence.shape[1],
        bins=_bins(confidence, right),
        error=summarise(_mean_distance(*each) for each in gaps),
        by_chance=summarise(map(_by_chance, confidence, widths)),
        equal_mass=summarise(
            _mean_distance(*_gaps(c, r, place)) for c, r, place in zip(confidence, right, masses, strict=True)
        ),
        equal_mass_by_chance=summarise(map(_by_chance, confidence, masses)),
        largest=summarise(float(np.abs(gap[n > 0]).max()) for gap, n in gaps),
        confidence=summarise(confidence.mean(axis=1).tolist()),
        accuracy=accuracy_interval(right),
        brier=summarise(briers),
        loss=summarise(losses),
    )


def _equal_width(confidence: Figures) -> npt.NDArray[np.int64]:
    """Return the bin of each prediction: the first holds confidences above 0 and at most 1/15, and so on."""
    import numpy as np

    return np.clip(np.ceil(confidence * N_BINS).astype(np.int64) - 1, 0, N_BINS - 1)


def _equal_mass(confidence: Figures) -> npt.NDArray[np.int64]:
    """Return the bin of each prediction, by its rank: equally many in each, but for one."""
    import numpy as np

    ranks = np.empty(len(confidence), dtype=np.int64)
    ranks[np.argsort(confidence, kind="stable")] = np.arange(len(confidence))
    return ranks * N_BINS // len(confidence)


def _gaps(confidence: Figures, right: Figures, place: npt.NDArray[np.int64]) -> tuple[Figures, Figures]:
    """Return of each bin accuracy less confidence (0 where it is empty), and how many predictions it holds."""
    import numpy as np

    n = np.bincount(place, minlength=N_BINS).astype(np.float64)
    gaps = np.bincount(place, right - confidence, N_BINS) / np.maximum(n, 1)
    return gaps, n


def _mean_distance(gaps: Figures, n: Figures) -> float:
    return float((abs(gaps) * n).sum() / n.sum())


def _by_chance(confidence: Figures, place: npt.NDArray[np.int64]) -> float:
    """Return what the expected calibration error would be if each prediction were right with its confidence."""
    import numpy as np

    n = np.bincount(place, minlength=N_BINS)
    totals = np.bincount(place, confidence, N_BINS)
    distances = (
        mean_distance_of_binomial(int(k), total / k) for k, total in zip(n, totals, strict=True) if k
    )
    return math.fsum(distances) / len(confidence)


def mean_distance_of_binomial(n: int, p: float) -> float:
    """Return the mean of ``|X − n·p|``, X binomial: 2 ν C(n, ν) p^ν (1 − p)^(n − ν + 1) with ν = ⌊n·p⌋ + 1."""
    if not 0 < p < 1:
        return 0.0
    v = math.floor(n * p) + 1
    choices = math.lgamma(n + 1) - math.lgamma(v + 1) - math.lgamma(n - v + 1)
    return 2 * math.exp(math.log(v) + choices + v * math.log(p) + (n - v + 1) * math.log1p(-p))


def _bins(confidence: Figures, right: Figures) -> tuple[Bin, ...]:
    """Return the bins of equal width, of all models together."""
    import numpy as np

    places = _equal_width(confidence)
    bins = []
    for number in range(N_BINS):
        inside = places == number
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
                wilson(accuracy, n_images) if accuracy is not None else None,
            )
        )
    return tuple(bins)
