"""A check after training: networks that are not better than a baseline that costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import Analysis, StageBaselines
from convstudy.checks.check import Spot
from convstudy.checks.text import MAX_LISTED, signed_interval
from convstudy.metrics import metric_named
from convstudy.numbers import percent
from convstudy.stats import Verdict

_KINDS = {
    "worse": "the baseline is better",
    "equivalent": "equivalent within the margin",
    "inconclusive": "inconclusive",
}


def no_better_than_baseline(analysis: Analysis) -> Iterator[Spot]:
    """Find networks that are not clearly better than the best baseline on the same images; one finding per stage."""
    seen: set[str] = set()
    for baselines in analysis.baselines:
        new = [
            verdict
            for verdict in baselines.verdicts
            if not verdict.descriptive and not set(verdict.evidence.fit_ids) <= seen
        ]
        seen |= {fit_id for verdict in new for fit_id in verdict.evidence.fit_ids}
        found = [verdict for verdict in new if not is_clearly_better(verdict)]
        if found:
            yield _spot(baselines, found)


def without_baselines(analysis: Analysis) -> str:
    """Return why no network can be compared with a baseline."""
    verdicts = [verdict for each in analysis.baselines for verdict in each.verdicts]
    if any(not verdict.descriptive for verdict in verdicts):
        return ""
    if verdicts:
        return f"{verdicts[0].descriptive}, so that verdicts are descriptive only"
    if analysis.baselines:
        return "predictions of the networks are missing"
    return "the baselines are not computed yet: a run computes them after its test-set evaluations"


def is_clearly_better(verdict: Verdict) -> bool:
    """Return whether a network is better than a baseline; for one seed, whether this trained model is better."""
    low = verdict.difference.low
    if verdict.difference.n == 1 and low is not None:
        return low > verdict.margin
    return verdict.kind == "better"


def _spot(baselines: StageBaselines, found: list[Verdict]) -> Spot:
    best, title = baselines.best, metric_named(baselines.measure.metric).title
    return Spot(
        baselines.stage,
        f"the baseline {best.name}, which costs seconds, has a {baselines.measure.part} {title} of "
        f"{percent(best.score)}, and these networks are not clearly better: {_listed(found)}",
        "check learning rate, number of epochs and images, or use the baseline; if a difference is inconclusive, use "
        "more seeds or images",
    )


def _behind(verdict: Verdict) -> str:
    difference = verdict.difference
    kind = _KINDS.get(verdict.kind, "one seed: an interval for this trained model")
    if verdict.kind == "inconclusive" and verdict.ahead:
        kind = "may be better" if (difference.mean or 0.0) > 0 else "the baseline may be better"
    return f"{verdict.first}, {signed_interval(difference)}: {kind}"


def _listed(found: list[Verdict]) -> str:
    shown = "; ".join(_behind(verdict) for verdict in found[:MAX_LISTED])
    return shown + (f"; and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else "")
