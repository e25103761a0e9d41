"""Add seeds until each pair of candidates is decided: a group-sequential rule on validation scores.

Every seed trains each candidate on its own split of the training images, so two candidates have one difference of
validation scores per seed. After 3, 5, 7, 10, 15, 20, 30, ... seeds (*looks*), the rule tests these differences:

1. Each look may spend its own part of the error level of 5 % (:func:`looks`), and the parts sum to at most 1. A union
   bound over the looks therefore limits the probability of a wrong decision at any look, for any dependence between
   looks and with exact t quantiles. The recursive boundaries of Lan and DeMets (1983) are for normal values; with t
   quantiles they make slightly more than 5 % wrong decisions, because the first looks have 2 and 4 degrees of freedom.
2. At a look, Holm's correction (1979) applies to all pairs; pairs that were decided before do not count. A pair is
   *better*, *worse* or *equivalent* by the rule of every verdict (:mod:`convstudy.stats.verdicts`).
3. After the first look, a pair is *out of reach* if the predictive probability of a decision at the largest number of
   seeds is below 5 % (Spiegelhalter, Freedman and Blackburn 1986). This only ends a pair without a claim.
4. A candidate that is worse than another one is dropped. A candidate gets no more seeds when it is dropped, or when all
   its pairs with candidates that are not dropped are decided or out of reach.

The rule never sees a test score. docs/statistics.md has the simulation, and the alternatives that were measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from convstudy.stats.differences import CONFIDENCE, Difference, Source, t_quantile
from convstudy.stats.power import RULE_OF_THREE
from convstudy.stats.summary import summarise
from convstudy.stats.verdicts import claim_of

LOOK_SIZES = (3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 150, 250, 400, 650, 1000)
"""The numbers of seeds at which the rule looks."""
FIRST_LOOK = LOOK_SIZES[0]
PARTS = (0.02, 0.6, 0.2, 0.1, 0.04, 0.02)
"""The parts of the error level that the first looks may spend; each later look may spend half of the part before it."""
DEFAULT_MAX_SEEDS = 30
"""The default of ``--max-seeds``."""
ERROR_LEVEL = 1 - CONFIDENCE
"""The probability of any wrong decision of a stage, over all pairs and looks."""
LEAST_CHANCE = 0.05
"""A pair is out of reach if the predictive probability of a decision is smaller."""

Decided = Literal["better", "worse", "equivalent", "out of reach"]


@dataclass(frozen=True)
class Look:
    """A scheduled look: after ``n_seeds`` seeds, with this ``part`` of the error level."""

    n_seeds: int
    part: float


@dataclass(frozen=True)
class PairDecision:
    """The decision on a pair at one look.

    Attributes:
        first, second: the names of the candidates.
        kind: whether ``first`` is better or worse than ``second`` beyond the margin, equivalent, or out of reach.
        mean: the mean difference ``first − second`` of the validation scores; ``None`` without common seeds.
    """

    first: str
    second: str
    kind: Decided
    mean: float | None


@dataclass(frozen=True)
class LookResult:
    """The result of a look.

    Attributes:
        n_seeds: the number of seeds.
        evaluated: the candidates that have this number of seeds.
        decisions: the decisions that this look made.
        dropped: the candidates that it dropped, because each is worse than another one.
        continued: the candidates that get more seeds.
    """

    n_seeds: int
    evaluated: tuple[str, ...]
    decisions: tuple[PairDecision, ...]
    dropped: tuple[str, ...]
    continued: tuple[str, ...]


@dataclass(frozen=True)
class SeedRule:
    """The fixed values of the rule for one stage.

    Attributes:
        candidates: the names of the candidates.
        max_seeds: the largest number of seeds, at least :data:`FIRST_LOOK`.
        margin: the equivalence margin, in the unit of the metric.
        reference: compare each other candidate with this one only, and never drop it; empty: compare all pairs.
        lower_is_better: whether lower values of the metric are better.
        images_per_seed: the number of validation images of a seed.
        n_images: the largest number of different validation images of all seeds.
        proportion: whether the metric is a proportion of images. Then a difference is at least as uncertain as the
            sampling of the images on which two models with these scores must differ.
    """

    candidates: tuple[str, ...]
    max_seeds: int
    margin: float
    reference: str = ""
    lower_is_better: bool = False
    images_per_seed: int = 0
    n_images: int = 0
    proportion: bool = False

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs that are compared."""
        return compared_pairs(self.candidates, self.reference)

    def n_different_images(self, n_seeds: int) -> int:
        """Return the number of different validation images of this number of seeds, at most."""
        return min(n_seeds * self.images_per_seed, self.n_images)


def compared_pairs(candidates: Sequence[str], reference: str) -> tuple[tuple[str, str], ...]:
    """Return all pairs of candidates, or the pairs of each candidate with the reference if there is one."""
    if reference:
        return tuple((name, reference) for name in candidates if name != reference)
    return tuple(combinations(candidates, 2))


def looks(max_seeds: int) -> tuple[Look, ...]:
    """Return the looks up to a largest number of seeds, which is always the last look.

    The looks and their parts do not depend on ``max_seeds``, except for the last one: with a larger number, the earlier
    looks would have been the same.

    Raises:
        ValueError: if ``max_seeds`` is below the first look.

    >>> [(look.n_seeds, look.part) for look in looks(12)]
    [(3, 0.02), (5, 0.6), (7, 0.2), (10, 0.1), (12, 0.04)]
    """
    if max_seeds < FIRST_LOOK:
        raise ValueError(f"max_seeds must be {FIRST_LOOK} or more; got {max_seeds}")
    sizes = [*(size for size in LOOK_SIZES if size < max_seeds), max_seeds]
    n_listed = len(PARTS)
    parts = [PARTS[k] if k < n_listed else PARTS[-1] / 2 ** (k - n_listed + 1) for k in range(len(sizes))]
    return tuple(map(Look, sizes, parts))


def take_looks(scores: Mapping[str, Sequence[float | None]], rule: SeedRule) -> tuple[LookResult, ...]:
    """Return the results of all looks that can be taken with these scores, in order.

    The result depends only on the scores of the seeds that the rule asks for: more scores than that change nothing.

    Args:
        scores: candidate -> its validation score for seed 0, 1, ...; ``None`` for a fit that failed permanently.
        rule: the rule.

    >>> rule = SeedRule(("wide", "narrow"), max_seeds=10, margin=0.001)
    >>> wide, narrow = [0.98, 0.979, 0.981, 0.98, 0.982], [0.93, 0.94, 0.92, 0.93, 0.935]
    >>> for look in take_looks({"wide": wide, "narrow": narrow}, rule):
    ...     print(look.n_seeds, [each.kind for each in look.decisions], look.dropped)
    3 [] ()
    5 ['better'] ('narrow',)
    """
    results: list[LookResult] = []
    active: tuple[str, ...] = rule.candidates
    undecided = list(rule.pairs)
    n_claims = 0
    for look in looks(rule.max_seeds):
        if any(len(scores[name]) < look.n_seeds for name in active):
            break
        decisions, n_claims = _decide(scores, undecided, look, rule, n_claims)
        dropped = _dropped(decisions, rule)
        known = {(each.first, each.second) for each in decisions}
        left = [name for name in active if name not in dropped]
        undecided = [pair for pair in undecided if pair not in known and set(pair) <= set(left)]
        paired = {name for pair in undecided for name in pair} if look.n_seeds < rule.max_seeds else set()
        continued = tuple(name for name in left if name in paired)
        results.append(LookResult(look.n_seeds, active, tuple(decisions), dropped, continued))
        active = continued
        if not active:
            break
    return tuple(results)


def next_look(results: Sequence[LookResult], rule: SeedRule) -> Look | None:
    """Return the look after these results; ``None`` if no candidate gets more seeds."""
    if results and not results[-1].continued:
        return None
    return looks(rule.max_seeds)[len(results)]


def _decide(
    scores: Mapping[str, Sequence[float | None]],
    undecided: Iterable[tuple[str, str]],
    look: Look,
    rule: SeedRule,
    n_claims: int,
) -> tuple[list[PairDecision], int]:
    """Return the decisions of a look, and the number of claims of all looks so far."""
    found = [(pair, _difference(scores, pair, look.n_seeds, rule)) for pair in undecided]
    claims = [claim_of(difference, rule.margin) for _, difference in found]
    p_values = [
        difference.error_of(claim.distance) if claim else 1.0
        for (_, difference), claim in zip(found, claims, strict=True)
    ]
    # Holm's step-down method: the smallest p-value first, and each claim makes the next test less strict. Pairs that
    # ended without a claim still count.
    claimed: set[tuple[str, str]] = set()
    for place in sorted(range(len(found)), key=p_values.__getitem__):
        if p_values[place] > look.part * ERROR_LEVEL / (len(rule.pairs) - n_claims):
            break
        claimed.add(found[place][0])
        n_claims += 1
    decisions = []
    for (pair, difference), claim in zip(found, claims, strict=True):
        kind: Decided | None = None
        if pair in claimed and claim is not None:
            kind = _kind(claim.kind, rule.lower_is_better)
        elif look.n_seeds < rule.max_seeds and _is_out_of_reach(difference, look, rule):
            kind = "out of reach"
        if kind is not None:
            decisions.append(PairDecision(*pair, kind, difference.mean))
    return decisions, n_claims


def _kind(kind: str, lower_is_better: bool) -> Decided:
    """Return the kind of a claim about the larger mean, which is worse for a loss."""
    if kind == "equivalent":
        return "equivalent"
    return "better" if (kind == "better") != lower_is_better else "worse"


def _dropped(decisions: Iterable[PairDecision], rule: SeedRule) -> tuple[str, ...]:
    """Return the candidates that are worse than another one, in the order of the study."""
    worse = {each.first for each in decisions if each.kind == "worse"}
    worse |= {each.second for each in decisions if each.kind == "better"}
    return tuple(name for name in rule.candidates if name in worse and name != rule.reference)


def _difference(
    scores: Mapping[str, Sequence[float | None]], pair: tuple[str, str], n_seeds: int, rule: SeedRule
) -> Difference:
    """Return the mean difference of two candidates over their common seeds."""
    both = zip(*(scores[name][:n_seeds] for name in pair), strict=True)
    values = tuple(a - b for a, b in both if a is not None and b is not None)
    summary = summarise(values)
    if summary.sd is None or summary.mean is None:
        return Difference(values, summary)
    n_images = rule.n_different_images(n_seeds) if rule.proportion else 0
    return Difference(
        values,
        summary,
        summary.mean,
        (Source("seeds", summary.sd**2 / summary.n, summary.n - 1),),
        n_images=n_images,
        floor=_floor(summary.mean, n_images),
    )


def _floor(mean: float, n_images: int) -> Source | None:
    """Return the least variance of a mean difference of proportions, from the sampling of n different images.

    Two models whose accuracies differ by ``mean`` differ on at least this fraction of the images. Two of the images are
    pseudo-observations, as in Bonett and Price's interval (2012). Near 100 %, the differences of a few seeds can be
    equal by chance; without this variance, they would appear certain.
    """
    return Source("images", (abs(mean) + 2 / n_images) / n_images, math.inf) if n_images else None


def _is_out_of_reach(difference: Difference, look: Look, rule: SeedRule) -> bool:
    if difference.summary.sd is None:
        return True  # fewer than two common seeds are completed
    # The standard deviation of three differences is too uncertain for a prediction.
    return look.n_seeds > FIRST_LOOK and _chance(difference, rule) < LEAST_CHANCE


def _chance(difference: Difference, rule: SeedRule) -> float:
    """Return the predictive probability that a pair would be decided with ``max_seeds`` seeds.

    The mean of all seeds, given the present ones, has Student's t distribution around the present mean. The standard
    deviation is taken as it is now.
    """
    from scipy.special import stdtr

    summary, margin, n_all = difference.summary, rule.margin, rule.max_seeds
    if summary.sd is None or summary.mean is None:
        return 0.0
    level = looks(n_all)[-1].part * ERROR_LEVEL / len(rule.pairs)
    half = t_quantile(1 - level / 2, n_all - 1) * summary.sd / math.sqrt(n_all)
    n_images = rule.n_different_images(n_all) if rule.proportion else 0
    if (floor := _floor(summary.mean, n_images)) is not None:
        half = max(half, floor.half_width(1 - level))
    can_be_equivalent = margin > half and (not n_images or n_images * margin >= RULE_OF_THREE)
    spread = summary.sd * math.sqrt(max(0.0, 1 / summary.n - 1 / n_all))
    if spread == 0:
        size = abs(summary.mean)
        decided = size > margin + half or (can_be_equivalent and size <= margin - half)
        return float(decided and half > 0)

    mean, degrees = summary.mean, summary.n - 1

    def below(limit: float) -> float:
        return float(stdtr(degrees, (limit - mean) / spread))

    different = below(-margin - half) + 1 - below(margin + half)
    equivalent = below(margin - half) - below(half - margin) if can_be_equivalent else 0.0
    return different + equivalent
