"""Measure the fraction of a training step that each kind of kernel takes, for each of the notebook's networks.

The script profiles a few steps with torch's profiler, with one thread, in the environment of a worker. The precision is
bfloat16, or float32 if the CPU emulates bfloat16::

    python -m benchmarks.throughput.where_time_goes [--precision float32] [--repeats 9]

The time of a kind is the self time of its kernels, divided by the time of all steps. "other" is the remaining time:
Python and torch's overhead, which the profiler increases.

Two rows compare with the peak, which is the rate of products of 1,024 × 1,024 matrices in the same precision with one
thread. The first is the rate of the whole step. The second counts only the time in convolutions and matrix products.

The script takes three times the number of profiles and timings that it uses: it reports the median of the fastest
third. The memory of the profiler can fragment the heap. Each step then requests new pages, which does not happen
without a profiler.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.parts.arguments import at_least
from benchmarks.throughput.as_worker import start_as_worker

# kind -> its kernels, by the profiler's names.
KINDS = {
    "convolution, forward": ("aten::mkldnn_convolution",),
    "convolution, gradients": ("aten::convolution_backward",),
    "matrix product": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "mkldnn::_linear_pointwise"),
    "relu": ("aten::threshold_backward", "aten::clamp_min", "aten::relu"),
    "max-pool": ("aten::max_pool2d_with_indices", "aten::max_pool2d_with_indices_backward"),
    "Winograd's sums": (),
    "batch-norm": ("aten::native_batch_norm", "aten::native_batch_norm_backward"),
    "dropout": ("dropout", "aten::ge_", "aten::mul_", "aten::mul"),
    "Adam": ("aten::_fused_adam_", "aten::_foreach_add_"),
    "copies": ("aten::copy_", "aten::index", "aten::fill_"),
}
# autograd function -> the kind of its kernels that are not arithmetic, forward and backward.
FUNCTIONS = {"PoolAndRelu": "max-pool", "Winograd": "Winograd's sums"}
OTHER = "other"
ARITHMETIC = ("convolution, forward", "convolution, gradients", "matrix product")
OVERSAMPLING = 3
SIZE = 1024
KIND_OF = {kernel: kind for kind, kernels in KINDS.items() for kernel in kernels}


def breakdown(network: str, precision: Any, n_repeats: int) -> tuple[float, dict[str, float]]:
    """Return the milliseconds of a step without the profiler, and the percentage of profiled time of each kind."""
    from benchmarks.throughput.training_steps import n_steps_of, steps_of
    from convstudy.engine.settings import repeatable
    from convstudy.networks.modules.dropout import BitsDropout

    n_steps = n_steps_of(network)
    steps = steps_of(network, n_steps, precision=precision)
    with repeatable(1):
        for _ in range(2):
            steps()
        unprofiled = median(sorted(_seconds(steps) for _ in range(OVERSAMPLING * n_repeats))[:n_repeats])
        # numpy draws the dropout bits, which the profiler does not see; a named range makes them visible.
        for module in steps.model.modules():
            if isinstance(module, BitsDropout):
                _mark(module)
        profiles = sorted(
            (_profiled(steps) for _ in range(OVERSAMPLING * n_repeats)), key=lambda profile: profile[0]
        )
    kept = [found for _, found in profiles[:n_repeats]]
    return 1e3 * unprofiled / n_steps, {
        kind: median(found[kind] for found in kept) for kind in (*KINDS, OTHER)
    }


def peak(precision: str, n_repeats: int) -> float:
    """Return the FLOPs per second of large matrix products with one thread: the maximum of ``n_repeats``."""
    import torch

    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    left, right = (torch.randn(SIZE, SIZE).to(dtype) for _ in range(2))
    product = torch.empty(SIZE, SIZE, dtype=dtype)

    def multiply() -> None:
        for _ in range(10):
            torch.mm(left, right, out=product)

    torch.set_num_threads(1)
    multiply()
    return 10 * 2 * SIZE**3 / min(_seconds(multiply) for _ in range(n_repeats))


def _seconds(steps: Callable[[], None]) -> float:
    started = time.perf_counter()
    steps()
    return time.perf_counter() - started


def _profiled(steps: Callable[[], None]) -> tuple[float, dict[str, float]]:
    """Return the seconds of the steps with the profiler, and the percentage of each kind."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        seconds = _seconds(steps)
    spent: dict[str, float] = dict.fromkeys((*KINDS, OTHER), 0.0)
    for event in profile.events():
        spent[_kind(event)] += event.self_cpu_time_total / 1e6
    spent[OTHER] = seconds - sum(spent[kind] for kind in KINDS)
    return seconds, {kind: 100 * spent[kind] / seconds for kind in (*KINDS, OTHER)}


def _kind(event: Any) -> str:
    """Return the kind of a profiler event: its own, or that of the autograd function that calls it."""
    own, caller = KIND_OF.get(event.name, OTHER), event
    while own not in ARITHMETIC and caller is not None:
        if (function := caller.name.removesuffix("Backward")) in FUNCTIONS:
            return FUNCTIONS[function]
        caller = caller.cpu_parent
    return own


def _mark(module: Any) -> None:
    """Put the forward pass of a module into a profiler range named "dropout"."""
    import torch

    forward = module.forward

    def marked(values: Any) -> Any:
        with torch.profiler.record_function("dropout"):
            return forward(values)

    module.forward = marked


def main() -> None:
    start_as_worker()
    from benchmarks.contenders.turns import BATCH_SIZE
    from benchmarks.parts.precision import fast_precision
    from benchmarks.throughput.take_turns import flops_of
    from benchmarks.throughput.training_steps import NETWORKS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--precision", default=fast_precision(), choices=("float32", "bfloat16"))
    parser.add_argument("--repeats", type=at_least(1), default=9)
    arguments = parser.parse_args()
    peaks, found = [], {}
    for name in arguments.networks:
        peaks.append(peak(arguments.precision, arguments.repeats))
        found[name] = breakdown(name, arguments.precision, arguments.repeats)
    highest = max(peaks)
    of_step, of_arithmetic = [], []
    for name, (milliseconds, each) in found.items():
        percentage = 1e5 * BATCH_SIZE * flops_of(name) / milliseconds / highest
        of_step.append(f"{percentage:.0f} %")
        of_arithmetic.append(f"{100 * percentage / sum(each[kind] for kind in ARITHMETIC):.0f} %")
    print(f"| {arguments.precision} | {' | '.join(found)} |\n|---|{'---:|' * len(found)}")
    print(f"| a step of {BATCH_SIZE} images | {' | '.join(f'{step:.1f} ms' for step, _ in found.values())} |")
    print(f"| % of peak: whole step | {' | '.join(of_step)} |")
    print(f"| % of peak: convolutions and matrix products | {' | '.join(of_arithmetic)} |")
    for kind in (*KINDS, OTHER):
        print(f"| {kind} | {' | '.join(f'{each[kind]:.0f} %' for _, each in found.values())} |")
    print(f"\nmatrix products, {arguments.precision}, one thread: {highest / 1e9:,.0f} GFLOP/s")


if __name__ == "__main__":
    main()
