"""Measure what bfloat16 costs in accuracy, with pairs of fits that differ only in precision, on unseen images.

For each seed, each network is trained in float32 and in bfloat16, with the same initial weights, the same images in the
same order and the same dropout. All seeds share a subset of MNIST's training images; each uses another tenth of it for
validation. Every model is then evaluated on all training images outside the subset, tens of thousands. The test set
stays locked, because the default ``precision = "auto"`` was chosen with this script::

    CONVSTUDY_DATA=FOLDER python -m benchmarks.accuracy.precision train --runs runs/precision --workers 2
    python -m benchmarks.accuracy.precision report --runs runs/precision

The rule was fixed before the pairs were trained: the cost of bfloat16 is negligible if, for each network, the whole
interval of the difference in accuracy is above −0.1 percentage points. By default the learning rate falls to 0 along a
cosine. With ``--schedule constant``, rounding alone changes the last epoch of a fit by more than that, and tens of
pairs would be necessary.

Both commands are skipped if the CPU emulates bfloat16, which takes several times as long. ``--emulated`` runs them
anyway.

A run that takes seconds: ``--epochs 1 --subset 500 --seeds 2``, for both commands.
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
from benchmarks.parts.fits import train_fits
from benchmarks.parts.precision import is_emulated, skip_note
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
from convstudy.stats.verdicts import make_verdict
from convstudy.studyfile import load_study

NETWORKS = ("two-conv", "five-conv")
PRECISIONS = ("float32", "bfloat16")


def pairs(seeds: int, epochs: int, subset: int, schedule: str) -> Iterator[dict[str, Fit]]:
    """Yield precision -> fit for each seed and network; the networks alternate."""
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


def evaluated(history: History, fit: Fit, images: ImageTensors) -> tuple[Any, Any]:
    """Return 1 where a trained model is correct, otherwise 0, and its cross-entropies; both ``(n,)`` in float64."""
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
    """Return a Markdown table that compares float32 and bfloat16, with a row for each network.

    Raises:
        SystemExit: if a network has fewer than two trained pairs.
    """
    history = History.open(runs)
    fits = list(pairs(seeds, epochs, subset, schedule))
    images = ImageTensors.of(unseen(BUILT_IN_DATASETS["mnist"].load().train, Holdout(0.1, 0, subset)))
    rows = [
        "| network | pairs | float32 | bfloat16 | bfloat16 − float32, pp (95 % CI) | each pair | verdict "
        "| loss, bfloat16 − float32 |\n|---|---:|---:|---:|---:|---|---|---:|"
    ]
    for number, name in enumerate(NETWORKS):
        found = [
            {precision: evaluated(history, fit, images) for precision, fit in pair.items()}
            for pair in fits[number :: len(NETWORKS)]
            if all(fit.id in history.records and history.records[fit.id].done for fit in pair.values())
        ]
        if len(found) < 2:
            raise SystemExit(f"{runs} has {len(found)} pairs of {name} of this size. Run `train` first.")
        correct, losses = (
            {precision: np.stack([pair[precision][kind] for pair in found]) for precision in PRECISIONS}
            for kind in (0, 1)
        )
        difference = two_way_difference(correct["bfloat16"], correct["float32"])
        verdict = make_verdict("bfloat16", "float32", Measure("test", "accuracy"), difference, MARGIN)
        loss = two_way_difference(losses["bfloat16"], losses["float32"])
        each = ", ".join(f"{100 * value:+.2f}" for value in difference.pairs)
        rows.append(
            f"| {name} | {len(found)} | {100 * correct['float32'].mean():.3f} % "
            f"| {100 * correct['bfloat16'].mean():.3f} % "
            f"| {100 * (difference.mean or 0):+.3f} ({100 * (difference.low or 0):+.3f} to "
            f"{100 * (difference.high or 0):+.3f}) | {each} | {verdict.kind} "
            f"| {loss.mean or 0:+.5f} ({loss.low or 0:+.5f} to {loss.high or 0:+.5f}) |"
        )
    history.close()
    trained = (
        f"{subset:,} images ({subset * 9 // 10:,} for training), {epochs} epochs, {schedule} learning rate"
    )
    return "\n".join([f"{trained}, evaluated on {len(images):,} others:", "", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("train", "report"))
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--seeds", type=at_least(2), default=10)
    parser.add_argument("--epochs", type=at_least(1), default=20)
    parser.add_argument("--subset", type=at_least(100), default=10_000)
    parser.add_argument("--schedule", choices=tuple(SCHEDULES), default="cosine")
    parser.add_argument("--workers", type=at_least(0), default=2, help="0 trains in this process")
    parser.add_argument("--emulated", action="store_true", help="train bfloat16 even if it is emulated")
    arguments = parser.parse_args()
    if is_emulated("bfloat16") and not arguments.emulated:
        print(skip_note("pairs of fits in float32 and bfloat16"))
        return
    size = (arguments.seeds, arguments.epochs, arguments.subset, arguments.schedule)
    if arguments.what == "train":
        train_fits(arguments.runs, [fit for pair in pairs(*size) for fit in pair.values()], arguments.workers)
    else:
        print(report(arguments.runs, *size))


if __name__ == "__main__":
    main()
