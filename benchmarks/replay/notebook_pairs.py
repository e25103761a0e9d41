"""Compare each pair of runs of notebook_replay.py by the rules of convstudy.

The replay kept the number of correct predictions of each model, not the predictions. ``convstudy.verdict_on_counts``
compares pairs of single models as if they had seen different images. Pairs with several common seeds are compared by
their scores, with the largest possible variance of the test images.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from convstudy import verdict_on_counts
from convstudy.numbers import bare_points
from convstudy.stats import CountsVerdict, Difference, Measure
from convstudy.stats.two_way import seeds_only_difference
from convstudy.stats.verdicts import MARGIN, make_verdict

KINDS = {"better": "better", "worse": "worse", "equivalent": "equivalent"}


def pairs_table(
    notebook: dict[str, list[dict[str, float]]], ours: dict[str, Any], titles: dict[str, str], n_images: int
) -> list[str]:
    """Return the lines of a table with a row for each pair.

    Args:
        notebook: the epochs of each of the notebook's runs, by its name.
        ours: our fits of each run.
        titles: the titles of the runs.
        n_images: the number of test images.
    """
    lines = ["| pair | notebook | here | models here |", "|---|---|---|---|"]
    for first, second in combinations(ours, 2):
        scores = [notebook[name][-1]["test_accuracy"] for name in (first, second)]
        then = _verdict(scores[0], scores[1], n_images)
        here, on = _here(ours[first], ours[second], n_images)
        lines.append(f"| {titles[first]} against {titles[second]} | {then} | {here} | {on} |")
    return lines


def _here(first: list[Any], second: list[Any], n_images: int) -> tuple[str, str]:
    """Return the verdict on our fits of a pair, and the number of models behind it."""
    scores = [{fit["fit"]["seed"]: fit["test_accuracy"] for fit in fits} for fits in (first, second)]
    seeds = sorted(scores[0].keys() & scores[1].keys())
    mine, theirs = (tuple(side[seed] for seed in seeds) for side in scores)
    if len(seeds) < 2:
        return _verdict(mine[0], theirs[0], n_images), "one model each"
    difference: Difference = seeds_only_difference(mine, theirs, n_images)
    verdict = make_verdict("", "", Measure("test", "accuracy"), difference, MARGIN)
    assert difference.mean is not None and difference.low is not None and difference.high is not None
    return _text(verdict.kind, difference.mean, difference.low, difference.high), f"{len(seeds)} seeds"


def _verdict(first: float, second: float, n_images: int) -> str:
    """Return the verdict on two single models' test accuracies."""
    found: CountsVerdict = verdict_on_counts(round(first * n_images), round(second * n_images), n_images)
    return _text(found.kind, found.difference.estimate, found.difference.low, found.difference.high)


def _text(kind: str, estimate: float, low: float, high: float) -> str:
    # The report's labels for an interval without zero that is not beyond the margin.
    inconclusive = "may be better" if low > 0 else "may be worse" if high < 0 else "inconclusive"
    return f"{KINDS.get(kind, inconclusive)} ({bare_points(estimate)} pp, {bare_points(low)} to {bare_points(high)})"
