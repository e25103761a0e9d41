"""Simulate false and true claims of searches over folds, with small and large variance between folds.

    python -m benchmarks.statistics.fold_simulation   # 10,000 studies per row
    python -m benchmarks.statistics.fold_simulation ceiling --studies 2000

The script prints tables of docs/statistics.md. It calls convstudy's functions once per study.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np

from benchmarks.statistics.statistics_simulation import percent, print_header, print_row, run
from convstudy.stats import Measure
from convstudy.stats.differences import Source
from convstudy.stats.resampled import fold_difference, probabilities
from convstudy.stats.two_way import images_of
from convstudy.stats.verdicts import MARGIN, claim_of, make_verdict


@cache
def pooled(first_only: int, second_only: int, n_images: int) -> Source:
    """Return the variance from the images of all folds, from the numbers of images on which two candidates differ."""
    differences = np.zeros(n_images)
    differences[:first_only], differences[first_only : first_only + second_only] = 1, -1
    return images_of(differences)


def sizes_of(n_images: int, k: int) -> list[int]:
    """Return the number of images of each fold, as in scikit-learn's KFold."""
    return [n_images // k + (number < n_images % k) for number in range(k)]


def line(
    random: np.random.Generator,
    n_studies: int,
    n_images: int,
    k: int,
    errors: tuple[float, float],
    scatter: float = 0.0,
) -> dict[str, float]:
    """Return verdict -> proportion of studies, for the first candidate compared with the second.

    Args:
        random: the random generator.
        n_studies: the number of studies.
        n_images: the number of images, each in one fold.
        k: the number of folds.
        errors: the error rates of both candidates, which err on different images.
        scatter: the standard deviation of a candidate's error rate between folds.

    Returns:
        The proportions; "without" is that of "better" or "worse" if the variance from images is ignored, and "width" is
        the mean half-width.
    """
    sizes = np.array(sizes_of(n_images, k))
    by_fold = np.clip(np.array(errors) + scatter * random.normal(size=(n_studies, k, 2)), 0.0, 1.0)
    only_first = (1 - by_fold[..., 0]) * by_fold[..., 1]
    only_second = by_fold[..., 0] * (1 - by_fold[..., 1])
    probability = np.stack([only_first, only_second, 1 - only_first - only_second], axis=-1)
    counts = random.multinomial(np.broadcast_to(sizes, (n_studies, k)), probability)
    rates = dict.fromkeys(("better", "worse", "equivalent", "inconclusive", "without", "width"), 0.0)
    verdicts: dict[bytes, tuple[str, bool, float]] = {}
    for study in counts:
        key = study.tobytes()
        if key not in verdicts:
            verdicts[key] = _verdict(study, sizes)
        kind, without, width = verdicts[key]
        rates[kind] += 1 / n_studies
        rates["without"] += without / n_studies
        rates["width"] += width / n_studies
    return rates


def _verdict(study: Any, sizes: Any) -> tuple[str, bool, float]:
    """Return the verdict, whether it is "better" or "worse" without image variance, and the half-width."""
    k, n_images = len(sizes), int(sizes.sum())
    differences = ((study[:, 0] - study[:, 1]) / sizes).tolist()
    images = pooled(int(study[:, 0].sum()), int(study[:, 1].sum()), n_images)
    found = fold_difference(differences, [0.0] * k, 1 / (k - 1), images=images, n_images=n_images)
    plain = fold_difference(differences, [0.0] * k, 1 / (k - 1))
    verdict = make_verdict("a", "b", Measure("validation", "accuracy"), found, MARGIN)
    claim = claim_of(found, MARGIN)
    if claim and verdict.kind != "inconclusive":
        assert found.low is not None and found.high is not None
        clear = {"better": found.low > MARGIN, "worse": found.high < -MARGIN}
        assert clear.get(claim.kind, found.low >= -MARGIN - 1e-12 and found.high <= MARGIN + 1e-12)
        chance = probabilities(found, MARGIN)
        assert chance is not None and max(chance.better, chance.same, chance.worse) > 0.94
    alone = make_verdict("a", "b", Measure("validation", "accuracy"), plain, MARGIN).kind
    return verdict.kind, alone in ("better", "worse"), found.half_width(0.95)


def ceiling(random: np.random.Generator, n_studies: int) -> None:
    """Candidates near 100 %: wrong "better" or "worse" of equal candidates, and wrong "equivalent" at the margin."""
    print_header(
        "images",
        "folds",
        "own errors, %",
        "better or worse, %",
        "without image variance, %",
        "wrongly equivalent, %",
    )
    lines = ((1438, 2), (1437, 2), (1438, 3), (1437, 5), (10_000, 2), (10_000, 3), (60_000, 5))
    for (n, k), error in product(lines, (0.0025, 0.005, 0.01)):
        equal = line(random, n_studies, n, k, (error, error))
        border = line(random, n_studies, n, k, (error, error + MARGIN))
        claims = equal["better"] + equal["worse"]
        print_row(
            f"{n:,}",
            k,
            f"{error * 100:g}",
            percent(claims),
            percent(equal["without"]),
            percent(border["equivalent"]),
        )


def power(random: np.random.Generator, n_studies: int) -> None:
    """Candidates with a true difference, for several standard deviations between folds."""
    print_header(
        "images", "folds", "errors, %", "sd between folds, pp", "better, %", "without image variance, %"
    )
    for n, k, errors, scatter in (
        (10_000, 5, (0.03, 0.05), 0.005),
        (10_000, 5, (0.03, 0.05), 0.01),
        (10_000, 3, (0.03, 0.06), 0.005),
        (1437, 5, (0.03, 0.06), 0.005),
        (1437, 5, (0.01, 0.03), 0.0),
        (1437, 5, (0.005, 0.015), 0.0),
    ):
        found = line(random, n_studies, n, k, errors, scatter)
        shown = f"{errors[0] * 100:g} and {errors[1] * 100:g}"
        print_row(
            f"{n:,}", k, shown, f"{scatter * 100:g}", percent(found["better"]), percent(found["without"])
        )


PARTS = {"ceiling": ceiling, "power": power}

if __name__ == "__main__":
    run(__doc__, PARTS)
