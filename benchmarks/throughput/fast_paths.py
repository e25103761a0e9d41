"""Compare each fast path of the engine with its reference implementation, alternating in one process with one thread.

::

    python -m benchmarks.throughput.fast_paths [--rounds 15] [--parts winograd pools]

The reference implementations are: torch's dropout; a convolution over its whole input; torch's 3 × 3 convolution, first
convolution and dense layer, in float32; torch's max-pool with relu, and relu before max-pool; Newton-Schulz steps on
the whole matrix; torch filling new tensors; evaluation of all training images after an epoch instead of a sample (the
only case in which the results differ); an allocator that returns large blocks to the system. The later rows time whole
training steps of the notebook's networks. The precision is bfloat16, or float32 if the CPU emulates bfloat16.

The process has the environment of a worker. The last rows compare processes with and without the allocator settings,
which alternate after each epoch (``contenders/ours.py``).
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

from benchmarks.contenders.turns import BATCH_SIZE
from benchmarks.parts.arguments import at_least
from benchmarks.parts.precision import fast_precision
from benchmarks.throughput.as_worker import start_as_worker
from benchmarks.throughput.take_turns import STEPS, Contender, take_turns
from benchmarks.throughput.training_steps import NETWORKS, Steps, n_steps_of, steps_of
from convstudy.engine.batches import ImageTensors
from convstudy.engine.evaluation import evaluate
from convstudy.engine.orthogonalisation import iterated, orthogonalised
from convstudy.engine.settings import repeatable
from convstudy.networks.modules.dropout import BitsDropout, seed_dropout
from convstudy.networks.modules.first_conv import FirstConv
from convstudy.networks.modules.product import Linear
from convstudy.networks.modules.relu_pool import PoolThenRelu
from convstudy.networks.modules.whole_input_conv import WholeInputConv
from convstudy.networks.modules.winograd_conv import WinogradConv
from convstudy.run.executors.processes import KEEP_BLOCKS

Work = Callable[[], object]
STEPS_OF_A_TWENTIETH = 27  # of MNIST's 540
# Channels, filters and image size of 3 × 3 convolutions: of two-conv, five-conv, six-conv, and two of a ResNet.
WINOGRAD = ((64, 32, 26), (32, 32, 26), (32, 64, 24), (64, 64, 18), (128, 128, 10))


def compare(name: str, fast: Work, reference: Work, n_rounds: int, repeats: int = 5) -> str:
    """Time both functions in turn and return a table row: the milliseconds of a call, and their ratio.

    The times are those of the processor in this thread: other load of the machine changes them less.

    Args:
        name: the first cell.
        fast: the fast path.
        reference: the reference implementation.
        n_rounds: the number of measurements of each.
        repeats: the number of calls in a measurement.
    """
    times: dict[str, list[float]] = {"fast": [], "reference": []}
    for work in (fast, reference):
        work()
    for _ in range(n_rounds):
        for key, work in (("fast", fast), ("reference", reference)):
            started = time.thread_time()
            for _ in range(repeats):
                work()
            times[key].append(1e3 * (time.thread_time() - started) / repeats)
    return row(name, times["reference"], times["fast"])


def row(name: str, reference: list[float], fast: list[float]) -> str:
    """Return a table row from the milliseconds of each round."""
    ratios = sorted(b / a for a, b in zip(fast, reference, strict=True))
    low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
    return (
        f"| {name} | {median(reference):.2f} | {median(fast):.2f} |"
        f" {median(ratios):.2f} ({low:.2f} to {high:.2f}) |"
    )


def forward_and_backward(module: nn.Module, values: torch.Tensor) -> Work:
    """Return a function that runs the forward and the backward pass of a module."""

    def work() -> None:
        output = module(values)
        output.backward(torch.ones_like(output))

    return work


def random_images(n_channels: int, size: int) -> torch.Tensor:
    """Return a random batch ``(100, n_channels, size, size)``, channels last, in :func:`fast_dtype`."""
    values = torch.randn(BATCH_SIZE, n_channels, size, size).to(fast_dtype())
    return values.to(memory_format=torch.channels_last).requires_grad_()


def fast_dtype() -> torch.dtype:
    """Return bfloat16, or float32 if the CPU emulates bfloat16."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[fast_precision()]


def dropouts(n_rounds: int) -> list[str]:
    """Compare dropout with torch's, on activations of the size of those in two-conv."""
    ours = BitsDropout(0.3)
    seed_dropout(ours, 1)
    values = random_images(32, 24)
    rows = []
    for name, reference in (
        ("nn.Dropout", nn.Dropout(0.3)),
        ("the same bits from torch's generator", BitsDropout(0.3)),
    ):
        work = forward_and_backward(ours, values), forward_and_backward(reference, values)
        rows.append(compare(f"dropout, compared with {name}, 1.8 million values", *work, n_rounds))
    return rows


def convolutions(n_rounds: int) -> list[str]:
    """Compare the matrix product with the convolution for the last convolution of five-conv."""
    fast, reference = WholeInputConv(64, 128, 5), nn.Conv2d(64, 128, 5)
    for module in (fast, reference):
        module.to(dtype=fast_dtype(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    values = random_images(64, 5)
    name = "a 5 × 5 kernel over a 5 × 5 image, 64 to 128 channels"
    works = forward_and_backward(fast, values), forward_and_backward(reference, values)
    return [compare(name, *works, n_rounds)]


def winograd(n_rounds: int) -> list[str]:
    """Compare Winograd's form with torch's convolution in float32, the only precision that uses it."""
    rows = []
    for n_channels, n_filters, size in WINOGRAD:
        fast, reference = WinogradConv(n_channels, n_filters, 3), nn.Conv2d(n_channels, n_filters, 3)
        for module in (fast, reference):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        values = random_images(n_channels, size).detach().float().requires_grad_()
        works = forward_and_backward(fast, values), forward_and_backward(reference, values)
        name = f"3 × 3 kernel on {size} × {size}, {n_channels} to {n_filters} channels, float32"
        rows.append(compare(name, *works, n_rounds))
    return rows


def first_convolutions(n_rounds: int) -> list[str]:
    """Compare first convolutions and their ReLU with torch's modules in float32, the only precision that uses it."""
    rows = []
    for n_filters, kernel in ((32, 3), (64, 3), (64, 7)):
        fast = FirstConv(nn.Conv2d(1, n_filters, kernel), nn.ReLU())
        fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        values = random_images(1, 28).detach().float()
        works = (forward_and_backward(module, values) for module in (fast, nn.Sequential(*fast)))
        name = f"first {kernel} × {kernel} convolution and relu, 1 to {n_filters} channels, float32"
        rows.append(compare(name, *works, n_rounds))
    return rows


def products(n_rounds: int) -> list[str]:
    """Compare dense layers with torch's in float32, the only precision that uses oneDNN directly."""
    rows = []
    for n_features in (4608, 1600):
        values = torch.randn(BATCH_SIZE, n_features, requires_grad=True)
        works = (forward_and_backward(kind(n_features, 128), values) for kind in (Linear, nn.Linear))
        rows.append(compare(f"dense layer of 128 units, {n_features} features, float32", *works, n_rounds))
    return rows


def pools(n_rounds: int) -> list[str]:
    """Compare the pool with relu with torch's modules: relu after max-pool, and before it."""
    fast, values = PoolThenRelu(nn.MaxPool2d(2), nn.ReLU()), random_images(32, 24)
    rows = []
    for name, reference in (
        ("max-pool 2 and relu, compared with torch's", nn.Sequential(*fast)),
        ("relu after max-pool 2, compared with before it", nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))),
    ):
        works = forward_and_backward(fast, values), forward_and_backward(reference, values)
        rows.append(compare(f"{name}, 1.8 million values", *works, n_rounds))
    return rows


def updates(n_rounds: int) -> list[str]:
    """Compare Muon's Newton-Schulz steps with steps on the whole matrix, for kernels of 3 × 3 and of 5 × 5."""
    rows = []
    for shape in ((64, 288), (128, 576), (160, 3200)):
        matrix = torch.randn(shape)
        name = f"4 Newton-Schulz steps of a float32 matrix {shape[0]} × {shape[1]}"
        works = lambda m=matrix: orthogonalised(m, 4), lambda m=matrix: iterated(m / m.norm(), 4)
        rows.append(compare(name, *works, n_rounds))
    return rows


def unfilled(n_rounds: int) -> list[str]:
    """Compare a few steps with and without torch filling new tensors."""
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
    """Compare epochs of 2,700 images, a twentieth of MNIST: evaluated on 500 of them, or on all.

    500 of 2,700 is the same proportion as the default of ``train_eval_samples``, 10,000, of MNIST's 54,000.
    """
    rows = []
    for name in NETWORKS:
        steps = steps_of(name, STEPS_OF_A_TWENTIETH)
        whole = steps.loop.part
        sample, validation = (
            ImageTensors(whole.pixels[:n_images], whole.labels[:n_images]) for n_images in (500, 300)
        )

        def epoch(
            evaluated: ImageTensors, steps: Steps = steps, validation: ImageTensors = validation
        ) -> None:
            steps()
            for part in (evaluated, validation):
                evaluate(steps.model, part, fast_precision())

        title = f"an epoch of {name}: 2,700 training images; 500 of them and 300 others evaluated"
        rows.append(
            compare(title, lambda e=epoch, s=sample: e(s), lambda e=epoch, w=whole: e(w), n_rounds, 1)  # type: ignore[misc]
        )
    return rows


def kept_blocks(n_rounds: int) -> list[str]:
    """Compare epochs of a fit in processes whose allocator keeps large blocks, and in processes with the default."""
    rows = []
    for name in NETWORKS:
        contenders = [Contender("returned", "ours.py", fast_precision())]
        contenders.append(Contender("kept", "ours.py", fast_precision(), environment=KEEP_BLOCKS))
        running = take_turns(contenders, sys.executable, name, STEPS[name], [(1, 1)], n_rounds)
        reference, fast = ([1e3 / rate for rate in each.rates] for each in running)
        rows.append(row(f"{STEPS[name]} steps of {name}, large blocks kept", reference, fast))
    return rows


PARTS = (
    dropouts,
    convolutions,
    winograd,
    first_convolutions,
    products,
    pools,
    updates,
    unfilled,
    samples,
    kept_blocks,
)


def main() -> None:
    start_as_worker()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts: dict[str, Callable[[int], list[str]]] = {part.__name__: part for part in PARTS}
    parser.add_argument("--rounds", type=at_least(1), default=9)
    parser.add_argument("--parts", nargs="+", default=list(parts), choices=list(parts))
    arguments = parser.parse_args()
    print(f"in {fast_precision()}:\n")
    titles = ("fast path", "reference, ms", "fast, ms", "× (10th to 90th percentile)")
    print(f"| {' | '.join(titles)} |\n|---|---|---|---|", flush=True)
    for name in arguments.parts:
        with repeatable(1):
            print("\n".join(parts[name](arguments.rounds)), flush=True)


if __name__ == "__main__":
    main()
