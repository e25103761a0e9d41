"""Collapsed seeds: a fixed rule on validation scores, and the rate of collapse with its interval and its test.

A mean over seeds has a Student interval because seeds vary smoothly. A seed whose training failed is far outside this
variation: with a few seeds, either it is in the sample and makes the interval useless, or it is not and the interval
misses the mean. Therefore collapsed seeds are counted, and the others are compared with each other.

The rule needs validation scores only, so it is applied before a test image is read. A score becomes its *learned
fraction*: 0 for the best model that predicts the same for every image, 1 for a perfect model. A fit has collapsed if

- its learned fraction is at most 0.05, like that of a model that ignores its input (Mosbach, Andriushchenko and Klakow
  2021 call such fits failed), and below that of the candidate's best seeds by more than 5 standard errors, unless these
  are at most 0.05 too; or
- its learned fraction is below that of the best seeds by more than 0.05 + twice what the best seeds did not learn + 5
  standard errors of a score on this number of images.

The best seeds are represented by the one at the limit of the best fifth: the best of up to five seeds, the second best
of six to ten. Therefore the rule works if four of five seeds collapse. If all do, only the first part applies.

docs/statistics.md has the rates of false alarms and misses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.stats.differences import CONFIDENCE
from convstudy.stats.intervals import Interval

AT_CHANCE = 0.05
"""The largest learned fraction that counts as chance."""
LOST = 0.05
TIMES_UNLEARNED = 2.0
STANDARD_ERRORS = 5.0
BEST_SEEDS = 5
"""The reference is the last seed of the best 1 / BEST_SEEDS."""


@dataclass(frozen=True)
class ValidationScore:
    """The score of a fit on its validation images, with the values that give it a meaning.

    Attributes:
        value: the score.
        chance: the score of the best model that predicts the same for every image.
        perfect: the score of a perfect model.
        n_images: the number of images; for a mean over classes, the number of images of a balanced set with the same
            variance.
    """

    value: float
    chance: float
    perfect: float
    n_images: float

    @property
    def learned(self) -> float:
        """The learned fraction: 0 at chance, 1 for a perfect model, negative below chance."""
        span = self.perfect - self.chance
        return (self.value - self.chance) / span if span else 1.0


def collapsed(scores: Sequence[ValidationScore]) -> tuple[bool, ...]:
    """Return for each seed of a candidate whether it has collapsed.

    Args:
        scores: the validation scores of the seeds of one candidate, in any order.

    >>> seeds = [ValidationScore(value, 0.1, 1.0, 5000) for value in (0.991, 0.99, 0.992, 0.989, 0.6)]
    >>> collapsed(seeds)
    (False, False, False, False, True)
    >>> collapsed([ValidationScore(0.1, 0.1, 1.0, 5000)] * 3)  # all at chance
    (True, True, True)
    """
    if not scores:
        return ()
    reference = _reference(scores)
    unlearned = 1 - reference
    found = []
    for score in scores:
        noise = STANDARD_ERRORS * _standard_error(score, unlearned)
        lost = reference - score.learned
        at_chance = score.learned <= AT_CHANCE and (reference <= AT_CHANCE or lost > noise)
        found.append(at_chance or lost > LOST + TIMES_UNLEARNED * max(0.0, unlearned) + noise)
    return tuple(found)


def is_near_chance(scores: Sequence[ValidationScore]) -> bool:
    """Return whether even the best seeds of a candidate are not clearly above the limit of chance.

    The first part of the rule compares all seeds of such a candidate with one limit next to their scores, and only if
    the best seeds are below it. All seeds then cross the limit together, so they are not independent, as the exact
    interval and the test of rates assume.

    Args:
        scores: the validation scores of the seeds of one candidate, in any order.

    >>> is_near_chance([ValidationScore(value, 0.1, 1.0, 360) for value in (0.13, 0.14, 0.12)])
    True
    >>> is_near_chance([ValidationScore(value, 0.1, 1.0, 360) for value in (0.98, 0.1, 0.97)])
    False
    """
    if not scores:
        return False
    reference = _reference(scores)
    noise = max(_standard_error(score, 1 - reference) for score in scores)
    return reference - STANDARD_ERRORS * noise <= AT_CHANCE


def _reference(scores: Sequence[ValidationScore]) -> float:
    """Return the learned fraction of the last seed of the best fifth."""
    ordered = sorted((score.learned for score in scores), reverse=True)
    return ordered[math.ceil(len(ordered) / BEST_SEEDS) - 1]


def _standard_error(score: ValidationScore, unlearned: float) -> float:
    """Return the standard error of a learned fraction if the fit has learned as much as the best seeds."""
    span = abs(score.perfect - score.chance)
    if not span or score.n_images < 1:
        return 1.0
    # The error rate of the best seeds, for metrics from 0 to 1, with one more error: few errors are often good luck.
    error = min(0.5, max(0.0, unlearned) * span + 1 / score.n_images)
    return math.sqrt(error * (1 - error) / score.n_images) / span


def collapse_rate(n_collapsed: int, n_seeds: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the rate of collapse with its exact interval (Clopper and Pearson 1934).

    Raises:
        ValueError: if the counts are impossible.

    >>> found = collapse_rate(1, 5)
    >>> round(found.low, 3), round(found.high, 3)
    (0.005, 0.716)
    """
    if not (0 <= n_collapsed <= n_seeds and n_seeds > 0):
        raise ValueError(
            f"n_collapsed must be in [0, n_seeds] and n_seeds > 0; got {n_collapsed} and {n_seeds}"
        )
    low, high = beta_bounds(n_collapsed, n_seeds, confidence)
    return Interval(n_collapsed / n_seeds, low, high, confidence)


def beta_bounds(successes: float, n: float, confidence: float) -> tuple[float, float]:
    """Return Clopper and Pearson's bounds of a proportion; the counts can be fractional (Korn and Graubard 1998)."""
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    failures = n - successes
    low = 0.0 if successes <= 0 else float(betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures <= 0 else float(betaincinv(successes + 1, failures, 1 - tail))
    return low, high


def fisher_exact(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return the two-sided p-value of Fisher's exact test that two rates of collapse are equal.

    Args:
        first: the number of collapsed seeds and of all seeds of the first candidate.
        second: those of the second candidate.

    >>> round(fisher_exact((5, 5), (0, 5)), 4)
    0.0079
    """
    from scipy.stats import fisher_exact as test

    table = [[k, n - k] for k, n in (first, second)]
    return float(test(table).pvalue)
