"""Search for torch convolutions that write out of bounds, crash, hang, or return wrong values.

Random convolutions run forward and backward under glibc's checking allocator, each in a forked child with one thread.
Each runs twice: limited to AVX2, and with all instructions of this CPU. Needs Linux with glibc 2.34 or newer::

    python -m benchmarks.faults.convolution_faults [--cases 2000] [--seed 0]
    python -m benchmarks.faults.convolution_faults --layers    # with convstudy's layer "conv"
    python -m benchmarks.faults.convolution_faults --groups    # with groups and dilation; combines with --layers

The script prints counts for each kind of convolution. First it checks that the allocator detects a write one byte past
a malloc block and past a tensor. ``--show`` prints the failed cases to stderr; do not commit them.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts.arguments import at_least

CHECKING = {
    "LD_PRELOAD": "libc_malloc_debug.so.0",
    # glibc fills new memory with 0x7f, a huge number in float32 and bfloat16, so reads of uninitialised memory show up.
    "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.perturb=128",
    "OMP_NUM_THREADS": "1",
}
AS_AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
MACHINES = {"limited to AVX2": AS_AVX2, "all instructions": {}}
OUTCOMES = ("right", "wrong values", "heap damage", "crash", "hang", "error")
EXIT = {0: "right", 3: "wrong values", 4: "error", -signal.SIGABRT: "heap damage"}
MAX_SECONDS = 60
MAX_MACS = 10_000_000
# The largest relative error (Euclidean norm) of the output and of each gradient, compared with float64. A bias gradient
# sums tens of thousands of numbers one by one, which costs float32 four digits.
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}
BLIND_SPOTS = """The allocator marks the byte after each block and checks the mark when the block is freed.
It fills new blocks with 0x7f. It does not detect:
- reads outside a block or of uninitialised memory, unless they change a value that is compared with float64;
- writes that miss the mark: before the block, or farther after it;
- writes into another part of the same block: oneDNN divides one block of scratch memory among its arrays;
- writes to blocks that are never freed, and to memory from mmap, such as oneDNN's generated code;
- effects of several threads (each case has one) and of instruction sets that this CPU does not have (AMX)."""


@dataclass(frozen=True)
class Case:
    """A convolution. Sizes are ``(height, width)``; ``layout`` is the memory format of images and weights."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: int
    channels: int
    filters: int
    batch: int
    image: tuple[int, int]
    precision: str
    layout: str
    groups: int = 1
    dilation: int = 1

    @property
    def kind(self) -> str:
        """The row of the table."""
        if self.groups > 1 or self.dilation > 1:
            grouped = (
                "no groups" if self.groups == 1 else "depthwise" if self.groups == self.channels else "groups"
            )
            return f"{grouped}, dilated" if self.dilation > 1 else grouped
        if self.kernel == (1, 1):
            n_strided = sum(stride > 1 for stride in self.stride)
            return ("1 × 1, stride 1", "1 × 1, strided along one axis", "1 × 1, strided")[n_strided]
        if any(stride > kernel for stride, kernel in zip(self.stride, self.kernel, strict=True)):
            return "larger, stride above the kernel size"
        return "1 × n" if 1 in self.kernel else "larger"


def drawn(seed: int, number: int, layers: bool) -> Case:
    """Return the case with this seed and number. With ``layers``, kernel and stride are square."""
    random = np.random.default_rng([seed, number])

    def integer(smallest: int, largest: int) -> int:
        return int(random.integers(smallest, largest, endpoint=True))

    kernel, stride = [integer(1, 11)] * 2, [integer(1, 3)] * 2
    channels, filters, batch, chance = integer(1, 64), integer(1, 64), integer(1, 100), random.random(4)
    if chance[0] < 0.25 and not layers:
        kernel[integer(0, 1)] = integer(1, 11)
    if chance[1] < 0.25 and not layers:
        stride[integer(0, 1)] = integer(1, 3)
    padding = integer(0, min(kernel) // 2)
    image = [side + integer(0, 32) for side in kernel]
    while True:
        places = [(i + 2 * padding - k) // s + 1 for i, k, s in zip(image, kernel, stride, strict=True)]
        if batch * channels * filters * np.prod(kernel) * np.prod(places) <= MAX_MACS:
            break
        if image == kernel:
            batch, padding = max(1, batch // 2), padding if batch > 1 else 0
        image = [max(k, i - 1 - i // 8) for i, k in zip(image, kernel, strict=True)]
    return Case(
        (kernel[0], kernel[1]),
        (stride[0], stride[1]),
        padding,
        channels,
        filters,
        batch,
        (image[0], image[1]),
        "bfloat16" if chance[2] < 0.25 else "float32",
        "contiguous" if chance[3] < 0.25 else "channels last",
    )


def drawn_with_groups(seed: int, number: int) -> Case:
    """Return a square case with groups, dilation, or both. A third of the cases is depthwise.

    The image is up to 30 rows and 60 columns larger than the dilated kernel.
    """
    random = np.random.default_rng([seed, number, 1])

    def integer(smallest: int, largest: int) -> int:
        return int(random.integers(smallest, largest, endpoint=True))

    kernel = integer(1, 7)
    dilation = integer(2, 4) if kernel > 1 and random.random() < 0.7 else 1
    kind = integer(0, 2) if dilation > 1 else integer(1, 2)
    groups = (1, integer(2, 8), integer(2, 64))[kind]
    channels, filters = ((integer(1, 64), integer(1, 64)), (groups * integer(2, 8), groups * integer(1, 8)))[
        min(kind, 1)
    ]
    if kind == 2:
        channels, filters = groups, groups * integer(1, 3)
    stride, batch, size = integer(1, 3), integer(1, 20), dilation * (kernel - 1) + 1
    image = (size + integer(0, 30), size + integer(0, 60))
    places = (image[0] // stride) * (image[1] // stride)
    while batch > 1 and batch * channels * filters // groups * kernel**2 * places > MAX_MACS:
        batch //= 2
    return Case(
        (kernel, kernel),
        (stride, stride),
        0,
        channels,
        filters,
        batch,
        image,
        "bfloat16" if random.random() < 0.5 else "float32",
        "contiguous" if random.random() < 0.25 else "channels last",
        groups,
        dilation,
    )


def module_of(case: Case, layers: bool) -> Any:
    """Return torch's convolution, or convstudy's layer, with initial weights."""
    import torch

    if not layers:
        return torch.nn.Conv2d(
            case.channels, case.filters, case.kernel, case.stride, case.padding, case.dilation, case.groups
        )
    from convstudy.networks import read_layer

    padding = "same" if case.padding else "valid"
    sizes = f"stride={case.stride[0]} padding={padding} groups={case.groups} dilation={case.dilation}"
    layer = read_layer(f"conv {case.filters} {case.kernel[0]} {sizes}")
    return layer.module((*case.image, case.channels), torch.Generator().manual_seed(1))


def computed(module: Any, images: Any, weighing: Any, half: bool) -> list[Any]:
    """Return the output and the gradients of images and weights, converted to float64.

    Args:
        module: the convolution.
        images: the input, ``(n, channels, height, width)``.
        weighing: the gradient of the output; ``None`` for a fixed pattern.
        half: whether to compute in bfloat16.
    """
    import torch

    images = images.clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        output = module(images)
    if weighing is None:
        weighing = torch.linspace(-1, 2, output.numel()).sin().view(output.shape)
    output.backward(weighing.to(output))
    values = (output, images.grad, *(parameter.grad for parameter in module.parameters()))
    return [value.detach().double() for value in values]


def compute(case: Case, layers: bool) -> int:
    """Compute a case; return the exit status of the child: 0, or 3 if it differs from float64."""
    import torch

    torch.manual_seed(1)
    layout = torch.channels_last if case.layout == "channels last" else torch.contiguous_format
    module = module_of(case, layers).to(memory_format=layout)
    reference = copy.deepcopy(module).double()
    images = torch.randn(case.batch, case.channels, *case.image).to(memory_format=layout)
    found = computed(module, images, None, case.precision == "bfloat16")
    # float64 does not use oneDNN.
    expected = computed(reference, images.double(), None, half=False)
    for ours, theirs in zip(found, expected, strict=True):
        error = float((ours - theirs).norm() / theirs.norm().clamp_min(1e-12))
        if not error < TOLERANCE[case.precision]:
            return 3
    return 0


def past_a_block() -> int:
    """Change the byte after a malloc block and free it. Returns only if the allocator does not detect it."""
    # Python's own malloc and free use the checking allocator; ctypes would find those of libc, which check nothing.
    python = ctypes.pythonapi
    python.PyMem_RawMalloc.restype, python.PyMem_RawMalloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    python.PyMem_RawFree.argtypes = [ctypes.c_void_p]
    block = python.PyMem_RawMalloc(1000)
    ctypes.c_ubyte.from_address(block + 1000).value ^= 0xFF
    python.PyMem_RawFree(block)
    return 0


def past_a_tensor(n_bytes: int) -> int:
    """Change the byte after a tensor and free it. Returns only if the allocator does not detect it."""
    import torch

    tensor = torch.zeros(n_bytes, dtype=torch.uint8)
    ctypes.c_ubyte.from_address(tensor.data_ptr() + n_bytes).value ^= 0xFF
    del tensor
    return 0


# The last tensor is larger than glibc's mmap threshold.
SELF_TESTS: dict[str, Callable[[], int]] = {
    "a malloc block": past_a_block,
    "a tensor of 1,000 bytes": lambda: past_a_tensor(1000),
    "a tensor of 5,000,000 bytes": lambda: past_a_tensor(5_000_000),
}


def forked(work: Callable[[], int]) -> str:
    """Run a function in a forked child; return the outcome of the child."""
    child = os.fork()
    if not child:
        status = 4
        try:
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, 1)
            os.dup2(devnull, 2)
            status = work()
        finally:
            os._exit(status)
    deadline = time.monotonic() + MAX_SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return EXIT.get(os.waitstatus_to_exitcode(status), "crash")
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"


def run_cases(seed: int, n_cases: int, layers: bool, groups: bool) -> None:
    """Run the self-tests and the cases; print a line of JSON for each, which the main process reads."""
    import torch

    torch.set_num_threads(1)  # no threads before a fork: the child would not have them
    # Trigger the lazy imports of torch and convstudy before the forks; float64 does not use oneDNN.
    first = module_of(Case((3, 3), (1, 1), 0, 1, 1, 1, (5, 5), "float32", "contiguous"), layers).double()
    computed(first, torch.ones(1, 1, 5, 5, dtype=torch.float64), None, half=False)
    for name, self_test in SELF_TESTS.items():
        print(json.dumps([name, forked(self_test), None]), flush=True)
    for number in range(n_cases):
        case = drawn_with_groups(seed, number) if groups else drawn(seed, number, layers)
        outcome = forked(lambda case=case: compute(case, layers))  # type: ignore[misc]
        print(json.dumps([case.kind, outcome, asdict(case)]), flush=True)


def outcomes(limits: dict[str, str], options: argparse.Namespace) -> Iterator[tuple[str, str, Any]]:
    """Yield (kind, outcome, case) from a process with the checking allocator; a self-test has no case."""
    module = "benchmarks.faults.convolution_faults"
    command = [
        sys.executable,
        "-m",
        module,
        "--work",
        "--cases",
        str(options.cases),
        "--seed",
        str(options.seed),
    ]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    with subprocess.Popen(
        [*command, *(["--layers"] if options.layers else []), *(["--groups"] if options.groups else [])],
        env={**inherited, **CHECKING, **limits},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield tuple(json.loads(line))
    if process.returncode:
        raise SystemExit(f"the process with the checking allocator ended with {process.returncode}")


def count_table(machine: str, limits: dict[str, str], options: argparse.Namespace) -> str:
    """Return the counts of all cases as a Markdown table.

    Args:
        machine: a key of ``MACHINES``.
        limits: environment variables that limit the instruction set.
        options: the command line.
    """
    counts: dict[str, Counter[str]] = {}
    for kind, outcome, case in outcomes(limits, options):
        if case is None:
            if outcome != "heap damage":
                raise SystemExit(
                    f"The allocator did not detect a write one byte past {kind}. "
                    "It needs libc_malloc_debug.so.0 of glibc."
                )
            continue
        counts.setdefault(kind, Counter())[outcome] += 1
        if (done := sum(map(Counter.total, counts.values()))) % 200 == 0:
            print(f"{machine}: {done} of {options.cases} cases", file=sys.stderr, flush=True)
        if options.show and outcome != "right":
            print(outcome, case, file=sys.stderr, flush=True)
    lines = [
        f"| {machine}: kernel | cases | {' | '.join(OUTCOMES)} |",
        "|---|" + "---:|" * (len(OUTCOMES) + 1),
    ]
    for kind, found in [*sorted(counts.items()), ("all", sum(counts.values(), Counter()))]:
        lines.append(f"| {kind} | {found.total()} | {' | '.join(str(found[each]) for each in OUTCOMES)} |")
    return "\n".join(lines)


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=at_least(1), default=2000)
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument(
        "--layers", action="store_true", help="use convstudy's layer instead of torch's module"
    )
    parser.add_argument("--groups", action="store_true", help="convolutions with groups and dilation")
    parser.add_argument("--show", action="store_true", help="print the failed cases to stderr")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        run_cases(options.seed, options.cases, options.layers, options.groups)
        return
    import torch

    module = "the layer of convstudy" if options.layers else "torch.nn.Conv2d"
    print(f"{module}, torch {torch.__version__}, {cpu()}, seed {options.seed}\n")
    with ThreadPoolExecutor() as pool:  # both at once; each thread waits for its process
        for table in pool.map(count_table, MACHINES, MACHINES.values(), repeat(options)):
            print(table, end="\n\n", flush=True)
    print(
        f"The allocator detected a write one byte past each of these: {', '.join(SELF_TESTS)}.\n{BLIND_SPOTS}"
    )


if __name__ == "__main__":
    main()
