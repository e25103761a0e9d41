"""The claim that a p-value tests, for tables: a p-value without its hypothesis is read as "differs from zero"."""

from __future__ import annotations

from convstudy.numbers import shortest
from convstudy.report.metric_text import margin_text, metric_of, unit_of
from convstudy.report.table import Column, Value
from convstudy.stats import Verdict
from convstudy.stats.verdicts import claim_of

CLAIM = Column("claim", "Tested claim")
P = Column("p_claim", "p (claim)", "p")
ADJUSTED_P = Column("adjusted_p_claim", "Holm-adjusted p (claim)", "p")
CLAIM_CAPTION = (
    "p (claim): the p-value of the test of “Tested claim”; small values support this claim. It does not test whether "
    "the difference is zero."
)


def claim_text(verdict: Verdict) -> str | None:
    """Name the claim that the p-value of a verdict tests.

    Returns:
        ``difference > 0.1 pp``, ``difference < −0.1 pp`` or ``within ±0.1 pp``, and for a share of the errors
        ``better by more than 10 % of the errors``. ``None`` if the data suggest no claim: there is no interval, seeds
        collapsed, or there are too few images for equivalence.
    """
    if verdict.no_interval or verdict.descriptive or verdict.n_collapsed:
        return None
    metric = metric_of(verdict)
    if verdict.by_share is not None:
        by_share = verdict.by_share.claim
        if by_share is None:
            return None
        share = margin_text(metric, verdict.by_share.share)
        return f"within {share}" if by_share[0] == "equivalent" else f"{by_share[0]} by more than {share}"
    claim = claim_of(verdict.difference, verdict.margin)
    if claim is None:
        return None
    margin = shortest(verdict.margin * 100 if metric.unit == "percent" else verdict.margin)
    bound = f"{margin}{unit_of(metric) if verdict.margin else ''}"
    if claim.kind == "equivalent":
        return f"within ±{bound}"
    if claim.kind == "better":
        return f"difference > {bound}"
    return f"difference < {'−' if verdict.margin else ''}{bound}"


def p_values(verdict: Verdict) -> tuple[Value, Value]:
    """Return the cells of :data:`P` and :data:`ADJUSTED_P`, both empty without a claim."""
    return (verdict.p, verdict.adjusted_p) if claim_text(verdict) else (None, None)
