"""The sample size with which a study would reach a verdict, for stated true differences.

"Better" and "equivalent" need different sizes. Each is planned for one true difference: "better" for twice the margin
(a difference equal to the margin is the border between both verdicts and gets neither), "equivalent" for 0. A size is
enough if 80 % of such studies (:data:`POWER`) reach the verdict (:mod:`~convstudy.stats.power`). The measured
difference is not used: power at the measured difference says no more than the p-value (Hoenig and Heisey 2001).

Each size is a range. Its lower end uses the estimated variances, its upper end their upper limits
(:mod:`~convstudy.stats.pilot`). With three seeds or folds or fewer, variances are too uncertain for a plan: it asks for
ten first. If the lower end is more than ten times the present data, there is no number, and the result states the
difference that the present data can show.

More seeds or folds come before more images. Images are required only if no number of seeds (folds) is enough with the
present images; then the plan uses a stated number of seeds (folds): the present one, or twice the number that
infinitely many images would need, so that about half of the uncertainty is left to the images.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from convstudy.stats.pilot import Pilot
from convstudy.stats.power import RULE_OF_THREE, FoldStudy, Goal, GoalKind, SeedStudy, Study

POWER = 0.8
"""The power: four of five studies reach the verdict."""
FEW = 3
"""With this number of seeds or folds or fewer, there is no plan."""
RUN_FIRST = 10
"""The number of seeds or folds to run before a plan."""
MAX_EXTRAPOLATION = 10
"""No range starts beyond this multiple of the present data."""
MAX_SEEDS = MAX_PAIRS = 1000
MAX_FOLDS = 100
"""The largest number of folds of a search."""
MAX_IMAGES = 10**9

Unit = Literal["seeds", "folds", "images"]
AnyPilot = Pilot[SeedStudy] | Pilot[FoldStudy]


@dataclass(frozen=True)
class Requirement:
    """The sample size that one verdict requires.

    Attributes:
        kind: ``"better"`` (by symmetry also "worse") or ``"equivalent"``.
        difference: the true difference, a fraction: twice the margin, or 0.
        unit: ``"seeds"`` or ``"folds"`` with the present images; ``"images"`` if no number of seeds or folds is enough.
        fewest: the lower end of the range, from the estimated variances. It is the present number if that is enough.
            ``None`` if it is more than ten times the present data.
        most: the upper end, from the upper limits of the variances; ``None`` if no number is enough at these limits.
        n_pairs: if ``unit`` is ``"images"``, the number of seeds or folds to use with them; ``None`` for two models.
    """

    kind: GoalKind
    difference: float
    unit: Unit
    fewest: int | None = None
    most: int | None = None
    n_pairs: int | None = None


@dataclass(frozen=True)
class RequiredSampleSize:
    """The sample sizes with which 80 % of studies would reach a verdict.

    Attributes:
        margin: the equivalence margin, a fraction.
        pairs: ``"seeds"``, ``"folds"``, or ``"models"`` for two trained models.
        n_pairs: the present number of seeds or folds.
        n_images: the present number of images.
        better: the requirement for "better" if the true difference is twice the margin; ``None`` without a plan.
        equivalent: the requirement for "equivalent" if it is 0; ``None`` without a plan.
        shows: the smallest true difference for which the present data give "better" with a power of 80 %, at the upper
            limits of the variances; ``None`` if not needed.
        run_first: the number of seeds or folds to run before a plan; ``None`` if there is a plan.
        images_first: the smallest number of images with which a verdict is possible at all, if the present number is
            smaller; else ``None``.
    """

    margin: float
    pairs: Literal["seeds", "folds", "models"]
    n_pairs: int
    n_images: int
    better: Requirement | None = None
    equivalent: Requirement | None = None
    shows: float | None = None
    run_first: int | None = None
    images_first: int | None = None

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """The requirements of both verdicts; empty without a plan."""
        return tuple(each for each in (self.better, self.equivalent) if each is not None)


def required_seeds(pilot: Pilot[SeedStudy], margin: float, error: float) -> RequiredSampleSize | None:
    """Return the number of seeds, or of test images, that a verdict requires.

    Args:
        pilot: the present study, from two seeds or more.
        margin: the equivalence margin, a fraction.
        error: the allowed probability of a wrong claim: 0.05 divided by the number of comparisons.

    Returns:
        ``None`` if the margin is 0: there is no smallest difference that matters.

    >>> from convstudy.stats.pilot import seed_pilot_of
    >>> from convstudy.stats.two_way import Components
    >>> found = Components(seed=1e-5, image=1e-4, rest=1e-3, n_seeds=10, n_images=10_000)
    >>> pilot = seed_pilot_of(found, squares=2.0, fourths=0.4)
    >>> found = required_seeds(pilot, margin=0.002, error=0.05)
    >>> (found.better.fewest, found.better.most), (found.equivalent.fewest, found.equivalent.most)
    ((25, 41), (31, 50))
    """
    return _required(pilot, "seeds", margin, error, MAX_SEEDS)


def required_folds(pilot: Pilot[FoldStudy], margin: float, error: float) -> RequiredSampleSize | None:
    """Return the number of folds, or of images, that a verdict of a search requires.

    Args:
        pilot: the present search.
        margin: the equivalence margin, a fraction.
        error: the allowed probability of a wrong claim.

    Returns:
        ``None`` if the margin is 0.
    """
    return _required(pilot, "folds", margin, error, MAX_FOLDS)


def required_images(pilot: Pilot[SeedStudy], margin: float, error: float) -> RequiredSampleSize | None:
    """Return the number of images that a verdict on two trained models requires.

    Args:
        pilot: the variances of the two models.
        margin: the equivalence margin, a fraction.
        error: the allowed probability of a wrong claim.

    Returns:
        ``None`` if the margin is 0.
    """
    if margin <= 0:
        return None
    better, equivalent = (_images(pilot, goal, None) for goal in _goals(margin, error))
    found = RequiredSampleSize(margin, "models", 1, pilot.n_images, better, equivalent)
    return _with_shown(found, pilot, error, math.inf)


def _goals(margin: float, error: float) -> tuple[Goal, Goal]:
    return Goal("better", 2 * margin, margin, error), Goal("equivalent", 0.0, margin, error)


def _required(
    pilot: AnyPilot, pairs: Literal["seeds", "folds"], margin: float, error: float, most_pairs: int
) -> RequiredSampleSize | None:
    if margin <= 0:
        return None
    found = RequiredSampleSize(margin, pairs, pilot.n_pairs, pilot.n_images)
    if pilot.n_pairs <= FEW:
        least = math.ceil(RULE_OF_THREE / margin)
        too_small = pilot.n_images < least
        return replace(found, run_first=RUN_FIRST, images_first=least if too_small else None)
    better, equivalent = (_requirement(pilot, pairs, goal, most_pairs) for goal in _goals(margin, error))
    return _with_shown(replace(found, better=better, equivalent=equivalent), pilot, error, pilot.n_pairs)


def _requirement(
    pilot: AnyPilot, pairs: Literal["seeds", "folds"], goal: Goal, most_pairs: int
) -> Requirement:
    """Return the number of seeds or folds for one verdict, or of images if no number of seeds or folds is enough."""
    limit = min(MAX_EXTRAPOLATION * pilot.n_pairs, most_pairs)

    def number(study: Study, n_images: float) -> int | None:
        return fewest(lambda n: study.power(goal, n, n_images) >= POWER, pilot.n_pairs, MAX_PAIRS)

    low, high = _range(pilot, lambda study: number(study, pilot.n_images), pilot.n_pairs)
    if low is not None and low <= limit and high is not None:
        return Requirement(goal.kind, goal.difference, pairs, low, min(high, most_pairs))
    # With infinitely many images only the variance between seeds or folds is left. Twice the number that it requires
    # leaves about half of the uncertainty to the images.
    least, most = _range(pilot, lambda study: number(study, math.inf), 2)
    if least is None or 2 * least > limit:
        return Requirement(goal.kind, goal.difference, pairs)
    is_limited = most is not None and 2 * most <= limit
    if low is not None and low <= limit and not is_limited:
        return Requirement(goal.kind, goal.difference, pairs, low)
    n_pairs = max(
        pilot.n_pairs, 2 * (most if most and is_limited else least), RUN_FIRST if pairs == "folds" else 0
    )
    found = _images(pilot, goal, n_pairs)
    return found if is_limited else replace(found, most=None)


def _images(pilot: AnyPilot, goal: Goal, n_pairs: int | None) -> Requirement:
    """Return the number of images for one verdict with this number of seeds or folds; ``None``: two trained models."""
    used = math.inf if n_pairs is None else n_pairs

    def number(study: Study) -> int | None:
        return fewest(lambda n: study.power(goal, used, n) >= POWER, pilot.n_images, MAX_IMAGES)

    low, high = _range(pilot, number, pilot.n_images)
    if low is None or low > MAX_EXTRAPOLATION * pilot.n_images:
        return Requirement(goal.kind, goal.difference, "images", n_pairs=n_pairs)
    return Requirement(goal.kind, goal.difference, "images", low, high, n_pairs)


def _range(
    pilot: AnyPilot, number: Callable[[Study], int | None], present: int
) -> tuple[int | None, int | None]:
    """Return the range of a number, with ends of at least the present one; ``None`` for an end that no number meets.

    The distances to the upper limit of each variance are combined as in Zou and Donner (2008): it is unlikely that the
    estimates of both variances are far too low.
    """
    low, uppers = number(pilot.estimate), [number(study) for study in pilot.uppers]
    if low is None:
        return None, None
    if None in uppers:
        return max(low, present), None
    high = low + math.hypot(*(max(0, each - low) for each in uppers if each is not None))
    return max(low, present), max(math.ceil(high), present)


def _with_shown(
    found: RequiredSampleSize, pilot: AnyPilot, error: float, n_pairs: float
) -> RequiredSampleSize:
    """Add the difference that the present data can show, if a verdict requires more than ten times these data."""
    if all(each.fewest is not None for each in found.requirements):
        return found

    def shown(study: Study) -> float:
        small, large = found.margin, 1.0
        while large - small > 1e-3 * large:
            middle = math.sqrt(small * large)
            enough = (
                study.power(Goal("better", middle, found.margin, error), n_pairs, pilot.n_images) >= POWER
            )
            small, large = (small, middle) if enough else (middle, large)
        return large

    low = shown(pilot.estimate)
    high = low + math.hypot(*(max(0.0, shown(study) - low) for study in pilot.uppers))
    return replace(found, shows=min(1.0, high))


def fewest(enough: Callable[[int], bool], start: int, most: int) -> int | None:
    """Return the smallest number from 2 to ``most`` that is enough, or ``None``.

    Args:
        enough: whether a number is enough. If it is true for a number, it must be true for all larger numbers.
        start: the number to try first, near the expected result.
        most: the largest number to try.
    """
    few = many = max(2, min(start, most))
    while enough(few):
        if few == 2:
            return 2
        few, many = max(2, few // 2), few
    # ``few`` is not enough.
    while many == few or not enough(many):
        if many >= most:
            return None
        few, many = many, min(2 * many, most)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many
