"""Compare each pair of runs of notebook_replay.py by the rules of convstudy.

Of the notebook, only the number of correct predictions of each model is known: ``convstudy.verdict_on_counts`` compares
them as if they had seen different images. Ours are compared image by image over their seeds, as in a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from convstudy import verdict_on_counts
from convstudy.numbers import bare_points
from convstudy.stats import CountsVerdict, Measure
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import MARGIN, make_verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

KINDS = {"better": "better", "worse": "worse", "equivalent": "equivalent"}


@dataclass(frozen=True)
class Pair:
    """Our verdict on two runs of the notebook, uncorrected; ``mean``, ``low`` and ``high`` are fractions."""

    first: str
    second: str
    n_seeds: int
    kind: str
    mean: float
    low: float
    high: float


def paired_verdicts(correct: Mapping[str, Mapping[int, npt.NDArray[np.bool_]]]) -> list[dict[str, Any]]:
    """Return the verdict on each pair, as JSON.

    Args:
        correct: for each run and seed, whether each test image is classified correctly, shape (images,).
    """
    import numpy as np

    found = []
    for first, second in combinations(correct, 2):
        seeds = sorted(correct[first].keys() & correct[second].keys())
        mine, theirs = (
            np.stack([correct[name][seed] for seed in seeds]).astype(np.float64) for name in (first, second)
        )
        difference = two_way_difference(mine, theirs)
        verdict = make_verdict(first, second, Measure("test", "accuracy"), difference, MARGIN)
        assert difference.mean is not None and difference.low is not None and difference.high is not None
        found.append(
            Pair(first, second, len(seeds), verdict.kind, difference.mean, difference.low, difference.high)
        )
    return [asdict(each) for each in found]


def pairs_table(
    notebook: dict[str, list[dict[str, float]]],
    ours: list[dict[str, Any]],
    titles: dict[str, str],
    n_images: int,
) -> list[str]:
    """Return the lines of a table with a row for each pair.

    Args:
        notebook: the epochs of each of the notebook's runs, by its name.
        ours: our verdicts, from :func:`paired_verdicts`.
        titles: the titles of the runs.
        n_images: the number of test images.
    """
    lines = ["| pair | notebook, one model each | here | seeds |", "|---|---|---|---:|"]
    for pair in (Pair(**each) for each in ours):
        scores = [notebook[name][-1]["test_accuracy"] for name in (pair.first, pair.second)]
        then = _verdict(scores[0], scores[1], n_images)
        here = _text(pair.kind, pair.mean, pair.low, pair.high)
        lines.append(
            f"| {titles[pair.first]} against {titles[pair.second]} | {then} | {here} | {pair.n_seeds} |"
        )
    return lines


def _verdict(first: float, second: float, n_images: int) -> str:
    """Return the verdict on two single models' test accuracies."""
    found: CountsVerdict = verdict_on_counts(round(first * n_images), round(second * n_images), n_images)
    return _text(found.kind, found.difference.estimate, found.difference.low, found.difference.high)


def _text(kind: str, estimate: float, low: float, high: float) -> str:
    # The report's labels for an interval without zero that is not beyond the margin.
    inconclusive = "may be better" if low > 0 else "may be worse" if high < 0 else "inconclusive"
    return f"{KINDS.get(kind, inconclusive)} ({bare_points(estimate)} pp, {bare_points(low)} to {bare_points(high)})"
