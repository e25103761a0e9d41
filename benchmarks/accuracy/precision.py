"""What bfloat16 costs in accuracy: pairs of fits that differ in nothing but the precision, on images no fit has seen.

Each network is trained once a seed in float32 and once in bfloat16: the same start weights, the same images in the same
order, the same dropout. All seeds share a subset of MNIST's training images, of which each validates on a tenth of
its own; every model is then scored on all training images outside that subset, some tens of thousands. The test set
stays closed: ``precision = "auto"`` is chosen by this, and a choice must not see it::

    CONVSTUDY_DATA=FOLDER python -m benchmarks.accuracy.precision train --runs runs/precision --workers 2
    python -m benchmarks.accuracy.precision report --runs runs/precision

The rule, laid down before the pairs were trained: bfloat16 costs nothing that matters if, for each network, the
interval of its difference in accuracy lies above −0.1 points. By default the learning rate falls to 0 along a cosine:
at a constant one (``--schedule constant``) the last epoch of a fit moves by more than that from one rounding to the
next, and tens of pairs would be needed.

Both parts are skipped where the processor would emulate bfloat16, which takes many times as long, unless there is
``--emulated``.

A small size that takes seconds: ``--epochs 1 --subset 500 --seeds 2``, for both.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.parts.arguments import at_least
from benchmarks.parts.filling import fill
from benchmarks.parts.formats import emulated, skipped
from convstudy.data import BUILT_IN_DATASETS, Holdout, Images, split_indices
from convstudy.engine.batches import ImageTensors
from convstudy.engine.evaluation import logits_of
from convstudy.engine.schedules import SCHEDULES
from convstudy.engine.settings import repeatable
from convstudy.engine.weights import load_weights
from convstudy.history import History
from convstudy.networks.build import build_network
from convstudy.plan import Fit
from convstudy.stats import MARGIN, Measure
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import judge
from convstudy.studyfile import load_study

NETWORKS = ("two-conv", "five-conv")
PRECISIONS = ("float32", "bfloat16")


def pairs(seeds: int, epochs: int, subset: int, schedule: str) -> Iterator[dict[str, Fit]]:
    """Yield the two fits of each seed and network, by precision; the networks take turns."""
    changes = {"recipe.epochs": epochs, "recipe.schedule": schedule, "recipe.train_eval_samples": 500}
    study = load_study("mnist", changes)
    for seed in range(seeds):
        for name in NETWORKS:
            fit = Fit(
                study.dataset,
                study.network[name].network(),
                study.recipe,
                Holdout(0.1, seed, subset),
                seed,
                threads=1,
            )
            yield {
                precision: replace(fit, recipe=study.recipe.varied({"precision": precision}))
                for precision in PRECISIONS
            }


def unseen(images: Images, split: Holdout) -> Images:
    """Return the training images outside the subset of a split."""
    seen = np.concatenate(split_indices(images.labels, split))
    return images.take(np.setdiff1d(np.arange(len(images.labels)), seen))


def judged(history: History, fit: Fit, images: ImageTensors) -> tuple[Any, Any]:
    """Return what a trained model makes of images: 1 where it is right, and its cross-entropies, each ``(n,)``."""
    info = fit.dataset
    model = build_network(fit.network, info.image_shape, info.n_classes, torch.Generator())
    weights = {
        name: torch.from_numpy(array) for name, array in history.artefacts.read(fit.id, "weights").items()
    }
    load_weights(model, weights)
    with repeatable(torch.get_num_threads()):
        logits = logits_of(model, images, fit.recipe.precision)
    losses = torch.nn.functional.cross_entropy(logits, images.labels, reduction="none")
    return (logits.argmax(1) == images.labels).double().numpy(), losses.double().numpy()


def report(runs: Path, seeds: int, epochs: int, subset: int, schedule: str) -> str:
    """Return a Markdown table: a row for each network, float32 beside bfloat16."""
    history = History.open(runs)
    every = list(pairs(seeds, epochs, subset, schedule))
    images = ImageTensors.of(unseen(BUILT_IN_DATASETS["mnist"].load().train, Holdout(0.1, 0, subset)))
    rows = [
        "| network | pairs | float32 | bfloat16 | bfloat16 − float32, points (95 % interval) | each pair | verdict "
        "| loss, bfloat16 − float32 |\n|---|---:|---:|---:|---:|---|---|---:|"
    ]
    for number, name in enumerate(NETWORKS):
        found = [
            {precision: judged(history, fit, images) for precision, fit in pair.items()}
            for pair in every[number :: len(NETWORKS)]
            if all(fit.id in history.records and history.records[fit.id].done for fit in pair.values())
        ]
        if len(found) < 2:
            raise SystemExit(f"{name}: {len(found)} pairs in {runs}; train first, with the same size")
        right, losses = (
            {precision: np.stack([pair[precision][kind] for pair in found]) for precision in PRECISIONS}
            for kind in (0, 1)
        )
        difference = two_way_difference(right["bfloat16"], right["float32"])
        said = judge("bfloat16", "float32", Measure("test", "accuracy"), difference, MARGIN)
        loss = two_way_difference(losses["bfloat16"], losses["float32"])
        each = ", ".join(f"{100 * value:+.2f}" for value in difference.pairs)
        rows.append(
            f"| {name} | {len(found)} | {100 * right['float32'].mean():.3f} % | {100 * right['bfloat16'].mean():.3f} % "
            f"| {100 * (difference.mean or 0):+.3f} ({100 * (difference.low or 0):+.3f} to "
            f"{100 * (difference.high or 0):+.3f}) | {each} | {said.kind} "
            f"| {loss.mean or 0:+.5f} ({loss.low or 0:+.5f} to {loss.high or 0:+.5f}) |"
        )
    history.close()
    trained = (
        f"{subset:,} images ({subset * 9 // 10:,} of them train), {epochs} epochs, {schedule} learning rate"
    )
    head = f"{trained}, scored on {len(images):,} others:"
    return "\n".join([head, "", *rows])


def main() -> None:
    """Train the pairs, or report what they come to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("train", "report"))
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--seeds", type=at_least(2), default=10)
    parser.add_argument("--epochs", type=at_least(1), default=20)
    parser.add_argument("--subset", type=at_least(100), default=10_000)
    parser.add_argument("--schedule", choices=tuple(SCHEDULES), default="cosine")
    parser.add_argument("--workers", type=at_least(0), default=2, help="0 trains in this process")
    parser.add_argument("--emulated", action="store_true", help="train bfloat16 even where it is emulated")
    asked = parser.parse_args()
    if emulated("bfloat16") and not asked.emulated:
        print(skipped("pairs of fits in float32 and bfloat16"))
        return
    size = (asked.seeds, asked.epochs, asked.subset, asked.schedule)
    if asked.what == "train":
        fill(asked.runs, [fit for pair in pairs(*size) for fit in pair.values()], asked.workers)
    else:
        print(report(asked.runs, *size))


if __name__ == "__main__":
    main()
