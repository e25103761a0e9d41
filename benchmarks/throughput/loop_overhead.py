"""What a fit costs beside its arithmetic: data, history, checkpoints, progress.

Two things alternate in one process, as many steps each: whole epochs of :func:`convstudy.engine.fit.run_fit`, with a
checkpoint and a listener, and bare steps of the same network on one batch that never changes (forward, loss, backward,
optimizer), with the same evaluations. The overhead is what the first takes longer than the second. The process is like
a worker's, the format bfloat16, or float32 where the processor would emulate it::

    python -m benchmarks.throughput.loop_overhead [--networks five-conv] [--rounds 7] [--steps 60]

An epoch of so few steps has its checkpoint sooner than one of MNIST's 540, so that the overhead is the larger.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from torch import nn

from benchmarks.parts.arguments import at_least
from benchmarks.parts.formats import fast_format
from benchmarks.throughput.as_worker import start_as_worker
from benchmarks.throughput.training_steps import BATCH_SIZE, NETWORKS, images, layers
from convstudy.data import Holdout, Images
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
    """The same training without all that is around it."""

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
        """Train and evaluate; return how long it took."""
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
    """Run a fit of ``n_rounds`` epochs, with bare steps between its epochs; return each epoch's seconds."""
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
    """Measure each network, and print the table row by row."""
    start_as_worker()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--rounds", type=at_least(1), default=7)
    parser.add_argument("--steps", type=at_least(1), default=60)
    arguments = parser.parse_args()
    print(f"in {fast_format()}, one thread:\n")
    print("| network | whole epoch, s: median (min to max) | bare steps, s | overhead: median (min to max) |")
    print("|---|---|---|---|", flush=True)
    for name in arguments.networks:
        pixels, labels = images(round(arguments.steps * BATCH_SIZE / (1 - VALIDATION)))
        network = Network.read([" ".join(words) for words in layers(name)])
        recipe = Recipe(
            batch_size=BATCH_SIZE,
            epochs=arguments.rounds + 1,
            precision=fast_format(),
            train_eval_samples=None,
        )
        fit = Fit("mnist", "", network, recipe, Holdout(VALIDATION, 0), 0, 1)
        content = Images(pixels, labels)
        bare = BareSteps(fit, content)
        between: list[float] = []
        taken = whole_epochs(fit, content, arguments.rounds + 1, between, bare)
        # The first of each warms up.
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
