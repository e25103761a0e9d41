"""Where the time of a training step goes: the share of each kind of kernel, network by network.

A few steps of each of the notebook's networks under torch's profiler, with one thread, in bfloat16 unless told, in a
process like a worker's::

    python benchmarks/where_time_goes.py [--precision float32] [--repeats 9]

A kind's share is its time in kernels (without those they call) by the time of all steps; "the rest" belongs to no kind:
Python, and torch's own bookkeeping, which the profiler makes larger.
Three times as many profiles are taken as count, and the fastest third counts, by its median: the profiler's own memory
can get between the tensors', and then each step asks the system for new pages, which it does not without a profiler.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any

from arguments import at_least
from as_worker import start_as_worker

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
TAKEN_FOR_EACH = 3
KIND_OF = {kernel: kind for kind, kernels in KINDS.items() for kernel in kernels}


def shares(network: str, precision: Any, n_repeats: int) -> tuple[float, dict[str, float]]:
    """Return a step's milliseconds without the profiler, and each kind's share of the profiled time in percent."""
    from training_steps import n_steps_of, steps_of

    from convstudy.engine.settings import repeatable
    from convstudy.networks.modules.dropout import BitsDropout

    n_steps = n_steps_of(network)
    steps = steps_of(network, n_steps, precision=precision)
    with repeatable(1):
        for _ in range(2):
            steps()
        plain = median(_seconds(steps) for _ in range(n_repeats))
        # Its bits are drawn by numpy, of which the profiler knows nothing: the range around it does.
        for module in steps.model.modules():
            if isinstance(module, BitsDropout):
                _mark(module)
        taken = sorted((_profiled(steps) for _ in range(TAKEN_FOR_EACH * n_repeats)), key=lambda one: one[0])
    kept = [found for _, found in taken[:n_repeats]]
    return 1e3 * plain / n_steps, {kind: median(found[kind] for found in kept) for kind in (*KINDS, REST)}


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
    from training_steps import NETWORKS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--precision", default="bfloat16", choices=("float32", "bfloat16"))
    parser.add_argument("--repeats", type=at_least(1), default=9)
    asked = parser.parse_args()
    found = {name: shares(name, asked.precision, asked.repeats) for name in asked.networks}
    print(f"| {asked.precision} | {' | '.join(found)} |\n|---|{'---:|' * len(found)}")
    print(f"| a step of 100 images | {' | '.join(f'{step:.1f} ms' for step, _ in found.values())} |")
    for kind in (*KINDS, REST):
        print(f"| {kind} | {' | '.join(f'{each[kind]:.0f} %' for _, each in found.values())} |")


if __name__ == "__main__":
    main()
