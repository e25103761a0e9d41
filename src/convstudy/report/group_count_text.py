"""Text of a verdict on two trained models from their correct predictions in groups of images."""

from __future__ import annotations

from convstudy.metrics import ACCURACY, metric_named
from convstudy.numbers import bare_points, counted, p_value, percent, points, shortest_percent
from convstudy.report.count_text import ONLY_THESE_MODELS, points_interval
from convstudy.report.group_text import counts_like, mark
from convstudy.report.sample_size_text import percentage_points
from convstudy.report.verdict_text import interval_text
from convstudy.stats import MIN_GROUPS
from convstudy.stats.grouped_counts import GroupsVerdict


def groups_answer(found: GroupsVerdict) -> tuple[str, ...]:
    """Return a verdict on groups as lines of plain text: the conclusion first, then accuracies and methods.

    >>> from convstudy.stats.grouped_counts import GroupCounts, verdict_on_groups
    >>> print(groups_answer(verdict_on_groups([GroupCounts(50, 49, 40 + i % 3, 40) for i in range(36)]))[0])
    The first model is better on groups of this kind (by 16.00 pp, 95 % CI 15.30 to 16.42; 1,800 images of 36 groups).
    """
    return (
        _verdict(found),
        *(_model(name, found, index) for index, name in enumerate(("First", "Second"))),
        _difference(found),
        ONLY_THESE_MODELS,
    )


def _verdict(found: GroupsVerdict) -> str:
    images = counts_like([found.groups]) or f"{_images(found)} of {counted(found.groups.n_groups, 'group')}"
    if found.difference is None:
        return (
            f"There is no verdict: {images} are too few groups for an interval, which needs at least {MIN_GROUPS} "
            "groups. Images of one group are not independent, so their number does not help."
        )
    here, margin = "on groups of this kind", percentage_points(found.margin)
    low, high, by = found.difference.low, found.difference.high, found.difference.estimate
    is_open = found.kind == "inconclusive"
    best = ""
    if found.kind == "better" or (is_open and low > 0):
        best = "first"
    elif found.kind == "worse" or (is_open and high < 0):
        best, low, high, by = "second", -high, -low, -by
    confidence = f"{shortest_percent(found.difference.confidence)} CI"
    ends = f"{bare_points(low)} to {bare_points(high)}{mark(found.groups)}"
    details = f"{bare_points(by)} pp, {confidence} {ends}; {images}"
    if found.kind in ("better", "worse"):
        return f"The {best} model is better {here} (by {details})."
    if found.kind == "equivalent":
        return f"The two models are equivalent within {margin} {here} (difference {details})."
    if best:
        return f"The {best} model is ahead {here} (by {details}), but possibly by no more than {margin}."
    return (
        f"The comparison of the two models is inconclusive (difference {details}); more groups are needed to detect a "
        f"difference of {margin}, and more images of the same groups help little."
    )


def _model(name: str, found: GroupsVerdict, index: int) -> str:
    proportion, n = found.proportions[index], found.groups.n_images
    interval = ""
    if found.accuracies is not None:
        interval = f" ({interval_text(found.accuracies[index], metric_named(ACCURACY))})"
    return f"{name}: {round(proportion * n):,} of {n:,} correct, {percent(proportion)}{interval}."


def _difference(found: GroupsVerdict) -> str:
    pairs = found.pairs
    value = points(found.proportions[0] - found.proportions[1])
    differ = (
        f"{counted(pairs.first_only, 'image')} correct only for the first model, {pairs.second_only:,} only for the "
        "second"
        if found.has_pairing
        else "the images that both models predict correctly are not given, so that the interval is the widest possible"
    )
    method = (
        f"{differ}; exact p of “equally accurate” {p_value(found.p)}, by exchanging the models in a group"
    )
    interval = "" if found.difference is None else f"{points_interval(found.difference)}; on group totals; "
    return f"Difference: {value} pp ({interval}{method})."


def _images(found: GroupsVerdict) -> str:
    return counted(found.groups.n_images, "image")
