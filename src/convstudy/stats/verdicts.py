"""What a difference allows to be said: better, worse, a tie, or that nothing can be said.

The rule is an interval against a region of practical equivalence (±0.1 points of accuracy unless told): the whole
interval above the region is "better", below it "worse", inside it "tie", anything else "unclear". "Tie" is the two
one-sided tests of Schuirmann (1987), "better" and "worse" are tests against the border of the region, not against
zero.

Where a question makes several comparisons, a claim must hold after Holm's correction: its adjusted p-value, not its
interval alone, decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from convstudy.stats.differences import ROUNDING, Difference
from convstudy.stats.holm import holm
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.measure import Measure
from convstudy.stats.resampled import Probabilities
from convstudy.stats.sample_size import RULE_OF_THREE, RequiredSampleSize
from convstudy.stats.two_way import seeds_only_difference

MARGIN = 0.001
"""Differences of accuracy up to this, 0.1 points, count as none."""

Kind = Literal["better", "worse", "equivalent", "inconclusive", "too few to say"]
OPPOSITE: dict[Kind, Kind] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class MeasuredFit:
    """A fit and the digest of its weights; a failed fit has no digest."""

    fit_id: str
    weights_digest: str = ""


@dataclass(frozen=True)
class Evidence:
    """The fits that support a statement, each once. Two of them can have the same weights."""

    fits: tuple[MeasuredFit, ...] = ()

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(tuple(dict.fromkeys(self.fits + other.fits)))

    @property
    def fit_ids(self) -> tuple[str, ...]:
        """The ids of the fits."""
        return tuple(fit.fit_id for fit in self.fits)


@dataclass(frozen=True)
class Claim:
    """What a difference points to, and how far it lies from the border of the region that it would have to clear."""

    kind: Kind
    distance: float


@dataclass(frozen=True)
class Verdict:
    """Whether ``first`` is better than ``second`` in ``measure``, and the figures behind it.

    Attributes:
        kind: what can be said, all comparisons of the question considered.
        p: how often chance alone would make the claim that the difference points to, this comparison by itself.
        adjusted_p: the same after Holm's correction for ``n_comparisons``.
        required: what it would take to tell a difference of the region's size; ``None`` where enough is said, where the
            study is as fine as that already, or where it is not known.
        probabilities: over folds, the Bayesian reading of the same figures.
        models: seed by seed, on how many images the two models differ; empty where that is not known.
        bounded: whether the images' part is an upper bound, because predictions are missing.
        same_models: whether both have the same weights and scores in every pair, so that no data can tell them apart.
        no_interval: whether there is no interval for the metric, so that nothing can be said.
        lower_is_better: whether a lower value of the metric is better, as of a loss.

    >>> found = verdict("tanh", "relu", "accuracy", [0.95, 0.951, 0.949], [0.98, 0.981, 0.979], n_images=10_000)
    >>> found.kind, found.is_significant
    ('worse', True)
    """

    first: str
    second: str
    measure: Measure
    kind: Kind
    difference: Difference
    margin: float
    evidence: Evidence
    p: float = 1.0
    adjusted_p: float = 1.0
    n_comparisons: int = 1
    required: RequiredSampleSize | None = None
    probabilities: Probabilities | None = None
    models: tuple[Discordance, ...] = ()
    bounded: bool = False
    same_models: bool = False
    lower_is_better: bool = False
    no_interval: bool = False

    @property
    def clear(self) -> bool:
        """Whether something can be said at all: better, worse or a tie."""
        return self.kind in ("better", "worse", "equivalent")

    @property
    def clear_alone(self) -> bool:
        """Whether something could be said if this were the question's only comparison."""
        return self.kind != "too few to say" and self.p <= 1 - self.difference.confidence

    @property
    def ahead(self) -> bool:
        """Whether one of the two is ahead, by however little: zero lies outside, all comparisons considered."""
        difference = self.difference
        if difference.n < 2 or difference.centre is None:
            return False
        p = difference.error_of(abs(difference.centre)) * self.n_comparisons
        return p <= 1 - difference.confidence

    @property
    def is_significant(self) -> bool:
        """Whether one of the two is better."""
        return self.kind in ("better", "worse")


def verdict(
    first: str,
    second: str,
    measure: Measure,
    first_scores: Sequence[float],
    second_scores: Sequence[float],
    n_images: int,
    evidence: Evidence = Evidence(),
    margin: float = MARGIN,
) -> Verdict:
    """Return the verdict on two candidates from their accuracies alone (fractions), paired by seed.

    Scores do not show which images the candidates get wrong, so the images' part of the interval is its upper bound
    (:func:`~convstudy.stats.two_way.seeds_only_difference`), and the verdict is ``bounded``.

    Args:
        first: the name of the first candidate.
        second: the name of the other.
        measure: of which images the accuracies are.
        first_scores: the first candidate's accuracy for each seed.
        second_scores: those of the other, for the same seeds.
        n_images: the number of test images, the same ones for every seed.
        evidence: the fits that the scores come from.
        margin: differences up to this count as none (a fraction).

    Raises:
        ValueError: where the sequences differ in length, or there are no images.
    """
    if n_images < 1:
        raise ValueError(f"n_images must be 1 or more; got {n_images}")
    found = seeds_only_difference(tuple(first_scores), tuple(second_scores), n_images)
    return replace(judge(first, second, measure, found, margin, evidence), bounded=found.n > 0)


def judge(
    first: str,
    second: str,
    measure: Measure,
    difference: Difference,
    margin: float,
    evidence: Evidence = Evidence(),
    lower_is_better: bool = False,
    no_interval: bool = False,
) -> Verdict:
    """Return the verdict on a difference as the only comparison."""
    claim = claim_of(difference, margin)
    p = difference.error_of(claim.distance) if claim else 1.0
    found = Verdict(first, second, measure, "inconclusive", difference, margin, evidence, p, p)
    return _with_kind(replace(found, lower_is_better=lower_is_better, no_interval=no_interval))


def corrected(verdicts: Sequence[Verdict], n_comparisons: int = 0) -> tuple[Verdict, ...]:
    """Return the verdicts of one question after Holm's correction.

    Args:
        verdicts: the comparisons at hand.
        n_comparisons: how many were made in all, where some are not among these.
    """
    n_all = n_comparisons or len(verdicts)
    adjusted = holm([each.p for each in verdicts], n_all)
    return tuple(
        _with_kind(replace(each, adjusted_p=p, n_comparisons=n_all))
        for each, p in zip(verdicts, adjusted, strict=True)
    )


def claim_of(difference: Difference, margin: float) -> Claim | None:
    """Return what the middle of an interval points to, before it is asked whether the interval bears it out.

    An interval that ends at the very border of the region lies within it, not beyond: so far as it can be reckoned.
    ``None`` where there is no interval, or where it points to a tie that so few test images could never show.
    """
    centre = difference.centre
    if centre is None or not difference.known:
        return None
    if centre > margin:
        return Claim("better", centre - margin - ROUNDING)
    if centre < -margin:
        return Claim("worse", -margin - centre - ROUNDING)
    if 0 < difference.n_images * margin < RULE_OF_THREE or margin == 0:
        return None
    return Claim("equivalent", margin - abs(centre) + ROUNDING)


def _with_kind(found: Verdict) -> Verdict:
    """Return the verdict with what its adjusted p-value allows."""
    difference = found.difference
    kind: Kind = "inconclusive"
    claim = claim_of(difference, found.margin)
    if difference.n < 2 or found.no_interval:
        kind = "too few to say"
    elif claim and found.adjusted_p <= 1 - difference.confidence:
        kind = OPPOSITE.get(claim.kind, claim.kind) if found.lower_is_better else claim.kind
    return replace(found, kind=kind)
