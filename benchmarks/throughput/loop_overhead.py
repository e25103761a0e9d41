"""Measure the overhead of a fit: data loading, history, checkpoints and progress.

Two things alternate in one process, with the same number of steps and the same evaluations: whole epochs of
:func:`convstudy.engine.fit.run_fit`, with a checkpoint and a callback, and bare steps of the same network on one
constant batch (forward, loss, backward, optimizer). The overhead is the difference between the two. The process has
the environment of a worker. The precision is bfloat16, or float32 if the CPU emulates bfloat16::

    python -m benchmarks.throughput.loop_overhead [--networks five-conv] [--rounds 7] [--steps 60]

An epoch on MNIST has 540 steps. With fewer steps, the checkpoint takes a larger part of the epoch, so the measured
overhead is larger than in a study.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from torch import nn

from benchmarks.contenders.turns import BATCH_SIZE, images, layers
from benchmarks.parts.arguments import at_least
from benchmarks.parts.precision import fast_precision
from benchmarks.throughput.as_worker import start_as_worker
from benchmarks.throughput.training_steps import NETWORKS
from convstudy.data import BUILT_IN_DATASETS, Holdout, Images
from convstudy.engine.batches import ImageTensors, network_input
from convstudy.engine.evaluation import evaluate, precision_context
from convstudy.engine.fit import run_fit
from convstudy.engine.optimizers import build_optimizer, make_step
from convstudy.engine.randomness import torch_generator
from convstudy.engine.settings import repeatable
from convstudy.networks import Network
from convstudy.networks.build import build_network
from convstudy.plan import Fit
from convstudy.record import Epoch
from convstudy.studyfile import Recipe

VALIDATION = 0.1


class BareSteps:
    """The steps and evaluations of a fit, without data loading, history, checkpoints and progress."""

    def __init__(self, fit: Fit, content: Images) -> None:
        self.fit = fit
        n_validation = round(len(content) * VALIDATION)
        rows = np.arange(len(content))
        self.train = ImageTensors.of(content.take(rows[n_validation:]))
        self.validation = ImageTensors.of(content.take(rows[:n_validation]))
        self.model = build_network(fit.network, content.image_shape, 10, torch_generator(0, "weights"))
        self.optimizer = build_optimizer(fit.recipe, self.model.parameters())
        self.batch = network_input(self.train.pixels[:BATCH_SIZE]), self.train.labels[:BATCH_SIZE]

    def seconds(self, n_steps: int) -> float:
        """Train and evaluate; return the time in seconds."""
        started = time.perf_counter()
        pixels, labels = self.batch
        with repeatable(self.fit.threads):
            self.model.train()
            for _ in range(n_steps):
                with precision_context(self.fit.recipe.precision):
                    logits = self.model(pixels)
                loss = nn.functional.cross_entropy(logits.float(), labels)
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                make_step(self.optimizer, self.fit.recipe.learning_rate)
            evaluate(self.model, self.train, self.fit.recipe.precision)
            evaluate(self.model, self.validation, self.fit.recipe.precision)
        return time.perf_counter() - started


def whole_epochs(
    fit: Fit, content: Images, n_rounds: int, between: list[float], bare: BareSteps
) -> list[float]:
    """Run a fit of ``n_rounds`` epochs, and bare steps after each epoch.

    Args:
        fit: the fit.
        content: the training and validation images.
        n_rounds: the number of epochs.
        between: receives the seconds of the bare steps, one entry per epoch.
        bare: the bare steps.

    Returns:
        The seconds of each epoch.
    """
    taken: list[float] = []
    n_steps = -(-round(len(content) * (1 - VALIDATION)) // BATCH_SIZE)
    mark = time.perf_counter()

    def on_epoch(epoch: Epoch) -> None:
        nonlocal mark
        taken.append(time.perf_counter() - mark)
        between.append(bare.seconds(n_steps))
        mark = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        run_fit(fit, content, Path(folder) / "checkpoint.safetensors", on_epoch)
    return taken


def main() -> None:
    start_as_worker()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--rounds", type=at_least(1), default=7)
    parser.add_argument("--steps", type=at_least(1), default=60)
    arguments = parser.parse_args()
    print(f"in {fast_precision()}, one thread:\n")
    print("| network | whole epoch, s: median (min to max) | bare steps, s | overhead: median (min to max) |")
    print("|---|---|---|---|", flush=True)
    for name in arguments.networks:
        pixels, labels = images(round(arguments.steps * BATCH_SIZE / (1 - VALIDATION)))
        network = Network.read([" ".join(parts) for parts in layers(name)])
        recipe = Recipe(
            batch_size=BATCH_SIZE,
            epochs=arguments.rounds + 1,
            precision=fast_precision(),
            train_eval_samples=None,
        )
        fit = Fit(BUILT_IN_DATASETS["mnist"], network, recipe, Holdout(VALIDATION, 0), 0, 1)
        content = Images(pixels, labels)
        bare = BareSteps(fit, content)
        between: list[float] = []
        taken = whole_epochs(fit, content, arguments.rounds + 1, between, bare)
        # The first of each is a warm-up.
        pairs = list(zip(taken[1:], between[1:], strict=True))
        overheads = [100 * (whole / plain - 1) for whole, plain in pairs]
        whole = [pair[0] for pair in pairs]
        print(
            f"| {name} | {median(whole):.2f} ({min(whole):.2f} to {max(whole):.2f}) |"
            f" {median(pair[1] for pair in pairs):.2f} |"
            f" {median(overheads):.1f} % ({min(overheads):.1f} to {max(overheads):.1f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
