"""Training throughput of convstudy and its peers, side by side: images a second on all cores of this machine.

Every contender (``contenders/``) lies ready in processes of its own, and they take turns, round by round: one epoch of
batches of 100 each. Each is run as one fit with all cores' threads and as one fit a core with one thread each; the
better counts, and a second table has both. Peers come from another environment::

    make .venv-peers/.installed
    python -m benchmarks.throughput.throughput --peers .venv-peers/bin/python [--rounds 5] [--json FILE]

What would be emulated is skipped, and the output says so: bfloat16 where the processor has no instructions for it, or
may not use them (``ONEDNN_MAX_CPU_ISA`` and others). ``--emulated`` measures it all the same.

A network's rows are on stderr, and in the file of ``--json``, as soon as it has been measured.
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
from benchmarks.parts.formats import emulated, skipped
from convstudy.run.executors.processes import KEEP_BLOCKS

CONTENDERS = Path(__file__).parents[1] / "contenders"
CORES = os.cpu_count() or 1
BATCH_SIZE = 100
# Batches of a turn: about as many seconds for each network.
STEPS = {"two-conv-3": 60, "two-conv-7": 40, "five-conv": 60, "six-conv": 12}
PEAK_STEPS = 400
REFERENCE = "Keras"


@dataclass(frozen=True)
class Contender:
    """A program that trains: ``script`` and its variant.

    ``peer`` tells whether it runs in the peers' Python. ``environment`` is what it finds set beside its number of
    threads: convstudy the allocator's settings of its workers, peers nothing, as they come.
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
class Seat:
    """A contender lying ready, as ``n_processes`` of ``threads`` threads; ``rates`` are turns a second by round."""

    contender: Contender
    n_processes: int
    threads: int
    processes: list[subprocess.Popen[str]]
    rates: list[float] = field(default_factory=list)

    def turn(self) -> None:
        """Train an epoch in all processes at once; note how many epochs a second that is."""
        for process in self.processes:
            print("go", file=process.stdin, flush=True)
        self.rates.append(sum(1 / float(_line(process)) for process in self.processes))

    def leave(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Row:
    """What one contender came to on one network, as ``n_processes`` of ``threads`` threads each."""

    network: str
    contender: str
    n_processes: int
    threads: int
    images_a_second: tuple[float, ...]

    @property
    def typical(self) -> float:
        """The median over rounds."""
        return median(self.images_a_second)

    @property
    def way(self) -> str:
        """How many fits at once, of how many threads."""
        return f"{self.n_processes} × {self.threads}"

    @property
    def spread(self) -> str:
        """Median and range over rounds, in words."""
        return f"{self.typical:,.0f} ({min(self.images_a_second):,.0f} to {max(self.images_a_second):,.0f})"


def seat(
    contender: Contender, python: str, network: str, n_steps: int, n_processes: int, threads: int
) -> Seat:
    """Start a contender and wait until it is warm."""
    # Not what this process happens to have: glibc reads these, and a peer must not.
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
    return Seat(contender, n_processes, threads, processes)


def measure(
    contenders: Sequence[Contender], peers: str, network: str, n_steps: int, n_images: int, n_rounds: int
) -> list[Row]:
    """Let contenders take turns on one network; return a row for each way of each."""
    ways = [(1, CORES)] if CORES == 1 else [(1, CORES), (CORES, 1)]
    seats = take_turns(contenders, peers, network, n_steps, ways, n_rounds)
    return [
        Row(
            network,
            one.contender.name,
            one.n_processes,
            one.threads,
            tuple(rate * n_images for rate in one.rates),
        )
        for one in seats
    ]


def take_turns(
    contenders: Sequence[Contender],
    peers: str,
    network: str,
    n_steps: int,
    ways: Sequence[tuple[int, int]],
    n_rounds: int,
) -> list[Seat]:
    """Let contenders take turns on one network, each in all ways: so many processes of so many threads."""
    seats: list[Seat] = []
    try:
        for contender in contenders:
            python = peers if contender.peer else sys.executable
            for way in ways:
                seats.append(seat(contender, python, network, n_steps, *way))
        for number in range(n_rounds):
            # Another one begins each round, so that nobody always follows the same neighbour.
            for place in range(len(seats)):
                seats[(place + number) % len(seats)].turn()
    finally:
        for one in seats:
            one.leave()
    return seats


def measured(contenders: Sequence[Contender], with_emulated: bool) -> tuple[list[Contender], str]:
    """Return the contenders to measure, and the line that names those that are skipped; "" where there are none."""
    kept = [each for each in contenders if with_emulated or not emulated(each.variant)]
    names = ", ".join(f'"{each.name}"' for each in contenders if each not in kept)
    return kept, skipped(names) if names else ""


def better_ways(rows: Sequence[Row]) -> list[Row]:
    """Return the better way of each contender on each network, by its median, in the order of the rows."""
    best: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = row.network, row.contender
        best[key] = max(best.get(key, row), row, key=lambda each: each.typical)
    return list(best.values())


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"a contender ended: {process.args}")
    return line.strip()


def table(rows: Sequence[Row], peaks: Sequence[Row]) -> str:
    """Return a Markdown table: the better way of each contender, beside Keras and beside what the machine can do.

    "× Keras at its best" divides by Keras' best round, whichever way it ran: its rounds spread more than the others'.
    """
    peak = {row.contender.rpartition(" ")[2]: row.typical for row in better_ways(peaks)}
    lines = [
        "| network | contender | fits × threads | images a second: median (min to max) | × Keras "
        "| × Keras at its best | share of the peak |\n|---|---|---|---|---|---|---|"
    ]
    better = better_ways(rows)
    for row in better:
        keras = next(
            (r.typical for r in better if r.network == row.network and r.contender == REFERENCE), None
        )
        at_best = max(
            (max(r.images_a_second) for r in rows if r.network == row.network and r.contender == REFERENCE),
            default=None,
        )
        ratios = " | ".join(f"{row.typical / each:.2f}" if each else "" for each in (keras, at_best))
        kind = "bfloat16" if "bfloat16" in row.contender else "float32"
        share = ""
        if peak and "convstudy" in row.contender:
            share = f"{100 * row.typical * flops_of(row.network) / peak[kind]:.0f} %"
        lines.append(f"| {row.network} | {row.contender} | {row.way} | {row.spread} | {ratios} | {share} |")
    for row in better_ways(peaks):
        lines += ["", f"{row.contender}: {row.typical / 1e9:,.0f} GFLOP/s"]
    return "\n".join(lines)


def ways_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table: one fit on all cores beside a fit a core, round by round; "" where there is one core."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.network, row.contender), []).append(row)
    lines = []
    for (network, contender), both in found.items():
        if len(both) != 2:
            continue
        one, many = both
        if not lines:
            lines.append(
                f"| network | contender | {one.way}: images a second, median (min to max) | {many.way} "
                f"| {many.way} beside {one.way}: median (min to max) |\n|---|---|---|---|---|"
            )
        ratios = [b / a for a, b in zip(one.images_a_second, many.images_a_second, strict=True)]
        lines.append(
            f"| {network} | {contender} | {one.spread} | {many.spread} "
            f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
        )
    return "\n".join(lines)


def flops_of(network: str) -> int:
    """Return the floating-point operations of training on one image: forward, and twice as much backward."""
    from benchmarks.contenders.turns import layers
    from convstudy.networks import Network, layer_table

    texts = [" ".join(words) for words in layers(network)]
    return 6 * layer_table(Network.read(texts), (28, 28, 1), 10).macs


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=list(STEPS), choices=list(STEPS))
    names = [contender.name for contender in ALL]
    parser.add_argument(
        "--contenders", nargs="+", default=names, choices=names, metavar="NAME", help=f"of {names}"
    )
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument("--peers", default=sys.executable, help="the Python of the peers' environment")
    parser.add_argument("--json", type=Path, help="written anew after each network")
    parser.add_argument("--emulated", action="store_true", help="measure bfloat16 even where it is emulated")
    arguments = parser.parse_args()
    asked = [contender for contender in ALL if contender.name in arguments.contenders]
    chosen, note = measured(asked, arguments.emulated)
    at_most, peaks_note = measured(PEAKS, arguments.emulated)
    if note or peaks_note:
        print("\n".join(filter(None, (note, peaks_note))), end="\n\n", flush=True)
    flops = PEAK_STEPS * 2 * 1024**3
    peaks = measure(at_most, arguments.peers, "two-conv-3", PEAK_STEPS, flops, arguments.rounds)
    rows: list[Row] = []
    for network in arguments.networks:
        n_steps = STEPS[network]
        found = measure(chosen, arguments.peers, network, n_steps, n_steps * BATCH_SIZE, arguments.rounds)
        rows += found
        print(f"{network} is done:\n{table(found, peaks)}\n", file=sys.stderr, flush=True)
        if arguments.json:
            content = {"rows": [asdict(row) for row in rows], "peaks": [asdict(row) for row in peaks]}
            arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{table(rows, peaks)}\n\n{ways_table(rows)}")


if __name__ == "__main__":
    main()
