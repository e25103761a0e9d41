"""Measures how many flipped labels of digits the search for label errors finds: recall and precision.

    python -m benchmarks.statistics.label_errors

Training images: labels are flipped before a search with five folds; each flip trains a study of its own. Test images:
five seeds are trained once on clean labels, and 2,000 flips of the test labels are drawn for the same predictions. The
network is that of the built-in study digits; the weak one has no convolution and 60 epochs at a constant rate, so that
it is confident where it is wrong. The table is in docs/statistics.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convstudy import Ablate, Dataset, Network, Search, Study, Variant, run_study
from convstudy.analysis import analyse
from convstudy.data import BUILT_IN_DATASETS, Images
from convstudy.stats.label_errors import suspected_labels

NETWORKS = {
    "": (["conv 24 5 relu stride=2", "max-pool 4", "batch-norm momentum=0.9", "flatten"], 12, "cosine"),
    ", weak network": (["average-pool 7", "flatten", "dense 32 relu"], 60, "constant"),
}
"""The layers, the epochs and the schedule of each network."""
RATES = (0.0, 0.01, 0.03, 0.1)
N_TEST_FLIPS = 2000


def flipped(labels: npt.NDArray[np.int64], rate: float, seed: int) -> npt.NDArray[np.int64]:
    """Return labels of which a fraction is replaced by another class."""
    random = np.random.RandomState(seed)
    rows = random.choice(len(labels), round(rate * len(labels)), replace=False)
    found = labels.copy()
    found[rows] = (found[rows] + random.randint(1, 10, len(rows))) % 10
    return found


def study(name: str, train: Images, test: Images, labels: npt.NDArray[np.int64], searches: bool) -> Study:
    layers, epochs, schedule = NETWORKS[name]
    return Study(
        name="flips",
        dataset=Dataset.from_arrays(train.pixels, labels, test.pixels, test.labels, name="flips"),
        seeds=1 if searches else 5,
        recipe={"epochs": epochs, "learning_rate": 0.01, "schedule": schedule, "batch_size": 50},
        network={"a": Network.read(layers)},
        search={"a": Search(network="a", parameters={"learning_rate": (0.01,)}, folds=5)} if searches else {},
        ablate={} if searches else {"a": Ablate(network="a", variants={"tanh": Variant(activation="tanh")})},
    )


def line(
    name: str, rate: float, n_flips: int, counts: npt.NDArray[np.int64], accuracy: float, n: int
) -> None:
    """Print a row; ``counts`` are the flipped labels that were found, all findings, and all flipped labels."""
    right, found, all_flipped = counts
    recall = f"{100 * right / all_flipped:.0f} %" if all_flipped else "–"
    precision = f"{100 * right / found:.0f} %" if all_flipped and found else "–"
    others = (found - right) / n_flips
    cells = (name, f"{100 * rate:g} %", f"{n_flips:,}", f"{100 * accuracy:.1f} %", recall, precision)
    print(f"| {' | '.join(cells)} | {others:.2f} of {n:,} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=4, help="studies per line of training images [4]")
    n_flips = parser.parse_args().flips
    loaded = BUILT_IN_DATASETS["digits"].load()
    train, test = loaded.train, loaded.test.open(lambda: None)
    print("| images | flipped | flips | predictions that agree | recall | precision | other findings |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name in NETWORKS:
        for rate in RATES:
            training_line(name, rate, n_flips if rate else 1, train, test)
        test_lines(name, train, test)


def training_line(name: str, rate: float, n_flips: int, train: Images, test: Images) -> None:
    counts, accuracy = np.zeros(3, np.int64), 0.0
    for seed in range(n_flips):
        labels = flipped(train.labels, rate, seed)
        with tempfile.TemporaryDirectory() as folder:
            asked = study(name, train, test, labels, searches=True)
            errors, _ = analyse(run_study(asked, Path(folder), workers=0)).label_errors
        rows, wrong = [each.row for each in errors.found], labels != train.labels
        counts += [int(wrong[rows].sum()), len(rows), int(wrong.sum())]
        accuracy += errors.accuracy / n_flips
    line(f"training{name}", rate, n_flips, counts, accuracy, len(train))


def test_lines(name: str, train: Images, test: Images) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = run_study(study(name, train, test, train.labels, searches=False), Path(folder), workers=0)
        fits = results.plan.stages[0].candidates[0].fits
        probabilities = np.stack([results.arrays(fit.id, "test")["probabilities"] for fit in fits])
    predicted, confidence = probabilities.argmax(axis=2), probabilities.max(axis=2)
    for rate in RATES:
        n_flips = N_TEST_FLIPS if rate else 1
        counts, accuracy = np.zeros(3, np.int64), 0.0
        for seed in range(n_flips):
            labels = flipped(test.labels, rate, seed)
            own = probabilities[:, np.arange(len(labels)), labels]
            found = suspected_labels(np.arange(len(labels)), labels, predicted, confidence, own)
            rows, wrong = [each.row for each in found], labels != test.labels
            counts += [int(wrong[rows].sum()), len(rows), int(wrong.sum())]
            accuracy += float((predicted == labels).mean()) / n_flips
        line(f"test{name}", rate, n_flips, counts, accuracy, len(test))


if __name__ == "__main__":
    main()
