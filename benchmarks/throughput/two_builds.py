"""Compare whole training steps of this checkout with those of another one, alternating in one run.

BASE is a folder with another commit, for example from ``git worktree add BASE COMMIT``; ``make bench-engine`` exports
one. Each build trains in its own processes with its own ``src`` and its own ``benchmarks/contenders/ours.py``: one
thread per fit, one fit per core. In each round, each build trains one epoch, and the first one alternates. The ratio is
that of a round::

    python -m benchmarks.throughput.two_builds --base BASE [--rounds 5] [--networks two-conv-7] [--precisions float32]

Before the table, the rates of matrix products in both precisions show which instructions are in use: bfloat16 is faster
than float32 only where the CPU has instructions for it. To measure as on a processor with AVX2 alone, set
``ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 ATEN_CPU_CAPABILITY=avx2``.

``--processor-time`` measures the processor time of each process instead of the time that passes, for a machine with
other load; ``--fits 1`` uses one core. bfloat16 is skipped, with a note, if the CPU emulates it; ``--emulated``
measures it anyway.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from benchmarks.parts.arguments import at_least
from benchmarks.parts.precision import is_emulated, skip_note
from benchmarks.throughput.take_turns import Contender, run_rounds, start, steps_of_a_turn
from convstudy.cores import n_cores
from convstudy.run.executors.processes import KEEP_BLOCKS

HOME = Path(__file__).parents[2]
NETWORKS = ("two-conv-3", "two-conv-5", "two-conv-7", "two-conv-11", "five-conv", "six-conv")
PRECISIONS = ("float32", "bfloat16")
INSPECT = (
    "import json, convstudy; from convstudy.run.executors.processes import KEEP_BLOCKS as kept;"
    "print(json.dumps([convstudy.__file__, kept]))"
)
FLOPS_OF_A_PRODUCT = 2 * 1024**3


@dataclass(frozen=True)
class Comparison:
    """The images per second of both builds on one network, by round."""

    network: str
    precision: str
    n_steps: int
    base: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def row(self) -> str:
        """The table row."""
        ratios = [ours / base for ours, base in zip(self.ours, self.base, strict=True)]
        return (
            f"| {self.network} | {self.precision} | {spread(self.base)} | {spread(self.ours)} "
            f"| {spread(ratios, 2)} | {self.n_steps} |"
        )


HEAD = (
    "| network | precision | base: images per second, median (min to max) | this build "
    "| ratio: median (min to max) | steps of a turn |\n|---|---|---:|---:|---:|---:|"
)


def spread(values: Sequence[float], decimals: int = 0) -> str:
    """Return "median (min to max)"."""
    middle, low, high = (f"{value:,.{decimals}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def build_environment(folder: Path) -> Mapping[str, str]:
    """Return the environment of a worker of the build in this folder.

    Raises:
        SystemExit: if the folder has no build, or if Python imports another one.
    """
    environment = {"PYTHONPATH": str(folder / "src")}
    done = subprocess.run(
        [sys.executable, "-c", INSPECT], capture_output=True, text=True, env={**os.environ, **environment}
    )
    if done.returncode or not (folder / "benchmarks" / "contenders" / "ours.py").is_file():
        raise SystemExit(f"--base must be a folder with another commit of convstudy; got {folder}.")
    path, kept = json.loads(done.stdout)
    if not Path(path).is_relative_to(folder):
        raise SystemExit(f"Python imports {path} instead of the build in {folder}.")
    return {**kept, **environment}


def commit_of(folder: Path) -> str:
    """Return the commit of a folder, with "changed" if files differ from it; "" outside git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    if git("rev-parse", "--show-toplevel") != str(folder):
        return ""  # an exported folder inside another repository
    return git("rev-parse", "--short", "HEAD") + (", changed" if git("status", "--porcelain", "src") else "")


def peak(precision: str, n_fits: int, processor_clock: bool) -> float:
    """Return the FLOP/s of products of 1,024 × 1,024 matrices, of all processes together, one thread each."""
    # An emulated product takes seconds.
    n_products, n_rounds = (1, 1) if is_emulated(precision) else (30, 5)
    products = Contender(
        "matrix products", "peak.py", precision, environment=KEEP_BLOCKS, processor_clock=processor_clock
    )
    running = start(products, sys.executable, "two-conv-3", n_products, n_fits, 1)
    try:
        run_rounds([running], n_rounds)
    finally:
        running.stop()
    return median(running.rates) * n_products * FLOPS_OF_A_PRODUCT


def compare(
    builds: Sequence[Contender], network: str, n_steps: int, n_fits: int, n_rounds: int
) -> Comparison:
    """Let both builds train in turn."""
    running = [start(each, sys.executable, network, n_steps, n_fits, 1) for each in builds]
    try:
        run_rounds(running, n_rounds)
    finally:
        for each in running:
            each.stop()
    base, ours = (each.images_per_second for each in running)
    return Comparison(network, builds[0].precision, n_steps, base, ours)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True, help="a folder with another commit")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), metavar="NAME")
    parser.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS)
    parser.add_argument("--rounds", type=at_least(1), default=5)
    parser.add_argument("--fits", type=at_least(1), default=n_cores(), help="fits at once, one thread each")
    parser.add_argument("--seconds", type=float, default=2.0, help="about the length of a turn of the base")
    parser.add_argument("--processor-time", action="store_true", help="measure processor time")
    parser.add_argument("--emulated", action="store_true", help="measure bfloat16 even if it is emulated")
    parser.add_argument("--json", type=Path, help="write the rows to this file after each network")
    arguments = parser.parse_args()
    folders = {"base": arguments.base.resolve(), "this build": HOME}
    environments = {name: build_environment(folder) for name, folder in folders.items()}
    for name, folder in folders.items():
        print(f"{name}: {commit_of(folder) or folder}")
    clock = "processor time" if arguments.processor_time else "time that passes"
    print(f"{arguments.fits} fits at once, one thread each, {arguments.rounds} rounds, {clock}\n")
    peaks = {each: peak(each, arguments.fits, arguments.processor_time) for each in PRECISIONS}
    rates = ", ".join(f"{peaks[each] / 1e9:,.0f} GFLOP/s in {each}" for each in PRECISIONS)
    print(f"matrix products: {rates}; torch uses {torch.backends.cpu.get_cpu_capability()}\n", flush=True)
    found: list[Comparison] = []
    for precision in arguments.precisions:
        if is_emulated(precision) and not arguments.emulated:
            print(skip_note(precision), end="\n\n")
            continue
        rate = peaks[precision] / arguments.fits
        builds = [
            Contender(
                name,
                str(folder / "benchmarks" / "contenders" / "ours.py"),
                precision,
                environment=environments[name],
                processor_clock=arguments.processor_time,
            )
            for name, folder in folders.items()
        ]
        for network in arguments.networks:
            n_steps = steps_of_a_turn(network, rate, precision, arguments.seconds)
            found.append(compare(builds, network, n_steps, arguments.fits, arguments.rounds))
            print(found[-1].row, file=sys.stderr, flush=True)
            if arguments.json:
                content = json.dumps([asdict(each) for each in found], indent=1)
                arguments.json.write_text(content + "\n", encoding="utf-8")
    print("\n".join([HEAD, *(each.row for each in found)]))


if __name__ == "__main__":
    main()
