"""Compare the engine with attempted speedups that it does not use, because they did not help.

::

    python -m benchmarks.throughput.without_gain [--rounds 9]

In each row, two implementations alternate. The column "×" is the time of the engine divided by the time of the
attempt: below 1, the attempt is slower. The measurements use bfloat16 and one thread. With OpenMP settings, a fit
uses all cores, because these settings matter only with several threads. If the CPU emulates bfloat16, the precision
is float32 and the rows about casts are omitted. ``torch.compile`` needs a C++ compiler; the time excludes
compilation. numpy draws the dropout bits, so that part is not compiled. The rows about casts compare the casts alone,
which keeping weights in bfloat16 would save, with whole steps.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import torch
from torch import nn

from benchmarks.parts.arguments import at_least
from benchmarks.parts.precision import fast_precision, is_emulated, skip_note
from benchmarks.throughput.as_worker import start_as_worker
from benchmarks.throughput.fast_paths import compare, fast_dtype, forward_and_backward, random_images, row
from benchmarks.throughput.take_turns import STEPS, Contender, take_turns
from benchmarks.throughput.throughput import CORES
from benchmarks.throughput.training_steps import NETWORKS, n_steps_of, steps_of
from convstudy.engine.settings import repeatable
from convstudy.networks.modules.dropout import BitsDropout
from convstudy.run.executors.processes import KEEP_BLOCKS

OPENMP: tuple[dict[str, str], ...] = (
    {"OMP_WAIT_POLICY": "active"},
    {"OMP_WAIT_POLICY": "passive"},
    {"OMP_PROC_BIND": "true"},
)
N_TURNS = 3
# Channels, filters, kernel and image size of convolutions in the notebook's networks.
CONVOLUTIONS = ((64, 32, 7, 22), (64, 32, 3, 26), (32, 32, 3, 26), (96, 128, 5, 18))


def stacking(n_rounds: int) -> list[str]:
    """Compare the convolutions of two fits with one convolution in two groups that holds the channels of both."""
    rows = []
    for n_channels, n_filters, kernel, size in CONVOLUTIONS:
        first, second = (nn.Conv2d(n_channels, n_filters, kernel) for _ in range(2))
        grouped = nn.Conv2d(2 * n_channels, 2 * n_filters, kernel, groups=2)
        for module in (first, second, grouped):
            module.to(dtype=fast_dtype(), memory_format=torch.channels_last)  # type: ignore[call-overload]
        singles = [
            forward_and_backward(module, random_images(n_channels, size)) for module in (first, second)
        ]

        def separate(singles: list[Any] = singles) -> None:
            for single in singles:
                single()

        together = forward_and_backward(grouped, random_images(2 * n_channels, size))
        title = f"two {kernel} × {kernel} convolutions, {n_channels} to {n_filters} channels, as one with 2 groups"
        rows.append(compare(title, together, separate, n_rounds, 1))
    return rows


def casts(n_rounds: int) -> list[str]:
    """Compare whole steps with the casts alone: all weights to bfloat16, and their gradients to float32."""
    rows = []
    for name in NETWORKS:
        n_steps = n_steps_of(name)
        steps = steps_of(name, n_steps)
        weights = [weight.detach() for weight in steps.model.parameters() if weight.ndim > 1]
        gradients = [weight.bfloat16() for weight in weights]

        def cast(
            weights: list[torch.Tensor] = weights, gradients: list[torch.Tensor] = gradients, n: int = n_steps
        ) -> None:
            for _ in range(n):
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight.bfloat16()
                    gradient.float()

        rows.append(compare(f"{n_steps} steps of {name}, only the casts", cast, steps, n_rounds, 1))
    return rows


def compiling(n_rounds: int) -> list[str]:
    """Compare steps with and without ``torch.compile``."""
    rows = []
    for name in NETWORKS:
        n_steps = n_steps_of(name)
        reference, attempt = steps_of(name, n_steps), steps_of(name, n_steps, compiled)
        started = time.perf_counter()
        attempt()
        seconds = time.perf_counter() - started
        title = f"{n_steps} steps of {name}, torch.compile (compiled in {seconds:.0f} s)"
        rows.append(compare(title, attempt, reference, n_rounds, 1))
    return rows


def compiled(model: nn.Module) -> Any:
    """Return the compiled model. The part of dropout that uses numpy is not compiled."""
    for module in model.modules():
        if isinstance(module, BitsDropout):
            module._words = torch.compiler.disable(module._words)  # type: ignore[method-assign, no-untyped-call]
    return torch.compile(model)


def openmp(n_rounds: int) -> list[str]:
    """Compare a fit on all cores with OpenMP settings with one that uses the defaults.

    Only one process exists at a time, because actively waiting threads would take the cores from the others. Each
    process has ``N_TURNS`` turns.
    """
    rows = []
    for name in ("two-conv-7", "five-conv"):
        times: dict[str, list[float]] = {}
        for _ in range(-(-n_rounds // N_TURNS)):
            for setting in ({}, *OPENMP):
                text = " ".join(f"{key}={value}" for key, value in setting.items())
                contender = Contender(
                    text, "ours.py", fast_precision(), environment={**KEEP_BLOCKS, **setting}
                )
                [running] = take_turns([contender], sys.executable, name, STEPS[name], [(1, CORES)], N_TURNS)
                times.setdefault(text, []).extend(1e3 / rate for rate in running.rates)
        reference = times.pop("")
        for text, attempt in times.items():
            rows.append(row(f"{STEPS[name]} steps of {name}, {CORES} threads, {text}", reference, attempt))
    return rows


def main() -> None:
    start_as_worker()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=at_least(1), default=9)
    n_rounds = parser.parse_args().rounds
    parts = [stacking, casts, compiling]
    if is_emulated("bfloat16"):
        parts.remove(casts)
        print(skip_note("casts to bfloat16; the other rows are measured in float32"))
    titles = ("attempt", "engine, ms", "attempt, ms", "× (10th to 90th percentile)")
    print(f"| {' | '.join(titles)} |\n|---|---|---|---|", flush=True)
    with repeatable(1):
        for part in parts:
            print("\n".join(part(n_rounds)), flush=True)
    print("\n".join(openmp(n_rounds)))


if __name__ == "__main__":
    main()
