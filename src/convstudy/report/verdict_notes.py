"""Verdicts in full, for those who want to know what an answer stands on: figures, clarity, and why not more."""

from __future__ import annotations

import math

from convstudy.analysis import StageResult
from convstudy.numbers import counted, decimals, listed, percent, shortest_percent
from convstudy.report.metric_text import margin_of, metric_of, unit_of, with_sign
from convstudy.report.verdict_text import verdict_label
from convstudy.stats import Verdict

# A source that makes up this much of an interval (of its half-width's square) is what it mostly comes from.
_MOSTLY = 2 / 3


def judged(verdict: Verdict) -> str:
    """Return a verdict as a sentence of its own: who, figures, what can be said, and why not more."""
    pair = f"{verdict.first} against {verdict.second}"
    difference = verdict.difference
    if difference.mean is None:
        return f"{pair}: no pair of fits to compare."
    metric = metric_of(verdict)
    text = f"{pair}: {with_sign(metric, difference.mean)}{unit_of(metric)}"
    if difference.low is not None and difference.high is not None:
        about = " for these two models on new images" if verdict.kind == "too few to say" else ""
        share = f"{shortest_percent(difference.confidence)} interval"
        text += (
            f" ({share} {with_sign(metric, difference.low)} to {with_sign(metric, difference.high)}{about})"
        )
    bound = "; predictions are missing, so the images’ part is an upper bound" if verdict.bounded else ""
    return f"{text}, {clarity(verdict)}{sources(verdict)}{bound}."


def probability(verdict: Verdict) -> str:
    """Return the Bayesian reading of a difference over folds, as a sentence; empty without one."""
    found = verdict.probabilities
    if found is None:
        return ""
    return (
        f"By the Bayesian correlated t-test {verdict.first} beats {verdict.second} by more than "
        f"{margin_of(verdict)} with probability {_chance(found.better)}, and is as good within "
        f"{margin(verdict)} with {_chance(found.same)}."
    )


def groups(stage_result: StageResult) -> str:
    """Return who cannot be told apart in a comparison of three or more, as a sentence; empty of two."""
    if len(stage_result.ranking) < 3 or not stage_result.groups:
        return ""
    if any(verdict.kind == "too few to say" for verdict in stage_result.verdicts):
        return ""
    together = [group for group in stage_result.groups if len(group) > 1]
    beyond = f"more than {margin_of(stage_result.verdicts[0])}"
    if not together:
        return f"All {len(stage_result.ranking)} differ by {beyond}."
    if len(together) == 1 and len(together[0]) == len(stage_result.ranking):
        n = len(stage_result.ranking)
        return f"None of the {n} can be told from another by {beyond} of test {stage_result.metric.title}."
    named = "; ".join(listed(list(group)) for group in together)
    return f"By {beyond} of test {stage_result.metric.title} these cannot be told apart: {named}."


def clarity(verdict: Verdict) -> str:
    """Return what a verdict says, after the figures: ``"a clear difference"``, ``"too uncertain to call"``."""
    if verdict.same_models:
        return "a model compared with itself: the weights and scores are the same"
    if verdict.kind in ("better", "worse"):
        return "a clear difference"
    if verdict.kind == "equivalent":
        return f"a tie within {margin(verdict)}"
    if verdict.no_interval:
        return f"no interval for this metric ({metric_of(verdict).title}), so no claim"
    if verdict.kind == "too few to say":
        return "one seed of each, so nothing can be told from the luck of seeds"
    if verdict.difference.low is None:
        return "the same difference in every pair, which shows no spread to judge it by"
    if verdict.clear_alone:
        return f"clear by itself, but not as one of {counted(verdict.n_comparisons, 'comparison')}"
    if verdict.ahead:
        return f"a difference, but perhaps of no more than {margin_of(verdict)}"
    if verdict_label(verdict) in ("ahead", "behind"):
        return f"perhaps a difference, but not clear as one of {counted(verdict.n_comparisons, 'comparison')}"
    return "too uncertain to call"


def margin(verdict: Verdict) -> str:
    """Return the region within which differences count as none: ``±0.1 points``."""
    return f"±{margin_of(verdict)}"


def sources(verdict: Verdict) -> str:
    """Return where an unclear verdict over seeds has its uncertainty from: ``, mostly for want of seeds (...)``."""
    seeds, images = verdict.difference.half_width_of("seeds"), verdict.difference.half_width_of("images")
    if verdict.kind != "inconclusive" or verdict.same_models or seeds is None or images is None:
        return ""
    share = seeds**2 / (seeds**2 + images**2) if seeds or images else 0.5
    text = ", for want of seeds and of test images"
    if share >= _MOSTLY:
        text = ", mostly for want of seeds"
    elif share <= 1 - _MOSTLY:
        text = ", mostly for want of test images"
    unit = unit_of(metric_of(verdict))
    return f"{text} (±{_width(verdict, seeds)}{unit} for the seeds, ±{_width(verdict, images)} for the test images)"


def _chance(share: float) -> str:
    """Return a probability in whole per cent, which is never quite none or all."""
    return "less than 1 %" if share < 0.01 else "more than 99 %" if share > 0.99 else percent(share, 0)


def _width(verdict: Verdict, half_width: float) -> str:
    """Return a half-width, rounded up so that a small one does not read as none."""
    up = math.ceil(half_width * 10_000 - 1e-9)
    return decimals(up / 100, 2) if metric_of(verdict).unit == "percent" else decimals(up / 10_000, 4)
