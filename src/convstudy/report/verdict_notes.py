"""Notes on verdicts: one full sentence per verdict, with its interval, conclusion and sources of uncertainty."""

from __future__ import annotations

from convstudy.analysis import StageResult
from convstudy.numbers import counted, listed, percent, shortest_percent
from convstudy.report.error_ratios import few_errors_text, ratio_text
from convstudy.report.group_text import counts_like, mark
from convstudy.report.metric_text import margin_of, metric_of, signed_by, unit_of, with_sign, within_of
from convstudy.report.questions_text import look_text, questions_text
from convstudy.report.training_set_text import resamples, training_set_scope
from convstudy.report.verdict_text import NOT_RELIABLE, verdict_label, why_not_tested
from convstudy.stats import Verdict

# A source dominates if it causes at least this proportion of the squared half-width.
_DOMINANT = 2 / 3


def verdict_note(verdict: Verdict) -> str:
    """Describe a verdict in a sentence: the pair, the difference with its interval, the conclusion."""
    pair = f"{verdict.first} minus {verdict.second}"
    difference = verdict.difference
    if difference.mean is None:
        return f"{pair}: there are no fits with a common seed or fold."
    metric = metric_of(verdict)
    text = f"{pair}: {with_sign(metric, difference.mean)}{unit_of(metric)}"
    if difference.low is not None and difference.high is not None:
        scope = " for these two models on new images" if verdict.kind == "too few to say" else ""
        confidence = "interval" if verdict.n_collapsed else f"{shortest_percent(difference.confidence)} CI"
        scope += f", {NOT_RELIABLE}" if verdict.n_collapsed else ""
        low, high = with_sign(metric, difference.low), with_sign(metric, difference.high)
        text += f" ({confidence} {low} to {high}{scope}{mark(difference.groups)}"
        known = verdict.by_share and verdict.errors and not verdict.n_collapsed
        text += f"; {ratio_text(verdict.errors)})" if known and verdict.errors else ")"
    bound = (
        "; because predictions are missing, the uncertainty from the sampling of images is an upper bound"
        if verdict.bounded
        else ""
    )
    counted_images = counts_like([difference.groups])
    groups = f"; {counted_images}" if counted_images and difference.low is not None else ""
    test_set = f"{look_text(verdict)}{questions_text(verdict)}"
    scope = training_set_scope([verdict])
    scope = f" {scope}" if scope else ""
    return f"{text}, {conclusion_text(verdict)}{scope}{sources(verdict)}{bound}{groups}{test_set}."


def probability(verdict: Verdict) -> str:
    """Give the Bayesian probabilities of a difference over folds in a sentence; empty if there are none."""
    found = verdict.probabilities
    if found is None:
        return ""
    return (
        f"According to the Bayesian correlated t-test, {verdict.first} is better than {verdict.second} by more than "
        f"{margin_of(verdict)} with probability {_chance(found.better)}, and equivalent within "
        f"{within_of(verdict)} with probability {_chance(found.same)}."
    )


def groups(stage_result: StageResult) -> str:
    """Name the groups without significant differences in a comparison of three or more; empty for two."""
    if len(stage_result.ranking) < 3 or not stage_result.groups:
        return ""
    if any(verdict.kind == "too few to say" for verdict in stage_result.verdicts):
        return ""
    together = [group for group in stage_result.groups if len(group) > 1]
    beyond = f"by more than {margin_of(stage_result.verdicts[0])}"
    n, metric = len(stage_result.ranking), f"test {stage_result.metric.title}"
    if not together:
        return f"All {n} differ significantly {beyond} of {metric}."
    if len(together) == 1 and len(together[0]) == n:
        return f"None of the {n} differ significantly {beyond} of {metric}."
    named = "; ".join(listed(list(group)) for group in together)
    return f"Groups without a significant difference {beyond} of {metric}: {named}."


def conclusion_text(verdict: Verdict) -> str:
    """Name the conclusion of a verdict: ``"a significant difference"``, ``"inconclusive"``."""
    if verdict.same_models:
        return "the same model twice: weights and scores are identical"
    if verdict.kind in ("better", "worse"):
        return "a significant difference"
    if verdict.kind == "equivalent":
        return f"equivalent within {within_of(verdict)}"
    if verdict.no_interval:
        return f"not tested: {why_not_tested(verdict)}"
    if verdict.kind == "too few to say":
        return "inconclusive: with one seed per candidate, the variation between seeds is unknown"
    if verdict.difference.low is None:
        return "inconclusive: the difference is the same in every pair, so it has no interval"
    if verdict.n_collapsed:  # the other reasons are about an interval that is not reliable
        return "inconclusive"
    if few := few_errors_text(verdict):
        return f"inconclusive: {few}"
    if verdict.clear_alone:
        n = counted(verdict.n_comparisons, "comparison")
        return f"inconclusive after the correction for {n}, but conclusive without it"
    if verdict.ahead:
        return (
            "inconclusive: the difference from zero is significant, but it may be smaller than "
            f"{margin_of(verdict)}"
        )
    if verdict_label(verdict) in ("ahead", "behind"):
        return (
            "inconclusive: the difference from zero is not significant after the correction for "
            f"{counted(verdict.n_comparisons, 'comparison')}"
        )
    return "inconclusive"


def sources(verdict: Verdict) -> str:
    """Explain the width of the interval of an inconclusive verdict over seeds; empty for other verdicts."""
    seeds, images = verdict.difference.half_width_of("seeds"), verdict.difference.half_width_of("images")
    if resamples(verdict):  # more seeds mean more training sets too; the table has the three half-widths
        return ""
    if verdict.kind != "inconclusive" or verdict.same_models or seeds is None or images is None:
        return ""
    if verdict.n_collapsed:  # more seeds or images do not make this interval reliable
        return ""
    proportion = seeds**2 / (seeds**2 + images**2) if seeds or images else 0.5
    unit = unit_of(metric_of(verdict))
    in_groups = verdict.difference.groups is not None and verdict.difference.groups.matters
    images_text = "groups of test images" if in_groups else "test images"
    of_seeds, of_images = f"±{_width(verdict, seeds)}{unit}", f"±{_width(verdict, images)}{unit}"
    lead = "; the interval is wide"
    if proportion >= _DOMINANT:
        return f"{lead} mainly because there are few seeds ({of_seeds}; {images_text} contribute {of_images})"
    if proportion <= 1 - _DOMINANT:
        return f"{lead} mainly because there are few {images_text} ({of_images}; seeds contribute {of_seeds})"
    return f"{lead} because there are few seeds ({of_seeds}) and few {images_text} ({of_images})"


def _chance(probability: float) -> str:
    """Format a probability in whole percent, never as 0 % or 100 %."""
    if probability < 0.01:
        return "less than 1 %"
    return "more than 99 %" if probability > 0.99 else percent(probability, 0)


def _width(verdict: Verdict, half_width: float) -> str:
    """Format a half-width like the table of verdicts, except that a small positive one does not read as zero."""
    return signed_by(metric_of(verdict), max(half_width, 0.0001) if half_width > 0 else 0.0)
