"""Simulates networks compared with baselines of the same accuracy: coverage of the interval, false claims.

    python -m benchmarks.statistics.baseline_coverage

An image has a difficulty d, uniform in [0, 1]; a model errs with probability 2 · error · d, independently given d. The
network and two baselines have the same error rate, so that the true difference is 0. The network is compared with the
first baseline, and with the better of the two on these images, as in a study. The table is in docs/statistics.md.
"""

from __future__ import annotations

import argparse

import numpy as np

from convstudy.stats.measure import Measure
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import make_verdict

SIZES = ((2, 359, 0.03), (3, 359, 0.03), (5, 359, 0.1), (10, 359, 0.03), (3, 2000, 0.01), (10, 2000, 0.1))
"""Seeds, images and error rate of each line."""
MARGIN = 0.001


def covers(network: np.ndarray, baseline: np.ndarray) -> tuple[bool, str]:
    """Return whether the interval of the difference contains 0, and the kind of the verdict."""
    difference = two_way_difference(network, np.broadcast_to(baseline, network.shape))
    verdict = make_verdict("network", "baseline", Measure("test", "accuracy"), difference, MARGIN)
    assert difference.low is not None and difference.high is not None
    return difference.low <= 0 <= difference.high, verdict.kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000, help="studies per line [2000]")
    n_studies = parser.parse_args().studies
    print(
        "| seeds | images | error | covers, one baseline | covers, best of two | wrongly better | wrongly worse |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for n_seeds, n_images, error in SIZES:
        random = np.random.RandomState(n_seeds * n_images)
        alone = best = better = worse = 0
        for _ in range(n_studies):
            chance = 2 * error * random.uniform(size=n_images)
            right = (random.uniform(size=(n_seeds + 2, n_images)) >= chance).astype(np.float64)
            network, baselines = right[:n_seeds], right[n_seeds:]
            alone += covers(network, baselines[0])[0]
            found, kind = covers(network, baselines[baselines.mean(axis=1).argmax()])
            best, better, worse = best + found, better + (kind == "better"), worse + (kind == "worse")
        shares = (f"{100 * count / n_studies:.1f} %" for count in (alone, best, better, worse))
        print(f"| {n_seeds} | {n_images:,} | {100 * error:g} % | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
