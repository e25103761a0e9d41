"""What two variants of an ablation do together, in words.

A verdict on an interaction is "better" where both together come out higher than their two differences add up to, and
"worse" where lower; whether that is good news hangs on what each does alone. So it is told as more or less.
"""

from __future__ import annotations

from collections.abc import Sequence

from convstudy.numbers import listed, shortest_percent
from convstudy.report.metric_text import margin_of, metric_of, signed_by, unit_of, with_sign
from convstudy.report.verdict_text import Saying, verdict_label
from convstudy.stats import Verdict

FEW = 2
"""So many interactions are told in the answer; of more it says how many are clear."""
SHORT: dict[Saying, str] = {
    "better": "more than they add up to",
    "worse": "less than they add up to",
    "ahead": "perhaps more than they add up to",
    "behind": "perhaps less than they add up to",
    "equivalent": "none beyond {margin}",
    "inconclusive": "cannot be told from none",
    "no spread": "cannot be told from none",
    "no interval": "no interval for this metric",
    "one seed": "too few seeds to say",
    "no pair": "no seed of all four",
}
FULL: dict[Saying, str] = {
    "better": "together they do more than they add up to",
    "worse": "together they do less than they add up to",
    "ahead": "perhaps more than they add up to, but not clearly by more than {margin}",
    "behind": "perhaps less than they add up to, but not clearly by more than {margin}",
    "equivalent": "none beyond {margin}",
    "inconclusive": "which cannot be told from no interaction",
    "no spread": "of which no more is known, for predictions are lost",
    "no interval": "for which there is no interval in this metric",
    "one seed": "one seed of each, so nothing can be told from the luck of seeds",
    "no pair": "no seed of all four was tested",
}


def clause(verdicts: Sequence[Verdict]) -> str:
    """Return what the answer to an ablation says of its interactions, with a semicolon before it; empty without any.

    One seed tells nothing of differences, which the answer says already, and so nothing is said of it here.
    """
    found = [verdict for verdict in verdicts if verdict.difference.n > 1 and not verdict.no_interval]
    if not found:
        return ""
    many = len(found) > 1
    whose = f"their {len(found)} interactions" if many else f"the interaction of {_both(found[0])}"
    clear = [verdict for verdict in found if verdict.is_significant]
    if len(clear) > FEW:
        return f"; of {whose} {len(clear)} are clear"
    if clear:
        return f"; together {listed([_more_or_less(verdict) for verdict in clear])} than they add up to"
    n_ties = sum(verdict.kind == "equivalent" for verdict in found)
    none = f"none beyond {margin_of(found[0])}"
    if n_ties == len(found):
        return f"; {whose} {'are' if many else 'is'} {none}"
    if n_ties:
        told = f"{n_ties} {'are' if n_ties > 1 else 'is'} {none}"
        return f"; of {whose} {told} and {len(found) - n_ties} cannot be told from none"
    return f"; {whose} cannot be told from none"


def judged(verdict: Verdict) -> str:
    """Return an interaction as a sentence of its own: who, figures, and what can be said."""
    text = f"{verdict.first} + {verdict.second}: "
    difference = verdict.difference
    if difference.mean is not None:
        metric = metric_of(verdict)
        text += f"an interaction of {with_sign(metric, difference.mean)}{unit_of(metric)}"
        if difference.low is not None and difference.high is not None:
            about = " for these models on new images" if verdict_label(verdict) == "one seed" else ""
            share = f"{shortest_percent(difference.confidence)} interval"
            text += f" ({share} {with_sign(metric, difference.low)} to {with_sign(metric, difference.high)}{about})"
        text += ", "
    return f"{text}{worded(verdict, FULL)}."


def worded(verdict: Verdict, words: dict[Saying, str]) -> str:
    """Return what a verdict says in these words."""
    return words[verdict_label(verdict)].format(margin=margin_of(verdict))


def _more_or_less(verdict: Verdict) -> str:
    mean = verdict.difference.mean
    assert mean is not None  # callers ask of those that are clear
    metric = metric_of(verdict)
    return f"{_both(verdict)} score {signed_by(metric, abs(mean))}{unit_of(metric)} {'more' if mean > 0 else 'less'}"


def _both(verdict: Verdict) -> str:
    return f"{verdict.first} and {verdict.second}"
