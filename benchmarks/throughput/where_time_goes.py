"""Where the time of a training step goes: the share of each kind of kernel, network by network.

A few steps of each of the notebook's networks under torch's profiler, with one thread, in a process like a worker's; in
bfloat16, or in float32 where the processor would emulate it::

    python -m benchmarks.throughput.where_time_goes [--precision float32] [--repeats 9]

A kind's share is its time in kernels (without those they call) by the time of all steps; "the rest" belongs to no kind:
Python, and torch's own bookkeeping, which the profiler makes larger.
Above the shares stand two of the peak, which is products of 1,024 × 1,024 matrices in the same number format by the
same thread: of the whole step, and of the time in convolutions and matrix products alone. The second says how far from
the peak these kernels are by themselves, the first what is left of it with all the others.

Three times as many steps are timed, and profiles taken, as count: the fastest third does, by its median. For the
profiler's own memory can get between the tensors', and then each step asks the system for new pages, which it does not
without a profiler.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.parts.arguments import at_least
from benchmarks.throughput.as_worker import start_as_worker

# kind -> the kernels that count for it, as the profiler names them.
KINDS = {
    "convolution, forward": ("aten::mkldnn_convolution",),
    "convolution, gradients": ("aten::convolution_backward",),
    "matrix product": ("aten::mm", "aten::addmm"),
    "relu": ("aten::threshold_backward", "aten::clamp_min", "aten::relu"),
    "max-pool": ("aten::max_pool2d_with_indices", "aten::max_pool2d_with_indices_backward"),
    "batch-norm": ("aten::native_batch_norm", "aten::native_batch_norm_backward"),
    "dropout": ("dropout", "aten::ge_", "aten::mul_", "aten::mul"),
    "Adam": ("aten::_fused_adam_", "aten::_foreach_add_"),
    "copies": ("aten::copy_", "aten::index", "aten::fill_"),
}
REST = "the rest"
ARITHMETIC = ("convolution, forward", "convolution, gradients", "matrix product")
TAKEN_FOR_EACH = 3
SIZE = 1024
KIND_OF = {kernel: kind for kind, kernels in KINDS.items() for kernel in kernels}


def shares(network: str, precision: Any, n_repeats: int) -> tuple[float, dict[str, float]]:
    """Return a step's milliseconds without the profiler, and each kind's share of the profiled time in percent."""
    from benchmarks.throughput.training_steps import n_steps_of, steps_of
    from convstudy.engine.settings import repeatable
    from convstudy.networks.modules.dropout import BitsDropout

    n_steps = n_steps_of(network)
    steps = steps_of(network, n_steps, precision=precision)
    with repeatable(1):
        for _ in range(2):
            steps()
        plain = median(sorted(_seconds(steps) for _ in range(TAKEN_FOR_EACH * n_repeats))[:n_repeats])
        # Its bits are drawn by numpy, of which the profiler knows nothing: the range around it does.
        for module in steps.model.modules():
            if isinstance(module, BitsDropout):
                _mark(module)
        taken = sorted((_profiled(steps) for _ in range(TAKEN_FOR_EACH * n_repeats)), key=lambda one: one[0])
    kept = [found for _, found in taken[:n_repeats]]
    return 1e3 * plain / n_steps, {kind: median(found[kind] for found in kept) for kind in (*KINDS, REST)}


def peak(precision: str, n_repeats: int) -> float:
    """Return the operations a second of big matrix products at their fastest, on one thread."""
    import torch

    kind = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    left, right = (torch.randn(SIZE, SIZE).to(kind) for _ in range(2))
    product = torch.empty(SIZE, SIZE, dtype=kind)

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
    """Return the seconds of the steps under the profiler, and the share of each kind in percent."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        seconds = _seconds(steps)
    spent: Counter[str] = Counter()
    for kernel in profile.key_averages():
        spent[KIND_OF.get(kernel.key, REST)] += kernel.self_cpu_time_total / 1e6
    spent[REST] = seconds - sum(spent[kind] for kind in KINDS)
    return seconds, {kind: 100 * spent[kind] / seconds for kind in (*KINDS, REST)}


def _mark(module: Any) -> None:
    """Put a range named dropout around a module's forward pass."""
    import torch

    forward = module.forward

    def marked(values: Any) -> Any:
        with torch.profiler.record_function("dropout"):
            return forward(values)

    module.forward = marked


def main() -> None:
    """Print the table."""
    start_as_worker()
    from benchmarks.parts.formats import fast_format
    from benchmarks.throughput.throughput import flops_of
    from benchmarks.throughput.training_steps import BATCH_SIZE, NETWORKS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--precision", default=fast_format(), choices=("float32", "bfloat16"))
    parser.add_argument("--repeats", type=at_least(1), default=9)
    asked = parser.parse_args()
    peaks, found = [], {}
    for name in asked.networks:
        peaks.append(peak(asked.precision, asked.repeats))
        found[name] = shares(name, asked.precision, asked.repeats)
    at_most = max(peaks)
    # Of the peak: the whole step, and the kernels that do the arithmetic.
    whole, alone = [], []
    for name, (milliseconds, each) in found.items():
        share = 1e5 * BATCH_SIZE * flops_of(name) / milliseconds / at_most
        whole.append(f"{share:.0f} %")
        alone.append(f"{100 * share / sum(each[kind] for kind in ARITHMETIC):.0f} %")
    print(f"| {asked.precision} | {' | '.join(found)} |\n|---|{'---:|' * len(found)}")
    print(f"| a step of {BATCH_SIZE} images | {' | '.join(f'{step:.1f} ms' for step, _ in found.values())} |")
    print(f"| of the peak, the whole step | {' | '.join(whole)} |")
    print(f"| of the peak, its convolutions and matrix products | {' | '.join(alone)} |")
    for kind in (*KINDS, REST):
        print(f"| {kind} | {' | '.join(f'{each[kind]:.0f} %' for _, each in found.values())} |")
    print(f"\nmatrix products, {asked.precision}, one thread: {at_most / 1e9:,.0f} GFLOP/s")


if __name__ == "__main__":
    main()
