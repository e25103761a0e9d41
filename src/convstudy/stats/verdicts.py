"""Verdicts: better, worse, equivalent within the margin, or inconclusive.

The rule compares an interval with the equivalence margin (ROPE; ±0.1 percentage points of accuracy by default). If
the whole interval is above the margin, the verdict is "better"; if it is below, "worse"; if it is inside, "equivalent";
otherwise "inconclusive". "Equivalent" is the result of the two one-sided tests of Schuirmann (1987). "Better" and
"worse" are tests against the margin, not against zero.

Comparisons that answer one question form a family, such as all pairs of a comparison stage. Each claim must hold after
Holm's correction for its family: the adjusted p-value decides, not the interval alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from convstudy.stats.differences import ROUNDING, Difference
from convstudy.stats.error_ratio import ErrorRatio, ShareTest
from convstudy.stats.holm import holm
from convstudy.stats.looks import look_confidence, shared_confidence
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.measure import Measure
from convstudy.stats.power import RULE_OF_THREE
from convstudy.stats.resampled import Probabilities
from convstudy.stats.sample_size import RequiredSampleSize
from convstudy.stats.two_way import seeds_only_difference

MARGIN = 0.001
"""The default equivalence margin of accuracy: 0.1 percentage points."""

Kind = Literal["better", "worse", "equivalent", "inconclusive", "too few to say"]
OPPOSITE: dict[Kind, Kind] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class MeasuredFit:
    """A fit and the digest of its weights; a failed fit has no digest."""

    fit_id: str
    weights_digest: str = ""


@dataclass(frozen=True)
class Evidence:
    """The fits that support a statement, without repeats. Two fits can have the same weights."""

    fits: tuple[MeasuredFit, ...] = ()

    def __add__(self, other: Evidence) -> Evidence:
        # A dict removes repeated fits and keeps their order.
        return Evidence(tuple(dict.fromkeys(self.fits + other.fits)))

    @property
    def fit_ids(self) -> tuple[str, ...]:
        """The ids of the fits, in the order of ``fits``."""
        return tuple(fit.fit_id for fit in self.fits)


@dataclass(frozen=True)
class Claim:
    """The claim that a difference suggests, and the distance of the difference from the limit of that claim."""

    kind: Kind
    distance: float


@dataclass(frozen=True)
class Verdict:
    """Whether ``first`` is better than ``second`` in ``measure``, with the values that support it.

    Attributes:
        kind: the verdict, corrected for all comparisons of its family.
        difference: ``first − second`` with its interval, in the unit of the metric (accuracy: a fraction).
        margin: the equivalence margin, in the same unit.
        p: the p-value of the claim that the difference suggests, without correction.
        adjusted_p: the p-value after Holm's correction for ``n_comparisons``.
        required: the sample sizes required for a verdict, for stated true differences. ``None`` if the verdict is
            clear, if the margin is 0, or if the size is unknown.
        probabilities: the probabilities of the Bayesian correlated t-test for the same values; only over folds.
        models: for each seed, the numbers of images on which both, one or neither model is correct; empty if unknown.
        bounded: whether the variance from the sampling of images is an upper bound, because predictions are missing.
        same_models: whether both have the same weights and scores in every pair; no data can then show a difference.
        no_interval: whether there is no interval, so that no claim is possible: predictions are missing, or the verdict
            is descriptive.
        descriptive: why the verdict only describes the scores; empty for an ordinary verdict.
        lower_is_better: whether lower values of the metric are better, as for a loss.
        looks: the numbers of seeds with which this comparison was tested on the test set, in order of time; the last
            one is this verdict's. Empty if the test-set access log does not have it.
        look: the number of this test among them, from 1; tests with one seed do not count, because they make no claim.
            It determines the confidence level of ``difference`` (:mod:`convstudy.stats.looks`).
        later_looks: the numbers of seeds of later tests of this comparison, by other runs.
        n_questions: the number of comparisons asked of this test set so far: ``n_comparisons``, and one for each other
            candidate in the log.
        questions_p: the p-value after Holm's correction for ``n_questions``.
        n_collapsed: the number of collapsed seeds of both candidates; with any, the interval is not reliable.
        errors: the ratio of both candidates' errors with its interval; ``None`` if it is unknown.
        by_share: the test that decides if the margin is a share of the errors; ``margin`` is then this share of the
            larger measured error.

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
    descriptive: str = ""
    looks: tuple[int, ...] = ()
    look: int = 1
    later_looks: tuple[int, ...] = ()
    n_questions: int = 1
    questions_p: float = 1.0
    n_collapsed: int = 0
    errors: ErrorRatio | None = None
    by_share: ShareTest | None = None

    @property
    def for_questions(self) -> Difference:
        """The difference with the interval that is corrected for ``n_questions`` (Bonferroni)."""
        confidence = shared_confidence(self.difference.confidence, self.n_questions)
        return replace(self.difference, confidence=confidence)

    @property
    def clear_for_questions(self) -> bool:
        """Whether the verdict is clear and stays so after the correction for ``n_questions``."""
        return self.clear and self.questions_p <= 1 - self.difference.confidence

    @property
    def clear(self) -> bool:
        """Whether there is a verdict: better, worse or equivalent."""
        return self.kind in ("better", "worse", "equivalent")

    @property
    def clear_alone(self) -> bool:
        """Whether there would be a verdict if this were the only comparison of its family."""
        return self.kind != "too few to say" and self.p <= 1 - self.difference.confidence

    @property
    def ahead(self) -> bool:
        """Whether one candidate is ahead by any amount: the corrected interval excludes zero."""
        difference = self.difference
        if difference.n < 2 or difference.centre is None:
            return False
        # Bonferroni's factor, because Holm's order is that of the p-values against the margin, not against zero.
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
    """Return the verdict on two candidates from their accuracies alone, paired by seed.

    Scores do not show on which images the candidates are wrong. Therefore an upper bound replaces the variance from the
    sampling of images (:func:`~convstudy.stats.two_way.seeds_only_difference`), and the verdict is ``bounded``.

    Args:
        first: the name of the first candidate.
        second: the name of the second candidate.
        measure: the images on which the accuracies were measured.
        first_scores: the first candidate's accuracy for each seed, a fraction.
        second_scores: the accuracies of the other, for the same seeds.
        n_images: the number of test images, the same ones for every seed.
        evidence: the fits that have these scores.
        margin: the equivalence margin, a fraction.

    Raises:
        ValueError: if the sequences differ in length, or there are no images.

    >>> from convstudy.stats.measure import Measure
    >>> test = Measure("test", "accuracy")
    >>> verdict("wide", "narrow", test, [0.98, 0.979, 0.981], [0.97, 0.969, 0.97], n_images=10_000).kind
    'better'
    """
    if n_images < 1:
        raise ValueError(f"n_images must be 1 or more; got {n_images}")
    found = seeds_only_difference(tuple(first_scores), tuple(second_scores), n_images)
    # Without pairs there is no interval, and therefore no bound.
    return replace(make_verdict(first, second, measure, found, margin, evidence), bounded=found.n > 0)


def make_verdict(
    first: str,
    second: str,
    measure: Measure,
    difference: Difference,
    margin: float,
    evidence: Evidence = Evidence(),
    lower_is_better: bool = False,
    no_interval: bool = False,
    errors: ErrorRatio | None = None,
    by_share: ShareTest | None = None,
) -> Verdict:
    """Return the verdict on a difference that is the only comparison of its family."""
    claim = claim_of(difference, margin)
    p = difference.error_of(claim.distance) if claim else 1.0
    if by_share is not None:
        p = by_share.claim[1] if by_share.claim else 1.0
    found = Verdict(first, second, measure, "inconclusive", difference, margin, evidence, p, p)
    found = replace(found, errors=errors, by_share=by_share)
    return _with_kind(replace(found, lower_is_better=lower_is_better, no_interval=no_interval))


def corrected(verdicts: Sequence[Verdict], n_comparisons: int = 0) -> tuple[Verdict, ...]:
    """Return the verdicts of one family after Holm's correction.

    Args:
        verdicts: the comparisons.
        n_comparisons: the total number of comparisons, if ``verdicts`` does not contain all of them.

    >>> from convstudy.stats.measure import Measure
    >>> found = verdict("a", "b", Measure("test", "accuracy"), [0.98, 0.979], [0.95, 0.951], n_images=10_000)
    >>> [round(each.adjusted_p / found.p) for each in corrected([found], n_comparisons=3)]
    [3]
    """
    n_all = n_comparisons or len(verdicts)
    adjusted = holm([each.p for each in verdicts], n_all)
    return tuple(
        _with_kind(replace(each, adjusted_p=p, n_comparisons=n_all))
        for each, p in zip(verdicts, adjusted, strict=True)
    )


def at_look(verdict: Verdict, looks: tuple[int, ...], look: int, later: tuple[int, ...] = ()) -> Verdict:
    """Return a verdict with the confidence level of its look; its kind changes with :func:`corrected`.

    Args:
        verdict: the verdict, before the correction for its family.
        looks: see :class:`Verdict`.
        look: see :class:`Verdict`.
        later: see :class:`Verdict`.
    """
    difference = verdict.difference
    if look > 1:
        difference = replace(difference, confidence=look_confidence(look))
    return replace(verdict, difference=difference, looks=looks, look=look, later_looks=later)


def for_questions(verdicts: Sequence[Verdict], n_others: int) -> tuple[Verdict, ...]:
    """Return the verdicts of one family with the correction for all questions asked of the test set.

    Args:
        verdicts: the comparisons of the family, after :func:`corrected`.
        n_others: the number of other candidates that were scored on this test set.
    """
    if not verdicts:
        return ()
    n_questions = verdicts[0].n_comparisons + n_others
    adjusted = holm([each.p for each in verdicts], n_questions)
    return tuple(
        replace(each, n_questions=n_questions, questions_p=p)
        for each, p in zip(verdicts, adjusted, strict=True)
    )


def claim_of(difference: Difference, margin: float) -> Claim | None:
    """Return the claim that the middle of an interval suggests, before its p-value is considered.

    An interval that ends exactly at the margin is inside it, within rounding. The result is ``None`` if there is no
    interval, or if the claim would be equivalence and the number of test images is too small to show it.
    """
    centre = difference.centre
    if centre is None or not difference.known:
        return None
    if centre > margin:
        return Claim("better", centre - margin - ROUNDING)
    if centre < -margin:
        return Claim("worse", -margin - centre - ROUNDING)
    # The rule of three does not apply if the interval ignores the images (``n_images`` is 0). With a margin of 0, no
    # interval is inside the margin.
    if 0 < difference.n_images * margin < RULE_OF_THREE or margin == 0:
        return None
    return Claim("equivalent", margin - abs(centre) + ROUNDING)


def _with_kind(found: Verdict) -> Verdict:
    """Return the verdict with the kind that its adjusted p-value allows."""
    difference = found.difference
    kind: Kind = "inconclusive"
    claim = claim_of(difference, found.margin)
    # With one seed the variation between seeds is unknown.
    if difference.n < 2 or found.no_interval:
        kind = "too few to say"
    elif found.by_share is not None:
        by_share = found.by_share.claim
        if by_share and found.adjusted_p <= 1 - difference.confidence:
            kind = by_share[0]
    elif claim and found.adjusted_p <= 1 - difference.confidence:
        # The claim is about the larger mean, which is worse for a loss.
        kind = OPPOSITE.get(claim.kind, claim.kind) if found.lower_is_better else claim.kind
    return replace(found, kind=kind)
