"""Compare splits by group with scikit-learn's StratifiedGroupKFold: balance of the classes, absent classes, seconds.

    python -m benchmarks.statistics.group_splits
    python -m benchmarks.statistics.group_splits --near-duplicates  # with CONVSTUDY_DATA=FOLDER: also MNIST

The first table has random problems of three kinds: groups of one class (cameras at one place), groups of mostly one
class (patients), and groups of all classes (writers). Sizes of groups are log-normal. The deviation is the largest
difference, over folds and classes, between the images of a class in a fold and its proportion, in images. The second
table has the CPU time of all folds of one large problem. The third, on request, has that of the search for
near-duplicates.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from convstudy.data import BUILT_IN_DATASETS, Images
from convstudy.data.audit.perceptual_hashes import perceptual_hashes
from convstudy.data.grouping.near_duplicates import near_duplicates
from convstudy.data.grouping.parts import parts_of_groups

Integers = npt.NDArray[np.int64]
Method = Callable[[Integers, Integers, int, int], Integers]
N_PROBLEMS = 300
KINDS = {"one class": 0.0, "mostly one class": 0.3, "all classes": 5.0}
"""The kinds of groups, and the concentration of the Dirichlet distribution of their classes."""
LARGE = (
    (10_000, 1_000, 10, 10),
    (100_000, 20_000, 10, 10),
    (100_000, 20_000, 1_000, 10),
    (100_000, 100_000, 10, 10),
)
"""Large problems: images, groups, classes, folds."""


def ours(labels: Integers, groups: Integers, n_folds: int, seed: int) -> Integers:
    """Return the fold of each image."""
    return parts_of_groups(labels, groups, [1] * n_folds, seed)


def theirs(labels: Integers, groups: Integers, n_folds: int, seed: int) -> Integers:
    """Return the fold of each image by StratifiedGroupKFold."""
    found = np.zeros(len(labels), dtype=np.int64)
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of classes with few groups
        for fold, (_, rows) in enumerate(folds.split(labels, labels, groups)):
            found[rows] = fold
    return found


METHODS: dict[str, Method] = {"convstudy": ours, "StratifiedGroupKFold": theirs}


def problem(random: np.random.RandomState, concentration: float) -> tuple[Integers, Integers, int] | None:
    """Return labels, groups and a number of folds; ``None`` if a class has too few groups for them."""
    n_groups, n_classes = random.randint(12, 120), random.randint(2, 11)
    n_folds = random.randint(2, 11)
    if concentration:
        classes = random.dirichlet(np.full(n_classes, concentration), n_groups)
    else:
        classes = np.eye(n_classes)[random.randint(n_classes, size=n_groups)]
    table = random.poisson(10 * classes * random.lognormal(0, 1, (n_groups, 1)))
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    if table.shape[1] < 2 or ((table > 0).sum(axis=0) < n_folds).any():
        return None
    groups, labels = np.divmod(np.repeat(np.arange(table.size), table.reshape(-1)), table.shape[1])
    return labels.astype(np.int64), groups.astype(np.int64), n_folds


def counts_of(labels: Integers, folds: Integers, n_folds: int) -> Integers:
    counts = np.zeros((n_folds, int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (folds, labels), 1)
    return counts


def compare() -> None:
    print("| groups of | folds by | deviation, median | worst | folds without a class | better | equal |")
    print("|---|---|---|---|---|---|---|")
    for kind, concentration in KINDS.items():
        random = np.random.RandomState(0)
        deviations: dict[str, list[float]] = {name: [] for name in METHODS}
        absent = dict.fromkeys(METHODS, 0)
        while len(deviations["convstudy"]) < N_PROBLEMS:
            made = problem(random, concentration)
            if made is None:
                continue
            labels, groups, n_folds = made
            for name, method in METHODS.items():
                counts = counts_of(labels, method(labels, groups, n_folds, 0), n_folds)
                deviations[name].append(float(abs(counts - counts.sum(axis=0) / n_folds).max()))
                absent[name] += int((counts == 0).any())
        for name, other in (("convstudy", "StratifiedGroupKFold"), ("StratifiedGroupKFold", "convstudy")):
            mine, its = np.array(deviations[name]), np.array(deviations[other])
            better, equal = (
                f"{100 * found.mean():.0f} %" for found in (mine < its - 1e-9, abs(mine - its) < 1e-9)
            )
            print(
                f"| {kind} | {name} | {np.median(mine):.1f} | {mine.max():.1f} | {absent[name]} of {N_PROBLEMS} | "
                f"{better} | {equal} |"
            )


def time_large() -> None:
    print("\n| images | groups | classes | folds | convstudy | StratifiedGroupKFold |")
    print("|---|---|---|---|---|---|")
    random = np.random.RandomState(0)
    for n_images, n_groups, n_classes, n_folds in LARGE:
        groups = np.arange(n_images) if n_groups == n_images else random.randint(n_groups, size=n_images)
        own = random.randint(n_classes, size=n_groups)[groups]
        labels = np.where(random.rand(n_images) < 0.5, own, random.randint(n_classes, size=n_images))
        seconds = []
        for method in METHODS.values():
            start = time.process_time()  # the time of the CPU, because other processes may be running
            method(labels, groups, n_folds, 0)
            seconds.append(f"{time.process_time() - start:.2f} s")
        print(f"| {n_images:,} | {n_groups:,} | {n_classes:,} | {n_folds} | {' | '.join(seconds)} |")


def time_near_duplicates() -> None:
    print("\n| images | near-duplicates by pairs | seconds of the CPU |")
    print("|---|---|---|")
    random = np.random.RandomState(0)
    mnist = BUILT_IN_DATASETS["mnist"].load(download=False).train.pixels
    similar = random.randint(0, 256, (1, 28, 28, 1)) + random.normal(0, 6, (20_000, 28, 28, 1))
    cases = {
        "20,000 of MNIST": mnist[:20_000],
        "60,000 of MNIST": mnist,
        "100,000 random blocks": np.kron(
            random.randint(0, 256, (100_000, 4, 4, 1)).astype(np.uint8), np.ones((1, 4, 4, 1), dtype=np.uint8)
        ),
        "20,000 copies with noise": np.clip(similar, 0, 255).astype(np.uint8),
    }
    for name, pixels in cases.items():
        hashes = perceptual_hashes(Images(pixels, np.zeros(len(pixels), dtype=np.int64)))
        start = time.process_time()
        found = near_duplicates(hashes, lambda rows, pixels=pixels: pixels[rows])  # type: ignore[misc]
        print(f"| {name} | {len(found.pairs):,} | {time.process_time() - start:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--near-duplicates", action="store_true", help="time the search for near-duplicates too"
    )
    arguments = parser.parse_args()
    compare()
    time_large()
    if arguments.near_duplicates:
        time_near_duplicates()


if __name__ == "__main__":
    main()
