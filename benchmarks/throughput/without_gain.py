"""What was tried to make fits faster and is not in the engine, measured again beside what is.

::

    python -m benchmarks.throughput.without_gain [--rounds 9]

Each line has two forms that take turns; "×" is how often the tried form's time goes into the engine's, so that below 1
the tried one is slower. bfloat16 and one thread, but for OpenMP's settings, which mean nothing without threads that
share: there a fit has all cores. Where the processor would emulate bfloat16, all is in float32, without casts.
``torch.compile`` needs a C++ compiler, and is timed after it has compiled; the draw of dropout's bits, which numpy
makes, is left out of it. The lines about casts have no second form of a step: they compare the casts alone, which
copies of the weights in bfloat16 would save, with whole steps.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import torch
from torch import nn

from benchmarks.parts.arguments import at_least
from benchmarks.parts.formats import emulated, fast_format, skipped
from benchmarks.throughput.as_worker import start_as_worker
from benchmarks.throughput.fast_paths import compare, fast_dtype, forward_and_back, picture, row
from benchmarks.throughput.throughput import CORES, STEPS, Contender, take_turns
from benchmarks.throughput.training_steps import NETWORKS, n_steps_of, steps_of
from convstudy.engine.settings import repeatable
from convstudy.networks.modules.dropout import BitsDropout
from convstudy.run.executors.processes import KEEP_BLOCKS

OPENMP: tuple[dict[str, str], ...] = (
    {"OMP_WAIT_POLICY": "active"},
    {"OMP_WAIT_POLICY": "passive"},
    {"OMP_PROC_BIND": "true"},
)
TURNS = 3
# Channels, filters, kernel and size of the picture, as the networks have them.
CONVOLUTIONS = ((64, 32, 7, 22), (64, 32, 3, 26), (32, 32, 3, 26), (96, 128, 5, 18))


def stacking(n_rounds: int) -> list[str]:
    """Compare two fits' convolutions with one in two groups, the channels of both side by side."""
    rows = []
    for n_channels, n_filters, kernel, size in CONVOLUTIONS:
        one, other = (nn.Conv2d(n_channels, n_filters, kernel) for _ in range(2))
        stacked = nn.Conv2d(2 * n_channels, 2 * n_filters, kernel, groups=2)
        for module in (one, other, stacked):
            module.to(dtype=fast_dtype(), memory_format=torch.channels_last)  # type: ignore[call-overload]
        singles = [forward_and_back(module, picture(n_channels, size)) for module in (one, other)]

        def apart(singles: list[Any] = singles) -> None:
            for single in singles:
                single()

        together = forward_and_back(stacked, picture(2 * n_channels, size))
        title = (
            f"two {kernel} × {kernel} convolutions, {n_channels} to {n_filters} channels, as one in groups"
        )
        rows.append(compare(title, together, apart, n_rounds, 1))
    return rows


def casts(n_rounds: int) -> list[str]:
    """Set beside steps the casts of all weights to bfloat16, and of their gradients back."""
    rows = []
    for name in NETWORKS:
        n_steps = n_steps_of(name)
        steps = steps_of(name, n_steps)
        weights = [weight.detach() for weight in steps.model.parameters() if weight.ndim > 1]
        gradients = [weight.bfloat16() for weight in weights]

        def both_ways(
            weights: list[torch.Tensor] = weights, gradients: list[torch.Tensor] = gradients, n: int = n_steps
        ) -> None:
            for _ in range(n):
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight.bfloat16()
                    gradient.float()

        rows.append(compare(f"{n_steps} steps of {name}, its casts alone", both_ways, steps, n_rounds, 1))
    return rows


def compiling(n_rounds: int) -> list[str]:
    """Compare steps of a compiled network."""
    rows = []
    for name in NETWORKS:
        n_steps = n_steps_of(name)
        plain, tried = steps_of(name, n_steps), steps_of(name, n_steps, compiled)
        started = time.perf_counter()
        tried()
        title = (
            f"{n_steps} steps of {name}, torch.compile (compiled in {time.perf_counter() - started:.0f} s)"
        )
        rows.append(compare(title, tried, plain, n_rounds, 1))
    return rows


def compiled(model: nn.Module) -> Any:
    """Return a model by torch.compile, which cannot follow numpy."""
    for module in model.modules():
        if isinstance(module, BitsDropout):
            module._words = torch.compiler.disable(module._words)  # type: ignore[method-assign]
    return torch.compile(model)


def openmp(n_rounds: int) -> list[str]:
    """Compare a fit on all cores under OpenMP's settings with one that leaves them alone.

    Nobody lies ready here: threads that wait actively would take the cores from those whose turn it is. So each starts
    anew, and has ``TURNS`` turns.
    """
    rows = []
    for name in ("two-conv-7", "five-conv"):
        times: dict[str, list[float]] = {}
        for _ in range(-(-n_rounds // TURNS)):
            for setting in ({}, *OPENMP):
                said = " ".join(f"{key}={value}" for key, value in setting.items())
                way = Contender(said, "ours.py", fast_format(), environment={**KEEP_BLOCKS, **setting})
                [seat] = take_turns([way], sys.executable, name, STEPS[name], [(1, CORES)], TURNS)
                times.setdefault(said, []).extend(1e3 / rate for rate in seat.rates)
        plain = times.pop("")
        for said, tried in times.items():
            rows.append(row(f"{STEPS[name]} steps of {name}, {CORES} threads, {said}", plain, tried))
    return rows


def main() -> None:
    """Print the table, part by part."""
    start_as_worker()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=at_least(1), default=9)
    n_rounds = parser.parse_args().rounds
    parts = [stacking, casts, compiling]
    if emulated("bfloat16"):
        parts.remove(casts)
        print(skipped("casts to bfloat16; the rest is measured in float32"))
    print(
        "| tried | the engine's, ms | tried, ms | × (10th to 90th percentile) |\n|---|---|---|---|",
        flush=True,
    )
    with repeatable(1):
        for part in parts:
            print("\n".join(part(n_rounds)), flush=True)
    print("\n".join(openmp(n_rounds)))


if __name__ == "__main__":
    main()
