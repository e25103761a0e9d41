"""Compare the training throughput of convstudy, Keras, PyTorch, skorch and Lightning on all cores of this machine.

Each contender (``contenders/``) runs in its own processes. In each round, every contender trains one epoch of batches
of 100, one contender after the other. There are two layouts: one fit per core with one thread each, and one fit with a
thread per core. The first table has the faster layout, the second table compares the two. The peers have their own
environment::

    make .venv-peers/.installed
    python -m benchmarks.throughput.throughput --peers .venv-peers/bin/python [--rounds 5] [--json FILE]

The script takes ten minutes on any CPU (``--minutes``). The number of batches of an epoch depends on the measured
rate of matrix products. Each network gets an equal part of the time. If that ends, the remaining rounds of the network
are skipped, and the output names the network and its number of rounds; at least two rounds are measured. The first
round is not counted, because Keras is slow in it. By default, only convstudy and Keras run in both layouts; ``--layouts
both`` measures both for all contenders. Peers that are not installed are skipped, with a note.

Contenders in bfloat16 are skipped, with a note, if the CPU has no instructions for it or if they are disabled
(``ONEDNN_MAX_CPU_ISA`` and others). ``--emulated`` measures them anyway.

After each network, its rows are printed to stderr and written to the file of ``--json``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.parts.arguments import at_least
from benchmarks.parts.precision import is_emulated, skip_note
from benchmarks.throughput.take_turns import (
    BATCH_SIZE,
    Contender,
    Running,
    flops_of,
    run_rounds,
    start,
    steps_of_a_turn,
)
from convstudy.cores import n_cores
from convstudy.run.executors.processes import KEEP_BLOCKS

CORES = n_cores()
# The other kernels of two-conv are measured on request.
NETWORKS = ("two-conv-2", "two-conv-3", "two-conv-5", "two-conv-7", "two-conv-11", "five-conv", "six-conv")
DEFAULT_NETWORKS = ("two-conv-3", "two-conv-7", "five-conv", "six-conv")
TURN_SECONDS = 1.2
MIN_ROUNDS = 2
PRODUCTS = 60
FLOPS_OF_A_PRODUCT = 2 * 1024**3
REFERENCE = "Keras"


ALL = (
    Contender("convstudy, bfloat16", "ours.py", "bfloat16", environment=KEEP_BLOCKS),
    Contender("convstudy, float32", "ours.py", "float32", environment=KEEP_BLOCKS),
    Contender(REFERENCE, "keras_fit.py", peer=True),
    Contender("Keras, mixed_bfloat16", "keras_fit.py", "mixed_bfloat16", peer=True),
    Contender("PyTorch, DataLoader", "plain_torch.py", peer=True),
    Contender("skorch", "skorch_fit.py", peer=True),
    Contender("Lightning", "lightning_fit.py", peer=True),
)
# The framework of each peer.
MODULES = {
    "keras_fit.py": "keras",
    "plain_torch.py": "torch",
    "skorch_fit.py": "skorch",
    "lightning_fit.py": "lightning",
}
PEAKS = (
    Contender("matrix products, bfloat16", "peak.py", "bfloat16", environment=KEEP_BLOCKS),
    Contender("matrix products, float32", "peak.py", "float32", environment=KEEP_BLOCKS),
)


@dataclass(frozen=True)
class Row:
    """The rates of one contender on one network with ``n_processes`` processes of ``threads`` threads, by round."""

    network: str
    contender: str
    n_processes: int
    threads: int
    images_per_second: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.images_per_second)

    @property
    def layout(self) -> str:
        """The cell "fits × threads"."""
        return f"{self.n_processes} × {self.threads}"

    @property
    def spread(self) -> str:
        """The cell "median (min to max)"."""
        return (
            f"{self.median:,.0f} ({min(self.images_per_second):,.0f} to {max(self.images_per_second):,.0f})"
        )


@dataclass(frozen=True)
class Budget:
    """The number of rounds, and the time after which no further round starts."""

    n_rounds: int
    seconds: float = float("inf")


def measure(starting: Sequence[Running], network: str, images_of_a_step: float, budget: Budget) -> list[Row]:
    """Let started contenders take turns, stop them, and return a row for each.

    Args:
        starting: the contenders, which may still warm up.
        network: the network.
        images_of_a_step: the number of images of a step; for matrix products, their FLOPs.
        budget: the number of rounds and the time.
    """
    try:
        run_rounds(starting, budget.n_rounds, budget.seconds, MIN_ROUNDS, n_uncounted=1)
    finally:
        for each in starting:
            each.stop()
    return [
        Row(
            network,
            each.contender.name,
            each.n_processes,
            each.threads,
            tuple(rate * each.n_steps * images_of_a_step for rate in each.rates),
        )
        for each in starting
    ]


def measure_peaks(contenders: Sequence[Contender], n_rounds: int) -> list[Row]:
    """Measure matrix products with one thread per core in one process, and in a process per core."""
    # An emulated product takes seconds.
    starting = [
        start(
            each, sys.executable, DEFAULT_NETWORKS[0], 1 if is_emulated(each.variant) else PRODUCTS, *layout
        )
        for each in contenders
        for layout in layouts_of(each, True)
    ]
    return measure(starting, "", FLOPS_OF_A_PRODUCT, Budget(n_rounds))


def layouts_of(contender: Contender, both: bool) -> list[tuple[int, int]]:
    """Return the layouts of a contender as (number of processes, threads of each)."""
    compared = both or contender.name.startswith(("convstudy", REFERENCE))
    return [(1, CORES), (CORES, 1)] if CORES > 1 and compared else [(CORES, 1)]


def start_all(
    contenders: Sequence[Contender], peers: str, network: str, peaks: Mapping[str, float], both: bool
) -> list[Running]:
    """Start contenders on one network, each with epochs of about :data:`TURN_SECONDS`.

    Args:
        contenders: the contenders.
        peers: the Python of the peers.
        network: the network.
        peaks: precision -> FLOP/s of matrix products with one thread.
        both: whether every contender runs in both layouts.
    """
    return [
        start(
            each,
            peers if each.peer else sys.executable,
            network,
            steps_of_a_turn(network, threads * peaks[each.precision], each.precision, TURN_SECONDS),
            n_processes,
            threads,
        )
        for each in contenders
        for n_processes, threads in layouts_of(each, both)
    ]


def shortened(rows: Sequence[Row], n_rounds: int, both: bool) -> str:
    """Return a note about the networks with fewer rounds than requested and about skipped layouts; "" if none."""
    rounds = {row.network: len(row.images_per_second) for row in rows}
    short = [f"{name} ({number})" for name, number in rounds.items() if number < n_rounds]
    notes = []
    if short:
        notes.append(f"Fewer than {n_rounds} rounds, because the time was over: {', '.join(short)}.")
    if not both and CORES > 1:
        notes.append("Only convstudy and Keras also ran as one fit on all cores.")
    return " ".join(notes)


def without_emulated(contenders: Sequence[Contender], with_emulated: bool) -> tuple[list[Contender], str]:
    """Return the contenders to measure, and a note that names the skipped ones ("" if there are none)."""
    kept = [each for each in contenders if with_emulated or not is_emulated(each.variant)]
    names = ", ".join(f'"{each.name}"' for each in contenders if each not in kept)
    return kept, skip_note(names) if names else ""


def without_missing(contenders: Sequence[Contender], python: str) -> tuple[list[Contender], str]:
    """Return the contenders whose framework is installed, and a note that names the others ("" if there are none)."""
    modules = {module for each in contenders if (module := MODULES.get(each.script))}
    code = "import importlib.util as u, sys; print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])"
    done = subprocess.run([python, "-c", code, *modules], capture_output=True, text=True, check=True)
    missing = done.stdout.split()
    kept = [each for each in contenders if MODULES.get(each.script) not in missing]
    return kept, f"Skipped, because they are not installed: {', '.join(sorted(missing))}." if missing else ""


def faster_layouts(rows: Sequence[Row]) -> list[Row]:
    """Return the row with the higher median for each contender and network, in the order of the rows."""
    best: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = row.network, row.contender
        best[key] = max(best.get(key, row), row, key=lambda each: each.median)
    return list(best.values())


def table(rows: Sequence[Row], peaks: Sequence[Row]) -> str:
    """Return a Markdown table of the faster layout of each contender, compared with Keras and with the peak.

    The column "× Keras' best round" divides by the fastest round of Keras in either layout, because the rounds of Keras
    vary more than those of the others.
    """
    peak = {row.contender.rpartition(" ")[2]: row.median for row in faster_layouts(peaks)}
    lines = [
        "| network | contender | fits × threads | images per second: median (min to max) | × Keras "
        "| × Keras' best round | % of peak |\n|---|---|---|---|---|---|---|"
    ]
    faster = faster_layouts(rows)
    for row in faster:
        keras = next(
            (r.median for r in faster if r.network == row.network and r.contender == REFERENCE), None
        )
        best_round = max(
            (max(r.images_per_second) for r in rows if r.network == row.network and r.contender == REFERENCE),
            default=None,
        )
        ratios = " | ".join(f"{row.median / each:.2f}" if each else "" for each in (keras, best_round))
        precision = "bfloat16" if "bfloat16" in row.contender else "float32"
        of_peak = ""
        if peak and "convstudy" in row.contender:
            of_peak = f"{100 * row.median * flops_of(row.network) / peak[precision]:.0f} %"
        lines.append(
            f"| {row.network} | {row.contender} | {row.layout} | {row.spread} | {ratios} | {of_peak} |"
        )
    for row in faster_layouts(peaks):
        lines += ["", f"{row.contender}: {row.median / 1e9:,.0f} GFLOP/s"]
    return "\n".join(lines)


def layouts_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table that compares the two layouts round by round; "" on a machine with one core."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.network, row.contender), []).append(row)
    lines: list[str] = []
    for (network, contender), both in found.items():
        if len(both) != 2:
            continue
        one, many = both
        if not lines:
            lines.append(
                f"| network | contender | {one.layout}: images per second, median (min to max) | {many.layout} "
                f"| ratio: median (min to max) |\n|---|---|---|---|---|"
            )
        ratios = [b / a for a, b in zip(one.images_per_second, many.images_per_second, strict=True)]
        lines.append(
            f"| {network} | {contender} | {one.spread} | {many.spread} "
            f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=list(DEFAULT_NETWORKS), choices=list(NETWORKS))
    names = [contender.name for contender in ALL]
    parser.add_argument(
        "--contenders", nargs="+", default=names, choices=names, metavar="NAME", help=f"some of {names}"
    )
    parser.add_argument("--rounds", type=at_least(1), default=5, help="the largest number of rounds")
    parser.add_argument("--minutes", type=float, default=9.0, help="start no round after this time")
    parser.add_argument("--layouts", choices=("usual", "both"), default="usual")
    parser.add_argument("--peers", default=sys.executable, help="the Python of the peers' environment")
    parser.add_argument("--json", type=Path, help="write the rows to this file after each network")
    parser.add_argument("--emulated", action="store_true", help="measure bfloat16 even if it is emulated")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    chosen = [contender for contender in ALL if contender.name in arguments.contenders]
    contenders, note = without_emulated(chosen, arguments.emulated)
    peak_contenders, peaks_note = without_emulated(PEAKS, arguments.emulated)
    contenders, missing_note = without_missing(contenders, arguments.peers)
    if notes := "\n".join(filter(None, (note, peaks_note, missing_note))):
        print(notes, end="\n\n", flush=True)
    peaks = measure_peaks(peak_contenders, 3)
    rates = {
        "bfloat16" if "bfloat16" in row.contender else "float32": row.median / CORES
        for row in faster_layouts(peaks)
    }
    both = arguments.layouts == "both"
    found: dict[str, list[Row]] = {}
    # The largest network is first: if it takes more than its part of the time, the others get less.
    for network in sorted(arguments.networks, key=flops_of, reverse=True):
        part = (end - time.monotonic()) / (len(arguments.networks) - len(found))
        budget = Budget(arguments.rounds, part)
        starting = start_all(contenders, arguments.peers, network, rates, both)
        found[network] = measure(starting, network, BATCH_SIZE, budget)
        print(f"{network}:\n{table(found[network], peaks)}\n", file=sys.stderr, flush=True)
        if arguments.json:
            content = {
                "rows": [asdict(row) for each in found.values() for row in each],
                "peaks": [asdict(row) for row in peaks],
            }
            arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    rows = [row for network in arguments.networks for row in found[network]]
    parts = table(rows, peaks), layouts_table(rows), shortened(rows, arguments.rounds, both)
    print("\n\n".join(filter(None, parts)))


if __name__ == "__main__":
    main()
