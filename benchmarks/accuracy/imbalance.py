"""Compare the recipe keys for classes of different sizes, on digits of which half the classes have few images.

The training images are those of the built-in dataset ``digits``, but of each odd digit only one in 20: about 140 and 7
images per class. The 360 test images have about equal numbers of each class. An ablation trains one network with each
key alone, with five seeds; the metric of the study is the balanced accuracy::

    python -m benchmarks.accuracy.imbalance --runs runs/imbalance

A run that takes seconds: ``--epochs 1 --seeds 2``. The docs quote the printed table (docs/imbalance.md).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.parts.arguments import at_least
from convstudy import Ablate, Dataset, Network, Results, Study, Variant, run_study
from convstudy.analysis import analyse
from convstudy.data import BUILT_IN_DATASETS
from convstudy.report import short_answer
from convstudy.stats import class_accuracies

KEPT_ONE_IN = 20
LAYERS = ("conv 16 3 relu", "max-pool 2", "conv 32 3 relu", "max-pool 2", "flatten", "dropout 0.3")
VARIANTS = {
    "class-weights": {"class_weights": "balanced"},
    "sampling": {"sampling": "balanced"},
    "logit-adjustment": {"logit_adjustment": 1.0},
    "focal": {"loss": "focal"},
}


def imbalanced_digits() -> Dataset:
    """Return the digits with one in ``KEPT_ONE_IN`` training images of each odd digit."""
    loaded = BUILT_IN_DATASETS["digits"].load()
    train, test = loaded.train, loaded.test.open(lambda: None)
    kept = np.zeros(len(train), dtype=bool)
    for digit in range(10):
        rows = np.flatnonzero(train.labels == digit)
        kept[rows[:: KEPT_ONE_IN if digit % 2 else 1]] = True
    arrays = (train.pixels[kept], train.labels[kept], test.pixels, test.labels)
    return Dataset.from_arrays(*arrays, name="imbalanced-digits")


def study_of(dataset: Dataset, epochs: int, seeds: int) -> Study:
    """Return the ablation with one variant for each key."""
    return Study(
        name="imbalance",
        dataset=dataset,
        seeds=seeds,
        validation=0.3,
        metric="balanced-accuracy",
        recipe={"epochs": epochs, "batch_size": 50},
        network={"small": Network.read(LAYERS)},
        ablate={
            "keys": Ablate(
                network="small", variants={name: Variant(recipe=recipe) for name, recipe in VARIANTS.items()}
            )
        },
    )


def table(results: Results) -> str:
    """Return a Markdown table: mean test scores of each variant, and the accuracy on frequent and on rare digits."""
    analysis = analyse(results)
    lines = [
        "| recipe | balanced accuracy (test) | frequent digits | rare digits | accuracy (validation) |",
        "|---|---|---|---|---|",
    ]
    (ablation,) = analysis.main_results
    for row in ablation.rows:
        read = [analysis.predictions.of(fit.fit_id) for fit in row.fits]
        found = [each for each in read if each is not None]
        by_class = class_accuracies(found[0].labels, np.stack([each.predicted for each in found]), 10)
        groups = [
            np.mean([each.accuracy.estimate for each in by_class[first::2] if each.accuracy])
            for first in (0, 1)
        ]
        test, validation = row.test["balanced-accuracy"], row.validation["accuracy"]
        assert test.mean is not None and validation.mean is not None
        spread = f" ± {100 * test.sd:.2f}" if test.sd is not None else ""
        shares = " | ".join(f"{100 * group:.1f} %" for group in groups)
        lines.append(
            f"| {row.name} | {100 * test.mean:.2f}{spread} % | {shares} | {100 * validation.mean:.2f} % |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=Path, default=Path("runs/imbalance"))
    parser.add_argument("--epochs", type=at_least(1), default=30)
    parser.add_argument("--seeds", type=at_least(1), default=5)
    arguments = parser.parse_args()
    study = study_of(imbalanced_digits(), arguments.epochs, arguments.seeds)
    results = run_study(study, arguments.runs, workers=2)
    print(table(results), *short_answer(analyse(results)), sep="\n")


if __name__ == "__main__":
    main()
