"""What a difference allows to be said: better, worse, a tie, or that nothing can be said.

The rule is an interval against a region of practical equivalence (±0.1 points of accuracy unless told): the
whole interval above the region is "better", below it "worse", inside it "tie", anything else "unclear".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from convstudy.stats.differences import Difference, paired_difference

REGION = 0.001
"""Differences of accuracy up to this, 0.1 points, count as none."""

Kind = Literal["better", "worse", "tie", "unclear", "too few to say"]


@dataclass(frozen=True)
class Evidence:
    """The fits that a statement stands on, and the digests of the weights that they were measured with."""

    fit_ids: tuple[str, ...] = ()
    weights_digests: tuple[str, ...] = ()

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(
            tuple(dict.fromkeys(self.fit_ids + other.fit_ids)),
            tuple(dict.fromkeys(self.weights_digests + other.weights_digests)),
        )


@dataclass(frozen=True)
class Verdict:
    """Whether ``first`` is better than ``second`` in ``measure``, and the figures behind it."""

    first: str
    second: str
    measure: str
    kind: Kind
    difference: Difference
    region: float
    evidence: Evidence

    @property
    def clear(self) -> bool:
        """Whether something can be said at all: better, worse or a tie."""
        return self.kind in ("better", "worse", "tie")


def verdict(
    first: str,
    second: str,
    measure: str,
    first_scores: Sequence[float],
    second_scores: Sequence[float],
    evidence: Evidence = Evidence(),
    region: float = REGION,
) -> Verdict:
    """Return the verdict on two candidates whose scores (accuracies, fractions) are paired by seed or
    fold.
    """
    difference = paired_difference(first_scores, second_scores)
    return Verdict(first, second, measure, kind_of(difference, region), difference, region, evidence)


def kind_of(difference: Difference, region: float) -> Kind:
    """Return what the interval of a difference says against the region ``[−region, region]``."""
    if difference.low is None or difference.high is None:
        # Equal pairs show no spread; that is not the same as knowing that there is none.
        return "too few to say" if difference.n < 2 else "unclear"
    if difference.low > region:
        return "better"
    if difference.high < -region:
        return "worse"
    if difference.low >= -region and difference.high <= region:
        return "tie"
    return "unclear"
