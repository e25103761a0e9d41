"""Compare the training throughput of convstudy, Keras, PyTorch, skorch and Lightning on all cores of this machine.

Each contender (``contenders/``) runs in its own processes. In each round, every contender trains one epoch of batches
of 100, one contender after the other. Each runs in two layouts: one fit with a thread per core, and one fit per core
with one thread each. The first table has the faster layout, the second table has both. The peers have their own
environment::

    make .venv-peers/.installed
    python -m benchmarks.throughput.throughput --peers .venv-peers/bin/python [--rounds 5] [--json FILE]

Contenders in bfloat16 are skipped, with a note, if the CPU has no instructions for it or if they are disabled
(``ONEDNN_MAX_CPU_ISA`` and others). ``--emulated`` measures them anyway.

After each network, its rows are printed to stderr and written to the file of ``--json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.parts.arguments import at_least
from benchmarks.parts.precision import is_emulated, skip_note
from convstudy.run.executors.processes import KEEP_BLOCKS

CONTENDERS = Path(__file__).parents[1] / "contenders"
CORES = os.cpu_count() or 1
BATCH_SIZE = 100
# The number of batches in a turn, chosen so that all networks take a similar time.
STEPS = {"two-conv-3": 60, "two-conv-7": 40, "five-conv": 60, "six-conv": 12}
PEAK_STEPS = 400
REFERENCE = "Keras"


@dataclass(frozen=True)
class Contender:
    """A program that trains.

    Attributes:
        name: the name in the tables.
        script: the file in ``contenders/``.
        variant: the last argument of the script.
        peer: whether it runs in the environment of the peers.
        environment: additional environment variables. convstudy gets the allocator settings of its workers; peers run
            with their defaults.
    """

    name: str
    script: str
    variant: str = ""
    peer: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


ALL = (
    Contender("convstudy, bfloat16", "ours.py", "bfloat16", environment=KEEP_BLOCKS),
    Contender("convstudy, float32", "ours.py", "float32", environment=KEEP_BLOCKS),
    Contender(REFERENCE, "keras_fit.py", peer=True),
    Contender("Keras, mixed_bfloat16", "keras_fit.py", "mixed_bfloat16", peer=True),
    Contender("PyTorch, DataLoader", "plain_torch.py", peer=True),
    Contender("skorch", "skorch_fit.py", peer=True),
    Contender("Lightning", "lightning_fit.py", peer=True),
)
PEAKS = (
    Contender("matrix products, bfloat16", "peak.py", "bfloat16", environment=KEEP_BLOCKS),
    Contender("matrix products, float32", "peak.py", "float32", environment=KEEP_BLOCKS),
)


@dataclass
class Running:
    """A started contender: ``n_processes`` processes of ``threads`` threads; ``rates`` has the turns per second."""

    contender: Contender
    n_processes: int
    threads: int
    processes: list[subprocess.Popen[str]]
    rates: list[float] = field(default_factory=list)

    def train_epoch(self) -> None:
        """Train an epoch in all processes at the same time and add the rate of all together."""
        for process in self.processes:
            print("go", file=process.stdin, flush=True)
        self.rates.append(sum(1 / float(_line(process)) for process in self.processes))

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


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


def start(
    contender: Contender, python: str, network: str, n_steps: int, n_processes: int, threads: int
) -> Running:
    """Start a contender and wait for the end of its warm-up."""
    # glibc reads KEEP_BLOCKS, and start_as_worker may have set them here. Peers run without them.
    inherited = {name: value for name, value in os.environ.items() if name not in KEEP_BLOCKS}
    command = [
        python,
        str(CONTENDERS / contender.script),
        network,
        str(threads),
        str(n_steps),
        contender.variant,
    ]
    processes = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**inherited, "OMP_NUM_THREADS": str(threads), **contender.environment},
        )
        for _ in range(n_processes)
    ]
    for process in processes:
        while _line(process) != "ready":
            pass
    return Running(contender, n_processes, threads, processes)


def measure(
    contenders: Sequence[Contender], peers: str, network: str, n_steps: int, n_images: int, n_rounds: int
) -> list[Row]:
    """Measure contenders on one network in both layouts; return a row for each contender and layout."""
    layouts = [(1, CORES)] if CORES == 1 else [(1, CORES), (CORES, 1)]
    return [
        Row(
            network,
            each.contender.name,
            each.n_processes,
            each.threads,
            tuple(rate * n_images for rate in each.rates),
        )
        for each in take_turns(contenders, peers, network, n_steps, layouts, n_rounds)
    ]


def take_turns(
    contenders: Sequence[Contender],
    peers: str,
    network: str,
    n_steps: int,
    layouts: Sequence[tuple[int, int]],
    n_rounds: int,
) -> list[Running]:
    """Start contenders on one network in all layouts and let them train an epoch each, in turn, ``n_rounds`` times.

    Args:
        contenders: the contenders.
        peers: the Python of the peers.
        network: the network, such as ``two-conv-3``.
        n_steps: the number of batches of an epoch.
        layouts: (number of processes, threads of each).
        n_rounds: the number of rounds.
    """
    running: list[Running] = []
    try:
        for contender in contenders:
            python = peers if contender.peer else sys.executable
            for layout in layouts:
                running.append(start(contender, python, network, n_steps, *layout))
        for number in range(n_rounds):
            # The first one changes from round to round.
            for place in range(len(running)):
                running[(place + number) % len(running)].train_epoch()
    finally:
        for each in running:
            each.stop()
    return running


def without_emulated(contenders: Sequence[Contender], with_emulated: bool) -> tuple[list[Contender], str]:
    """Return the contenders to measure, and a note that names the skipped ones ("" if there are none)."""
    kept = [each for each in contenders if with_emulated or not is_emulated(each.variant)]
    names = ", ".join(f'"{each.name}"' for each in contenders if each not in kept)
    return kept, skip_note(names) if names else ""


def faster_layouts(rows: Sequence[Row]) -> list[Row]:
    """Return the row with the higher median for each contender and network, in the order of the rows."""
    best: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = row.network, row.contender
        best[key] = max(best.get(key, row), row, key=lambda each: each.median)
    return list(best.values())


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"A contender ended early: {process.args!r}")
    return line.strip()


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


def flops_of(network: str) -> int:
    """Return the FLOPs of training on one image. The backward pass has twice the FLOPs of the forward pass."""
    from benchmarks.contenders.turns import layers
    from convstudy.networks import Network, layer_table

    texts = [" ".join(parts) for parts in layers(network)]
    return 6 * layer_table(Network.read(texts), (28, 28, 1), 10).macs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=list(STEPS), choices=list(STEPS))
    names = [contender.name for contender in ALL]
    parser.add_argument(
        "--contenders", nargs="+", default=names, choices=names, metavar="NAME", help=f"some of {names}"
    )
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--peers", default=sys.executable, help="the Python of the peers' environment")
    parser.add_argument("--json", type=Path, help="write the rows to this file after each network")
    parser.add_argument("--emulated", action="store_true", help="measure bfloat16 even if it is emulated")
    arguments = parser.parse_args()
    chosen = [contender for contender in ALL if contender.name in arguments.contenders]
    contenders, note = without_emulated(chosen, arguments.emulated)
    peak_contenders, peaks_note = without_emulated(PEAKS, arguments.emulated)
    if note or peaks_note:
        print("\n".join(filter(None, (note, peaks_note))), end="\n\n", flush=True)
    flops = PEAK_STEPS * 2 * 1024**3
    peaks = measure(peak_contenders, arguments.peers, "two-conv-3", PEAK_STEPS, flops, arguments.rounds)
    rows: list[Row] = []
    for network in arguments.networks:
        n_steps = STEPS[network]
        n_images = n_steps * BATCH_SIZE
        found = measure(contenders, arguments.peers, network, n_steps, n_images, arguments.rounds)
        rows += found
        print(f"{network}:\n{table(found, peaks)}\n", file=sys.stderr, flush=True)
        if arguments.json:
            content = {"rows": [asdict(row) for row in rows], "peaks": [asdict(row) for row in peaks]}
            arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{table(rows, peaks)}\n\n{layouts_table(rows)}")


if __name__ == "__main__":
    main()
