"""Text of a verdict on two trained models from their numbers of correct predictions."""

from __future__ import annotations

from convstudy.metrics import ACCURACY, metric_named
from convstudy.numbers import bare_points, counted, p_value, percent, points, shortest_percent
from convstudy.report.error_ratios import ratio_text
from convstudy.report.metric_text import capital, margin_text
from convstudy.report.sample_size_text import plan_sentence
from convstudy.report.verdict_text import interval_text
from convstudy.stats import CountsVerdict, Interval

ONLY_THESE_MODELS = (
    "This compares two trained models, one run each. Other seeds would give other models, so it does not compare their "
    "networks or recipes."
)


def counts_answer(found: CountsVerdict) -> tuple[str, ...]:
    """Return a verdict on counts as lines of plain text: the conclusion first, then accuracies and methods.

    >>> from convstudy import verdict_on_counts
    >>> print(counts_answer(verdict_on_counts(990, 900, 1000))[0])
    The first model is better on images of this kind (by 9.00 pp, 95 % CI 7.10 to 11.07, 1,000 images).
    """
    return (
        _verdict(found),
        *_required(found),
        *(_model(name, found, index) for index, name in enumerate(("First", "Second"))),
        _difference(found),
        *([f"{capital(ratio_text(found.errors))} (first to second)."] if found.errors else []),
        *_pairing(found),
        ONLY_THESE_MODELS,
    )


def _verdict(found: CountsVerdict) -> str:
    low, high = found.difference.low, found.difference.high
    margin = margin_text(metric_named(ACCURACY), found.share or found.margin)
    here = "on images of this kind"
    if found.kind == "better" or (found.kind == "inconclusive" and low > 0):
        best, by, ends = "first", found.difference.estimate, (low, high)
    elif found.kind == "worse" or (found.kind == "inconclusive" and high < 0):
        best, by, ends = "second", -found.difference.estimate, (-high, -low)
    else:
        best, by, ends = "", found.difference.estimate, (low, high)
    confidence = f"{shortest_percent(found.difference.confidence)} CI"
    interval = f"{bare_points(ends[0])} to {bare_points(ends[1])}"
    details = f"{bare_points(by)} pp, {confidence} {interval}, {counted(found.n, 'image')}"
    if found.share is not None and found.errors is not None:
        details += f"; {ratio_text(found.errors)}"
    if found.kind in ("better", "worse"):
        return f"The {best} model is better {here} (by {details})."
    if found.kind == "equivalent":
        return f"The two models are equivalent within {margin} {here} (difference {details})."
    if best:
        return f"The {best} model is ahead {here} (by {details}), but possibly by no more than {margin}."
    few = f"; {margin} is fewer than 3 images, too few to show equivalence" if found.few_errors else ""
    return f"The comparison of the two models is inconclusive (difference {details}){few}."


def _required(found: CountsVerdict) -> tuple[str, ...]:
    """Return the required number of images as a sentence; empty for a clear verdict."""
    if found.required is None:
        return ()
    text = plan_sentence(found.required)
    return (f"{text[0].upper()}{text[1:]}.",)


def _model(name: str, found: CountsVerdict, index: int) -> str:
    accuracy = found.accuracies[index]
    n_correct = round(accuracy.estimate * found.n)
    interval = interval_text(accuracy, metric_named(ACCURACY))
    details = f"{percent(accuracy.estimate)} ({interval}, Wilson and exact limits)"
    return f"{name}: {n_correct:,} of {found.n:,} correct, {details}."


def _difference(found: CountsVerdict) -> str:
    pairs = found.pairs
    if pairs is None:
        method = "Newcombe, for independent test sets"
        if _bound_by_pairing(found):
            method = "Bonett and Price for the most favourable pairing; Newcombe's is narrower for few images"
    else:
        method = (
            f"Bonett and Price; {counted(pairs.first_only, 'image')} correct only for the first model, "
            f"{pairs.second_only:,} only for the second; exact McNemar p of “equally accurate” {p_value(pairs.exact_p)}"
        )
    return (
        f"Difference: {points(found.difference.estimate)} pp ({points_interval(found.difference)}; {method})."
    )


def _bound_by_pairing(found: CountsVerdict) -> bool:
    """Return whether the interval's end near zero comes from the most favourable pairing, not from Newcombe."""
    if found.narrowest is None or found.difference.estimate == 0:
        return False
    if found.difference.estimate > 0:
        return found.difference.low == found.narrowest.low
    return found.difference.high == found.narrowest.high


def _pairing(found: CountsVerdict) -> tuple[str, ...]:
    """Report how much narrower the interval would be with a known pairing."""
    if found.narrowest is None or found.widest is None:
        return ()
    conclusions = {
        "better": "the first model is better",
        "worse": "the second model is better",
        "equivalent": "equivalent",
        "inconclusive": "still inconclusive",
    }
    assert found.narrowest_kind is not None  # set together with ``narrowest``
    same_images = "If both models were evaluated on the same images"
    if found.narrowest == found.widest:
        # One model is correct on every image, or on none.
        return (
            f"{same_images}, only one pairing is possible, and the interval is "
            f"{_range(found.narrowest)} ({conclusions[found.narrowest_kind]}).",
        )
    return (
        f"{same_images}, give the number of images that both classify correctly (--both-right): the interval is then "
        f"{_range(found.narrowest)} at best ({conclusions[found.narrowest_kind]}) and {_range(found.widest)} at worst.",
    )


def points_interval(interval: Interval) -> str:
    """Format an interval of a difference: ``95 % CI +0.10 to +0.94``."""
    return f"{shortest_percent(interval.confidence)} CI {_range(interval)}"


def _range(interval: Interval) -> str:
    return f"{points(interval.low)} to {points(interval.high)}"
