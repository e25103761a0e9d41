"""What the figures of notebook_replay.py allow to be said of every pair of runs, by convstudy's own rules.

The predictions of the replay are not kept, only how many images each model got right. Pairs of single models are judged
by ``convstudy.verdict_on_counts`` as if they had seen different images; pairs with several seeds in common by their
scores, with the test images' part taken at its most.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from convstudy import verdict_on_counts
from convstudy.report.verdict_text import signed
from convstudy.stats import CountsVerdict, Difference, Measure
from convstudy.stats.two_way import seeds_only_difference
from convstudy.stats.verdicts import MARGIN, judge

KINDS = {"better": "better", "worse": "worse", "equivalent": "a tie"}


def pairs_table(
    notebook: dict[str, list[dict[str, float]]], ours: dict[str, Any], titles: dict[str, str], n_images: int
) -> list[str]:
    """Return the lines of a table with a row for each pair.

    Args:
        notebook: the epochs of each of the notebook's runs, by its name.
        ours: our fits of each run.
        titles: what the runs are called.
        n_images: how many test images there are.
    """
    lines = ["| pair | notebook's figures | here | here on |", "|---|---|---|---|"]
    for first, second in combinations(ours, 2):
        then = _counted(*(notebook[name][-1]["test_accuracy"] for name in (first, second)), n_images)
        here, on = _here(ours[first], ours[second], n_images)
        lines.append(f"| {titles[first]} against {titles[second]} | {then} | {here} | {on} |")
    return lines


def _here(first: list[Any], second: list[Any], n_images: int) -> tuple[str, str]:
    """Return the verdict on our fits of a pair, and on how many models of each it stands."""
    scores = [{fit["fit"]["seed"]: fit["test_accuracy"] for fit in fits} for fits in (first, second)]
    seeds = sorted(scores[0].keys() & scores[1].keys())
    mine, theirs = (tuple(side[seed] for seed in seeds) for side in scores)
    if len(seeds) < 2:
        return _counted(mine[0], theirs[0], n_images), "one model each"
    difference: Difference = seeds_only_difference(mine, theirs, n_images)
    verdict = judge("", "", Measure("test", "accuracy"), difference, MARGIN)
    assert difference.mean is not None and difference.low is not None and difference.high is not None
    return _text(verdict.kind, difference.mean, difference.low, difference.high), f"{len(seeds)} seeds"


def _counted(first: float, second: float, n_images: int) -> str:
    """Return the verdict on two single models' test accuracies."""
    found: CountsVerdict = verdict_on_counts(round(first * n_images), round(second * n_images), n_images)
    return _text(found.kind, found.difference.estimate, found.difference.low, found.difference.high)


def _text(kind: str, estimate: float, low: float, high: float) -> str:
    # As a report says it of an interval that leaves out zero, but not the region.
    inconclusive = "may be ahead" if low > 0 else "may be behind" if high < 0 else "cannot be told apart"
    return f"{KINDS.get(kind, inconclusive)} ({signed(estimate)} points, {signed(low)} to {signed(high)})"
