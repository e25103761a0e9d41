"""The power of a study: the probability of a verdict, for a stated true difference.

The verdict is that of :mod:`~convstudy.stats.verdicts`: "better" if the whole interval is above the margin,
"equivalent" if it is within the margin. With a normal mean difference and a half-width that does not depend on it::

    better      = E[ Φ((difference − margin − half-width) / se) ]
    equivalent  = E[ max(0, 2 Φ((margin − half-width) / se) − 1) ]        for a true difference of 0

The half-width of a study varies, because its variances are estimates: with few seeds or folds, Student's t is far from
the normal quantile, and a power that ignores this variation is too large. The expectation E is over the variance
between seeds or folds, which has a chi-squared distribution. The variance from the sampling of images has many more
degrees of freedom and is treated as known.

Two models that differ by d in accuracy differ on at least the fraction d of all images. If a study's candidates differ
on fewer images, a plan for the difference d uses d (:meth:`SeedStudy.with_difference`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, Protocol

from convstudy.stats.differences import ROUNDING, t_quantile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RULE_OF_THREE = 3
"""Without any difference on n images, a true difference of 3 / n is still possible (Hanley and Lippman-Hand 1983)."""
NODES = 100
"""The number of equally probable values that represent the distribution of a variance estimate."""

GoalKind = Literal["better", "equivalent"]


@dataclass(frozen=True)
class Goal:
    """A verdict to plan for.

    Attributes:
        kind: the verdict. By symmetry, "better" is also "worse" for the opposite difference.
        difference: the true difference for which the verdict is planned, a fraction; 0 for "equivalent".
        margin: the equivalence margin, a fraction.
        error: the allowed probability of a wrong claim, after the correction for the comparisons of the family.
    """

    kind: GoalKind
    difference: float
    margin: float
    error: float


class Study(Protocol):
    """The variances of a kind of study, which determine the power at each size."""

    def power(self, goal: Goal, n_pairs: float, n_images: float) -> float:
        """Return the probability of the verdict.

        Args:
            goal: the verdict and the true difference.
            n_pairs: the number of seeds or folds; infinite: they cause no uncertainty.
            n_images: the number of images; infinite: they cause no uncertainty.
        """
        ...


@dataclass(frozen=True)
class SeedStudy:
    """Candidates over S seeds and n test images; with an infinite number of seeds, or two trained models alone.

    Attributes:
        seed: the variance of the difference between seeds, beyond ``rest``.
        image: the variance between images of their mean difference over seeds.
        rest: the variance of one seed on one image beyond both.
        pseudo_observations: the sum of the squares of the pseudo-observations that widen the interval.

    >>> study = SeedStudy(seed=1e-6, image=1e-4, rest=5e-3, pseudo_observations=2.0)
    >>> goal = Goal("better", difference=0.002, margin=0.001, error=0.05)
    >>> round(study.power(goal, n_pairs=10, n_images=10_000), 2), round(study.power(goal, 20, 10_000), 2)
    (0.57, 0.87)
    """

    seed: float
    image: float
    rest: float
    pseudo_observations: float

    def with_difference(self, difference: float) -> SeedStudy:
        """Return the variances of candidates that differ on enough images to have this difference."""
        # A difference is −1, 0 or 1 on an image, so its mean square is at least its absolute mean.
        least, found = difference * (1 - difference), self.seed + self.image + self.rest
        if found >= least:
            return self
        beyond = least - self.seed
        if self.image + self.rest <= 0:
            return replace(self, image=beyond)
        factor = beyond / (self.image + self.rest)
        return replace(self, image=factor * self.image, rest=factor * self.rest)

    def power(self, goal: Goal, n_pairs: float, n_images: float) -> float:
        """Return the probability of the verdict with this number of seeds and images."""
        true = self.with_difference(goal.difference)
        seeds = (true.seed + true.rest / n_images) / n_pairs
        images = true.image / n_images
        widened = images + self.pseudo_observations / n_images**2
        of_images = _t(goal.error, n_images - 1) ** 2 * widened
        if math.isinf(n_pairs):
            return _chance(goal, (math.sqrt(of_images),), math.sqrt(images), n_images)
        squared = _t(goal.error, n_pairs - 1) ** 2 * seeds * chi_squared(n_pairs - 1) + of_images
        return _chance(goal, squared**0.5, math.sqrt(seeds + images), n_images)


@dataclass(frozen=True)
class FoldStudy:
    """Candidates over k folds of n images, with Nadeau and Bengio's interval (:mod:`~convstudy.stats.resampled`).

    Attributes:
        fold: the variance of the difference between folds beyond the sampling of images: of training.
        image: the variance between images of the difference, pooled over folds.
        pseudo_observations: the sum of the squares of the pseudo-observations.
    """

    fold: float
    image: float
    pseudo_observations: float

    def with_difference(self, difference: float) -> FoldStudy:
        """Return the variances of candidates that differ on enough images to have this difference."""
        return replace(self, image=max(self.image, difference * (1 - difference)))

    def power(self, goal: Goal, n_pairs: float, n_images: float) -> float:
        """Return the probability of the verdict with this number of folds and images."""
        true = self.with_difference(goal.difference)
        images = true.image / n_images
        least = _t(goal.error, n_images - 1) * math.sqrt(images + self.pseudo_observations / n_images**2)
        # Each fold has n / k of the images; training parts of folds overlap.
        factor = 1 / n_pairs + 1 / (n_pairs - 1)
        spread = factor * (true.fold + n_pairs * images)
        half = _t(goal.error, n_pairs - 1) * (spread * chi_squared(n_pairs - 1)) ** 0.5
        return _chance(goal, half.clip(min=least), math.sqrt(images + factor * true.fold), n_images)


def _chance(
    goal: Goal, half_widths: npt.NDArray[np.float64] | tuple[float, ...], se: float, n_images: float
) -> float:
    """Return the mean probability of the verdict over equally probable half-widths."""
    import numpy as np
    from scipy.special import ndtr

    room = goal.margin if goal.kind == "equivalent" else goal.difference - goal.margin
    if goal.kind == "equivalent" and n_images * goal.margin < RULE_OF_THREE:
        return 0.0
    distance = room - np.asarray(half_widths)
    # Without any variance the verdict is certain; an interval that ends at the margin is within it.
    if se <= ROUNDING:
        return float((distance >= -ROUNDING).mean())
    one_sided = ndtr(distance / se)
    return float((one_sided if goal.kind == "better" else np.maximum(0, 2 * one_sided - 1)).mean())


@lru_cache(maxsize=4096)
def chi_squared(degrees: float) -> npt.NDArray[np.float64]:
    """Return equally probable values of a variance estimate divided by the true variance, shape (NODES,)."""
    import numpy as np
    from scipy.special import gammaincinv

    # degrees · s² / σ² has a chi-squared distribution, which is a gamma distribution with the shape degrees / 2.
    found: npt.NDArray[np.float64] = gammaincinv(degrees / 2, (np.arange(NODES) + 0.5) / NODES) * 2 / degrees
    return found


@lru_cache(maxsize=65536)
def _t(error: float, degrees: float) -> float:
    """Return the two-sided quantile of Student's t."""
    return t_quantile(1 - error / 2, degrees)
