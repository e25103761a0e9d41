"""Text about interactions: the effect of two variants of an ablation together, compared with each alone.

A verdict on an interaction is "better" if both together score higher than the sum of their two differences predicts,
and "worse" if lower. Whether this is desirable depends on the effect of each alone, so the text says "more" or "less".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convstudy.numbers import listed, shortest_percent
from convstudy.report.group_text import mark
from convstudy.report.metric_text import margin_of, metric_of, signed_by, unit_of, with_sign
from convstudy.report.questions_text import look_text, questions_text
from convstudy.report.training_set_text import training_set_scope
from convstudy.report.verdict_text import NOT_RELIABLE, VerdictLabel, verdict_label
from convstudy.stats import Verdict

FEW = 2
"""The answer names up to this many significant interactions; if there are more, it gives their number."""
SHORT: Mapping[VerdictLabel, str] = {
    "better": "more than the sum",
    "worse": "less than the sum",
    "ahead": "perhaps more than the sum",
    "behind": "perhaps less than the sum",
    "equivalent": "none beyond {margin}",
    "inconclusive": "inconclusive",
    "no spread": "inconclusive",
    "no interval": "not tested",
    "one seed": "inconclusive with one seed",
    "no pair": "no seed in common",
}
FULL: Mapping[VerdictLabel, str] = {
    "better": "together more than the sum of both effects",
    "worse": "together less than the sum of both effects",
    "ahead": "perhaps more than the sum of both effects, but not significantly by more than {margin}",
    "behind": "perhaps less than the sum of both effects, but not significantly by more than {margin}",
    "equivalent": "no interaction beyond {margin}",
    "inconclusive": "inconclusive",
    "no spread": "inconclusive: predictions are missing, so it has no interval",
    "no interval": "not tested",
    "one seed": "inconclusive: with one seed per network, the variation between seeds is unknown",
    "no pair": "no seed with test scores of all four networks",
}


def clause(verdicts: Sequence[Verdict]) -> str:
    """Summarize the interactions of an ablation in a clause after a semicolon; empty if there are none.

    Interactions with one seed are left out: the answer already says that one seed is not enough.
    """
    found = [verdict for verdict in verdicts if verdict.difference.n > 1 and not verdict.no_interval]
    if not found:
        return ""
    several = len(found) > 1
    subject = f"their {len(found)} interactions" if several else f"the interaction of {_both(found[0])}"
    significant = [verdict for verdict in found if verdict.is_significant]
    if len(significant) > FEW:
        return f"; of {subject}, {len(significant)} are significant"
    if significant:
        return f"; together {listed([_more_or_less(verdict) for verdict in significant])} than the sum of both effects"
    n_equivalent = sum(verdict.kind == "equivalent" for verdict in found)
    within = f"within {margin_of(found[0])}"
    if n_equivalent == len(found):
        return f"; {subject} {'are' if several else 'is'} {within}"
    if n_equivalent:
        n_open = len(found) - n_equivalent
        return (
            f"; of {subject}, {n_equivalent} {'are' if n_equivalent > 1 else 'is'} {within} and {n_open} "
            f"{'are' if n_open > 1 else 'is'} inconclusive"
        )
    return f"; {subject} {'are' if several else 'is'} inconclusive"


def interaction_note(verdict: Verdict) -> str:
    """Describe an interaction in a sentence: the two variants, the interaction with its interval, the conclusion."""
    text = f"{verdict.first} + {verdict.second}: "
    difference = verdict.difference
    if difference.mean is not None:
        metric = metric_of(verdict)
        text += f"an interaction of {with_sign(metric, difference.mean)}{unit_of(metric)}"
        if difference.low is not None and difference.high is not None:
            scope = " for these models on new images" if verdict_label(verdict) == "one seed" else ""
            confidence = (
                "interval" if verdict.n_collapsed else f"{shortest_percent(difference.confidence)} CI"
            )
            scope += f", {NOT_RELIABLE}" if verdict.n_collapsed else ""
            low, high = with_sign(metric, difference.low), with_sign(metric, difference.high)
            text += f" ({confidence} {low} to {high}{scope}{mark(difference.groups)})"
        text += ", "
    of_set = training_set_scope([verdict])
    of_set = f", {of_set}" if of_set else ""
    return f"{text}{interaction_verdict(verdict, FULL)}{of_set}{look_text(verdict)}{questions_text(verdict)}."


def interaction_verdict(verdict: Verdict, words: Mapping[VerdictLabel, str]) -> str:
    """Return the text of the verdict's label, with its margin filled in.

    Args:
        verdict: a verdict on an interaction.
        words: :data:`SHORT` or :data:`FULL`.
    """
    if verdict.descriptive:
        return f"descriptive only, because {verdict.descriptive}" if words is FULL else "descriptive only"
    return words[verdict_label(verdict)].format(margin=margin_of(verdict))


def _more_or_less(verdict: Verdict) -> str:
    mean = verdict.difference.mean
    assert mean is not None  # significant interactions have one
    metric = metric_of(verdict)
    return f"{_both(verdict)} score {signed_by(metric, abs(mean))}{unit_of(metric)} {'more' if mean > 0 else 'less'}"


def _both(verdict: Verdict) -> str:
    return f"{verdict.first} and {verdict.second}"
