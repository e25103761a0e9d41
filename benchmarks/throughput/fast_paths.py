"""Each fast path of the engine beside its plain form, alternating in one process with one thread.

::

    python -m benchmarks.throughput.fast_paths [--rounds 15]

"Plain" is what the fast path stands for: torch's dropout, a convolution over its whole input, relu before the pool,
torch filling new tensors, all training images measured after an epoch (and not a sample: these two are not the same to
the bit), an allocator that gives big blocks back. The later lines time whole training steps of the notebook's networks.
All compute in bfloat16, or in float32 where the processor would emulate it.
But for the last ones, all is done in a process like a worker's; these compare processes with and without the
allocator's settings, an epoch a turn (``contenders/ours.py``).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import nn

from benchmarks.parts.arguments import at_least
from benchmarks.parts.formats import fast_format
from benchmarks.throughput.as_worker import start_as_worker
from benchmarks.throughput.throughput import STEPS, Contender, take_turns
from benchmarks.throughput.training_steps import BATCH_SIZE, NETWORKS, Steps, n_steps_of, steps_of
from convstudy.engine.batches import ImageTensors
from convstudy.engine.evaluation import evaluate
from convstudy.engine.settings import repeatable
from convstudy.networks.modules.dropout import BitsDropout, seed_dropout
from convstudy.networks.modules.whole_input_conv import WholeInputConv
from convstudy.run.executors.processes import KEEP_BLOCKS

Work = Callable[[], object]
STEPS_OF_A_TWENTIETH = 27


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
    return row(name, times["plain"], times["fast"])


def row(name: str, plain: list[float], fast: list[float]) -> str:
    """Return a table row of the milliseconds by round, the plain form's and the fast one's."""
    ratios = sorted(b / a for a, b in zip(fast, plain, strict=True))
    low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
    return (
        f"| {name} | {median(plain):.2f} | {median(fast):.2f} |"
        f" {median(ratios):.2f} ({low:.2f} to {high:.2f}) |"
    )


def forward_and_back(module: nn.Module, values: torch.Tensor) -> Work:
    """Return a training step through a module."""

    def work() -> None:
        made = module(values)
        made.backward(torch.ones_like(made))

    return work


def picture(n_channels: int, size: int) -> torch.Tensor:
    """Return a batch of pictures in the fast format, channels last."""
    values = torch.randn(BATCH_SIZE, n_channels, size, size).to(fast_dtype())
    return values.to(memory_format=torch.channels_last).requires_grad_()


def fast_dtype() -> torch.dtype:
    """Return bfloat16, or float32 where the processor would emulate it."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[fast_format()]


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
    fast, plain = WholeInputConv(64, 128, 5), nn.Conv2d(64, 128, 5)
    for module in (fast, plain):
        module.to(dtype=fast_dtype(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    values = picture(64, 5)
    name = "a 5 × 5 kernel over a 5 × 5 picture, 64 to 128 channels"
    return [compare(name, forward_and_back(fast, values), forward_and_back(plain, values), n_rounds)]


def pools(n_rounds: int) -> list[str]:
    """Compare relu behind the pool with relu before it."""
    fast, plain = nn.Sequential(nn.MaxPool2d(2), nn.ReLU()), nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    values = picture(32, 24)
    name = "relu behind max-pool 2, 1.8 million values"
    return [compare(name, forward_and_back(fast, values), forward_and_back(plain, values), n_rounds)]


def unfilled(n_rounds: int) -> list[str]:
    """Compare whole epochs of a few steps, with and without torch filling new tensors."""
    rows = []
    filling: Any = torch.utils.deterministic
    for name in NETWORKS:
        n_steps = n_steps_of(name)
        steps = steps_of(name, n_steps)

        def epoch(fill: bool, steps: Work = steps) -> None:
            filling.fill_uninitialized_memory = fill
            steps()
            filling.fill_uninitialized_memory = False

        title = f"{n_steps} steps of {name}, new tensors not filled"
        rows.append(compare(title, lambda e=epoch: e(False), lambda e=epoch: e(True), n_rounds, 1))  # type: ignore[misc]
    return rows


def samples(n_rounds: int) -> list[str]:
    """Compare epochs at a twentieth of MNIST's size: measured on as few of their images as 10,000 are of 54,000, and
    on all of them.
    """
    rows = []
    for name in NETWORKS:
        steps = steps_of(name, STEPS_OF_A_TWENTIETH)
        every = steps.loop.part
        sample, validation = (
            ImageTensors(every.pixels[:n_images], every.labels[:n_images]) for n_images in (500, 300)
        )

        def epoch(
            measured: ImageTensors, steps: Steps = steps, validation: ImageTensors = validation
        ) -> None:
            steps()
            for part in (measured, validation):
                evaluate(steps.model, part, fast_format())

        title = f"an epoch of {name}: 2,700 images train, 500 of them and 300 others are measured"
        rows.append(
            compare(title, lambda e=epoch, s=sample: e(s), lambda e=epoch, a=every: e(a), n_rounds, 1)  # type: ignore[misc]
        )
    return rows


def kept_blocks(n_rounds: int) -> list[str]:
    """Compare epochs of a fit in processes whose allocator keeps big blocks and in some whose does not."""
    rows = []
    for name in NETWORKS:
        ways = [Contender("given back", "ours.py", fast_format())]
        ways.append(Contender("kept", "ours.py", fast_format(), environment=KEEP_BLOCKS))
        seats = take_turns(ways, sys.executable, name, STEPS[name], [(1, 1)], n_rounds)
        plain, fast = ([1e3 / rate for rate in one.rates] for one in seats)
        rows.append(row(f"{STEPS[name]} steps of {name}, big blocks kept", plain, fast))
    return rows


def main() -> None:
    """Print the table, row by row."""
    start_as_worker()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=at_least(1), default=9)
    n_rounds = parser.parse_args().rounds
    print(f"in {fast_format()}:\n")
    print("| fast path | plain, ms | fast, ms | × (10th to 90th percentile) |\n|---|---|---|---|", flush=True)
    with repeatable(1):
        for part in (dropouts, convolutions, pools, unfilled, samples):
            print("\n".join(part(n_rounds)), flush=True)
    print("\n".join(kept_blocks(n_rounds)))


if __name__ == "__main__":
    main()
