"""A verdict within a sentence: what it says, its figures in brackets, and what it would take to say more.

The words "better", "worse" and "ties" stand for verdicts of these kinds and for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from convstudy.metrics import Metric
from convstudy.numbers import (
    between,
    count,
    counted,
    one_digit,
    shortest,
    shortest_percent,
)
from convstudy.report.metric_text import bare_writer, margin_of, metric_of, signed_by, unit_of, writer
from convstudy.stats import Interval, RequiredSampleSize, Verdict

FEW_SEEDS = 3
"""From this number of seeds or fewer, how much seeds differ is known so badly that more come first."""
MORE_FOLDS = "more folds"
"""The interval over a few folds is mostly Student's t: more folds of the same images narrow it."""

Saying = Literal[
    "worse",
    "behind",
    "better",
    "ahead",
    "equivalent",
    "same",
    "inconclusive",
    "no spread",
    "no interval",
    "one seed",
    "no pair",
]  # in the order in which a sentence tells of them: first what speaks against a choice


def verdict_label(verdict: Verdict) -> Saying:
    """Return what a verdict says of its first candidate, in finer words than its kind.

    ``"ahead"`` and ``"behind"`` are unclear verdicts whose interval leaves out zero, but not the whole region, or
    only if no other comparison had been made. ``"same"`` is a model compared with itself, whatever its kind.
    """
    difference = verdict.difference
    if difference.mean is None:
        return "no pair"
    if verdict.same_models:
        return "same"
    if verdict.no_interval:
        return "no interval"
    if verdict.kind == "too few to say":
        return "one seed"
    if verdict.kind != "inconclusive":
        return verdict.kind
    if difference.low is None or difference.high is None:
        return "no spread"
    if difference.low > 0 and difference.high > verdict.margin:
        return "behind" if verdict.lower_is_better else "ahead"
    if difference.high < 0 and difference.low < -verdict.margin:
        return "ahead" if verdict.lower_is_better else "behind"
    return "inconclusive"


def shows_interval(verdict: Verdict) -> bool:
    """Return whether a sentence gives the interval of a verdict: it is known, and says something of other seeds."""
    difference = verdict.difference
    known = difference.low is not None and difference.high is not None
    return known and not verdict.same_models and verdict_label(verdict) != "one seed"


def figures(verdict: Verdict, by: bool, share: bool = True) -> str:
    """Return a difference with its interval for a sentence's brackets: ``0.42 points, 95 % interval −0.10 to 0.94``.

    Args:
        verdict: of which the difference is known.
        by: whether to tell by how much one is better, worse, ahead or behind, without a sign.
        share: whether to say that the ends are those of a 95 % interval; once in a sentence is enough.
    """
    difference = verdict.difference
    assert difference.mean is not None  # callers leave out what has no pair
    way, turn = _way(verdict, by)
    metric = metric_of(verdict)
    text = f"{way}{signed_by(metric, turn * difference.mean)}{unit_of(metric)}"
    if difference.low is None or difference.high is None or not shows_interval(verdict):
        return text
    low, high = sorted((turn * difference.low, turn * difference.high))
    interval = f"{shortest_percent(difference.confidence)} interval " if share else ""
    return f"{text}, {interval}{signed_by(metric, low)} to {signed_by(metric, high)}"


def spread(verdicts: Sequence[Verdict], by: bool) -> str:
    """Return the differences of verdicts that say the same: ``by 0.42 to 1.20 points``, or ``differences ...``."""
    way, turn = _way(verdicts[0], by)
    means = sorted(turn * v.difference.mean for v in verdicts if v.difference.mean is not None)
    metric = metric_of(verdicts[0])
    ends = list(dict.fromkeys(signed_by(metric, mean) for mean in (means[0], means[-1])))
    what = way or ("differences " if len(ends) > 1 else "difference ")
    return f"{what}{' to '.join(ends)}{unit_of(metric)}"


def _way(verdict: Verdict, by: bool) -> tuple[str, int]:
    """Return the word before a difference, and 1 or −1 to turn it by, so that what is worse is worse by so much."""
    said = verdict_label(verdict)
    if not by or said not in ("worse", "behind", "better", "ahead"):
        return "", 1
    return "by ", -1 if (said in ("worse", "behind")) != verdict.lower_is_better else 1


def takes(verdicts: Sequence[Verdict]) -> str:
    """Return what it would take to tell a difference that matters, for the verdict that takes most.

    It is ``to tell a difference of 0.1 points you would need about 10 to 40 seeds``, or where the data at hand reach
    nowhere near that, which difference they can show; empty where nothing is known.
    """
    found = [verdict.required for verdict in verdicts if verdict.required is not None]
    if not found:
        return ""
    most = max(found, key=_how_much)
    difference = f"a difference of {in_points(most.difference)}"
    if most.fewest is None:
        return _out_of_reach(most)
    if most.folds_first:
        return f"to tell {difference} use {_amount(most)}"
    rough = ""
    if most.unit == "seeds" and most.at_hand <= FEW_SEEDS:
        rough = f", roughly: run more than {most.at_hand} first"
    return f"to tell {difference} you would need {_amount(most)}{rough}"


def _how_much(required: RequiredSampleSize) -> tuple[bool, bool, float]:
    """Return how much it would take, to be compared: seeds are less than images, and these less than out of reach."""
    return (required.fewest is None, required.unit != "seeds", required.fewest or required.shows or 0.0)


def _out_of_reach(required: RequiredSampleSize) -> str:
    """Return which difference the data at hand can show, where they cannot show one that matters by far."""
    assert required.shows is not None  # known wherever no number is given
    shows, not_this = in_points(one_digit(required.shows * 100) / 100), in_points(required.difference)
    found = f"{required.at_hand:,} {required.unit} can show a difference of about {shows}"
    end = ": run more seeds first" if required.unit == "seeds" else ""
    first = f"use {MORE_FOLDS} first: " if required.folds_first else ""
    if required.shows == 1:  # accuracies differ by 100 points at most
        return f"{first}{required.at_hand:,} {required.unit} cannot show any difference{end}"
    best = "" if required.unit == "seeds" else " at best"
    return f"{first}{found}{best}, not of {not_this}{end}"


def _amount(required: RequiredSampleSize) -> str:
    """Return how much it would take, where that is within reach."""
    assert required.fewest is not None  # callers ask of what is within reach
    if required.unit == "images":
        if required.fewest <= required.at_hand:
            return MORE_FOLDS
        first = f"{MORE_FOLDS} first, then " if required.folds_first else ""
        return f"{first}about {between(required.fewest, required.most, required.at_hand)} images"
    if required.unit == "test images":
        return f"at least {count(one_digit(required.fewest))} test images"
    return f"about {between(required.fewest, required.most, required.at_hand)} seeds"


def required_short(verdict: Verdict) -> str:
    """Return what it would take to tell a difference that matters: ``about 10 to 40 seeds``; empty if not known."""
    found = verdict.required
    if found is None:
        return ""
    if found.fewest is not None:
        return _amount(found)
    assert found.shows is not None  # known wherever no number is given
    shows = f"about {in_points(one_digit(found.shows * 100) / 100)}" if found.shows < 1 else "no difference"
    first = f"{MORE_FOLDS} first; " if found.folds_first else ""
    return f"{first}{found.at_hand:,} {found.unit} show {shows}"


def in_points(fraction: float) -> str:
    """Return a region's size, as short as it was told: ``0.1 points``."""
    text = shortest(fraction * 100)
    return f"{text} point{'' if text == '1' else 's'}"


def reason(verdict: Verdict) -> str:
    """Return why an unclear verdict whose interval leaves out zero is not clear; empty of others."""
    if verdict_label(verdict) not in ("ahead", "behind"):
        return ""
    if verdict.clear_alone:
        return f"as one of {counted(verdict.n_comparisons, 'comparison')} that may be chance"
    return f"if so, perhaps by no more than {margin_of(verdict)}"


def within(found: Interval | None, metric: Metric) -> str:
    """Return an interval of a metric for a sentence: ``95 % interval 98.10 to 98.97 %``; empty where there is none."""
    if found is None:
        return ""
    share = shortest_percent(found.confidence)
    return f"{share} interval {bare_writer(metric)(found.low)} to {writer(metric)(found.high)}"


def over_seeds(verdicts: Sequence[Verdict]) -> str:
    """Return what an interval over seeds counts: of one seed there is no spread to tell others from."""
    numbers = {verdict.difference.n for verdict in verdicts if verdict.difference.n}
    alone = "other test images alone, for the trained models: of other seeds nothing is known"
    if numbers == {1}:
        return f"With one seed the interval counts {alone}."
    both = "Over seeds the interval counts both other seeds and other test images"
    return f"{both}; where there is one pair, {alone}." if 1 in numbers else f"{both}."
