"""The calculator's verdict on two trained models in words: from counts alone."""

from __future__ import annotations

from convstudy.metrics import ACCURACY, metric_named
from convstudy.numbers import (
    bare_points,
    between,
    counted,
    one_digit,
    p_value,
    percent,
    points,
    shortest_percent,
)
from convstudy.report.verdict_text import in_points, within
from convstudy.stats import CountsVerdict, Interval


def counts_answer(found: CountsVerdict) -> tuple[str, ...]:
    """Return a verdict on counts as lines of plain text: the verdict in a sentence, then what it stands on."""
    return (
        _verdict(found),
        *(_model(name, found, index) for index, name in enumerate(("First", "Second"))),
        _difference(found),
        *_pairing(found),
        "This is about two trained models, one run each: other seeds would give other models. It says nothing of the "
        "networks or recipes that they came from.",
    )


def _verdict(found: CountsVerdict) -> str:
    low, high, margin = found.difference.low, found.difference.high, in_points(found.margin)
    here = "on images of this kind"
    if found.kind == "better" or (found.kind == "inconclusive" and low > 0):
        who, by, ends = "first", found.difference.estimate, (low, high)
    elif found.kind == "worse" or (found.kind == "inconclusive" and high < 0):
        who, by, ends = "second", -found.difference.estimate, (-high, -low)
    else:
        who, by, ends = "", found.difference.estimate, (low, high)
    share = f"{shortest_percent(found.difference.confidence)} interval"
    interval = f"{bare_points(ends[0])} to {bare_points(ends[1])}"
    figures = f"{bare_points(by)} points, {share} {interval}, {counted(found.n, 'image')}"
    if found.kind in ("better", "worse"):
        return f"The {who} model is better {here} (by {figures})."
    if found.kind == "equivalent":
        return f"The two models tie within {margin} {here} (difference {figures})."
    if who:
        return f"The {who} model is ahead {here} (by {figures}), but perhaps by no more than {margin}."
    takes = ""
    if found.images:
        number = between(*found.images, found.n)
        takes = f"; to tell a difference of {margin} you would need about {number} images"
    elif found.shows == 1:  # accuracies differ by 100 points at most
        takes = f"; {'this image' if found.n == 1 else 'these images'} cannot show any difference"
    elif found.shows:
        shows = in_points(one_digit(found.shows * 100) / 100)
        takes = f"; these images can show a difference of about {shows}, not of {margin}"
    return f"The two models cannot be told apart (difference {figures}){takes}."


def _model(name: str, found: CountsVerdict, index: int) -> str:
    accuracy = found.accuracies[index]
    n_right = round(accuracy.estimate * found.n)
    sure = within(accuracy, metric_named(ACCURACY))
    return f"{name}: {n_right:,} of {found.n:,} right, {percent(accuracy.estimate)} ({sure}, Wilson)."


def _difference(found: CountsVerdict) -> str:
    pairs = found.pairs
    if pairs is None:
        how = "Newcombe, as if each had seen images of its own"
        if _bound_by_pairing(found):
            how = "Bonett and Price for the most favourable pairing; Newcombe's is narrower on a few images"
    else:
        how = (
            f"Bonett and Price; {counted(pairs.first_only, 'image')} only the first gets right, "
            f"{pairs.second_only:,} only the second; McNemar's exact p {p_value(pairs.exact_p)}"
        )
    return f"Difference: {points(found.difference.estimate)} points ({_ends(found.difference)}; {how})."


def _bound_by_pairing(found: CountsVerdict) -> bool:
    """Return whether the end next to zero is that of the most favourable pairing, and not Newcombe's."""
    if found.narrowest is None or found.difference.estimate == 0:
        return False
    if found.difference.estimate > 0:
        return found.difference.low == found.narrowest.low
    return found.difference.high == found.narrowest.high


def _pairing(found: CountsVerdict) -> tuple[str, ...]:
    """Return what not knowing the pairing costs."""
    if found.narrowest is None or found.widest is None:
        return ()
    says = {
        "better": "the first is better",
        "worse": "the second is better",
        "equivalent": "a tie",
        "inconclusive": "still not to be told apart beyond the region",
    }
    assert found.narrowest_kind is not None  # known wherever the narrowest interval is
    if found.narrowest == found.widest:
        # One model is right, or wrong, about everything.
        return (
            f"If both saw the same images, their successes leave one pairing only, and the interval is "
            f"{_range(found.narrowest)} ({says[found.narrowest_kind]}).",
        )
    return (
        "If both saw the same images, say how many both got right (--both-right): the interval is then "
        f"{_range(found.narrowest)} at best ({says[found.narrowest_kind]}) and {_range(found.widest)} at worst.",
    )


def _ends(interval: Interval) -> str:
    return f"{shortest_percent(interval.confidence)} interval {_range(interval)}"


def _range(interval: Interval) -> str:
    return f"{points(interval.low)} to {points(interval.high)}"
