"""Each fast path of the engine beside its plain form, alternating in one process with one thread.

::

    python benchmarks/fast_paths.py [--rounds 15]

"Plain" is what the fast path stands for: torch's dropout, a convolution over its whole input, relu before the pool,
torch filling new tensors. The last lines time whole training steps of the notebook's networks.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from convstudy.engine.batches import ImageTensors
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.settings import repeatable
from convstudy.engine.training import PlainLoop, Step, train_epoch
from convstudy.networks import Network
from convstudy.networks.build import build_network
from convstudy.networks.modules.dropout import BitsDropout, seed_dropout
from convstudy.networks.modules.whole_input_conv import WholeInputConv
from convstudy.spec import Recipe

sys.path.insert(0, str(Path(__file__).parent / "contenders"))
from turns import BATCH_SIZE, images, layers

Work = Callable[[], object]


def compare(name: str, fast: Work, plain: Work, n_rounds: int, repeats: int = 5) -> str:
    """Return a table row: milliseconds of both, and how often the plain form's time the fast one fits in."""
    times: dict[str, list[float]] = {"fast": [], "plain": []}
    for work in (fast, plain):
        work()
    for _ in range(n_rounds):
        for key, work in (("fast", fast), ("plain", plain)):
            started = time.perf_counter()
            for _ in range(repeats):
                work()
            times[key].append(1e3 * (time.perf_counter() - started) / repeats)
    ratios = sorted(b / a for a, b in zip(times["fast"], times["plain"], strict=True))
    low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
    return (
        f"| {name} | {median(times['plain']):.2f} | {median(times['fast']):.2f} |"
        f" {median(ratios):.2f} ({low:.2f} to {high:.2f}) |"
    )


def forward_and_back(module: nn.Module, values: torch.Tensor) -> Work:
    """Return a training step through a module."""

    def work() -> None:
        made = module(values)
        made.backward(torch.ones_like(made))

    return work


def picture(n_channels: int, size: int) -> torch.Tensor:
    """Return a batch of bfloat16 pictures, channels last."""
    values = torch.randn(BATCH_SIZE, n_channels, size, size).bfloat16()
    return values.to(memory_format=torch.channels_last).requires_grad_()


def dropouts(n_rounds: int) -> list[str]:
    """Compare dropout with torch's, on the picture that two-conv drops from."""
    ours = BitsDropout(0.3)
    seed_dropout(ours, 1)
    values = picture(32, 24)
    rows = []
    for name, plain in (
        ("nn.Dropout", nn.Dropout(0.3)),
        ("the same bits from torch's generator", BitsDropout(0.3)),
    ):
        work = forward_and_back(ours, values), forward_and_back(plain, values)
        rows.append(compare(f"dropout beside {name}, 1.8 million values", *work, n_rounds))
    return rows


def convolutions(n_rounds: int) -> list[str]:
    """Compare the matrix product with the convolution, as five-conv has it."""
    fast, plain = WholeInputConv(64, 128, 5).bfloat16(), nn.Conv2d(64, 128, 5).bfloat16()
    for module in (fast, plain):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    values = picture(64, 5)
    name = "a 5 × 5 kernel over a 5 × 5 picture, 64 to 128 channels"
    return [compare(name, forward_and_back(fast, values), forward_and_back(plain, values), n_rounds)]


def pools(n_rounds: int) -> list[str]:
    """Compare relu behind the pool with relu before it."""
    fast, plain = nn.Sequential(nn.MaxPool2d(2), nn.ReLU()), nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    values = picture(32, 24)
    name = "relu behind max-pool 2, 1.8 million values"
    return [compare(name, forward_and_back(fast, values), forward_and_back(plain, values), n_rounds)]


def steps(n_rounds: int) -> list[str]:
    """Compare whole epochs of a few steps, with and without torch filling new tensors."""
    rows = []
    filling: Any = torch.utils.deterministic
    for name in ("two-conv-3", "two-conv-7", "five-conv", "six-conv"):
        n_steps = 2 if name == "six-conv" else 5
        pixels, labels = images(n_steps * BATCH_SIZE)
        part = ImageTensors(torch.from_numpy(pixels), torch.from_numpy(np.ascontiguousarray(labels)))
        recipe = Recipe(precision="bfloat16", learning_rate=1e-6)
        network = Network.read([" ".join(words) for words in layers(name)])
        model = build_network(network, (28, 28, 1), 10, torch.Generator().manual_seed(0))
        optimizer = build_optimizer(recipe, model.parameters())

        def epoch(
            fill: bool,
            model: nn.Module = model,
            optimizer: torch.optim.Optimizer = optimizer,
            part: ImageTensors = part,
            recipe: Recipe = recipe,
        ) -> None:
            filling.fill_uninitialized_memory = fill
            train_epoch(PlainLoop(Step(model, optimizer, recipe), part), 0, 1)
            filling.fill_uninitialized_memory = False

        title = f"{n_steps} steps of {name}, new tensors not filled"
        rows.append(compare(title, lambda e=epoch: e(False), lambda e=epoch: e(True), n_rounds, 1))  # type: ignore[misc]
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    n_rounds = parser.parse_args().rounds
    with repeatable(1):
        rows = [*dropouts(n_rounds), *convolutions(n_rounds), *pools(n_rounds), *steps(n_rounds)]
    print("| fast path | plain, ms | fast, ms | × (10th to 90th percentile) |")
    print("|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
