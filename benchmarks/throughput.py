"""Training throughput of convstudy and its peers, side by side: images a second on all cores of this machine.

Every contender (``contenders/``) lies ready in processes of its own, and they take turns, round by round: one epoch of
batches of 100 each. Each is run as one fit with all cores' threads and as one fit a core with one thread each; the
better counts. Peers come from another environment::

    make .venv-peers/.installed
    python benchmarks/throughput.py --peers .venv-peers/bin/python [--rounds 5] [--networks five-conv] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

CONTENDERS = Path(__file__).parent / "contenders"
CORES = os.cpu_count() or 1
BATCH_SIZE = 100
# Batches of a turn: about as many seconds for each network.
STEPS = {"two-conv-3": 60, "two-conv-7": 40, "five-conv": 60, "six-conv": 12}
PEAK_STEPS = 400
REFERENCE = "Keras"
# glibc keeps big blocks, as convstudy's own workers have it (run/executors/processes.py); peers run as they come.
KEEP_BLOCKS = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}


@dataclass(frozen=True)
class Contender:
    """A program that trains: ``script`` and its variant; ``peer`` tells whether it runs in the peers' environment."""

    name: str
    script: str
    variant: str = ""
    peer: bool = True


ALL = (
    Contender("convstudy, bfloat16", "ours.py", "bfloat16", peer=False),
    Contender("convstudy, float32", "ours.py", "float32", peer=False),
    Contender(REFERENCE, "keras_fit.py"),
    Contender("Keras, mixed_bfloat16", "keras_fit.py", "mixed_bfloat16"),
    Contender("PyTorch, DataLoader", "plain_torch.py"),
    Contender("skorch", "skorch_fit.py"),
    Contender("Lightning", "lightning_fit.py"),
)
PEAKS = (
    Contender("matrix products, bfloat16", "peak.py", "bfloat16", peer=False),
    Contender("matrix products, float32", "peak.py", "float32", peer=False),
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
    """What one contender came to on one network."""

    network: str
    contender: str
    n_processes: int
    threads: int
    images_a_second: tuple[float, ...]


def seat(
    contender: Contender, python: str, network: str, n_steps: int, n_processes: int, threads: int
) -> Seat:
    """Start a contender and wait until it is warm."""
    keep = {} if contender.peer else KEEP_BLOCKS
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
            env={**os.environ, **keep, "OMP_NUM_THREADS": str(threads)},
        )
        for _ in range(n_processes)
    ]
    for process in processes:
        while _line(process) != "ready":
            pass
    return Seat(contender, n_processes, threads, processes)


def measure(
    contenders: tuple[Contender, ...], peers: str, network: str, n_steps: int, n_images: int, n_rounds: int
) -> list[Row]:
    """Let contenders take turns on one network; return the better of both ways for each."""
    ways = [(1, CORES)] if CORES == 1 else [(1, CORES), (CORES, 1)]
    seats = []
    try:
        for contender in contenders:
            python = peers if contender.peer else sys.executable
            seats += [seat(contender, python, network, n_steps, *way) for way in ways]
        for number in range(n_rounds):
            # Another one begins each round, so that nobody always follows the same neighbour.
            for place in range(len(seats)):
                seats[(place + number) % len(seats)].turn()
    finally:
        for one in seats:
            one.leave()
    rows = []
    for contender in contenders:
        best = max((s for s in seats if s.contender == contender), key=lambda s: median(s.rates))
        rates = tuple(rate * n_images for rate in best.rates)
        rows.append(Row(network, contender.name, best.n_processes, best.threads, rates))
    return rows


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"a contender ended: {process.args}")
    return line.strip()


def table(rows: list[Row], peaks: list[Row]) -> str:
    """Return the measurements as a Markdown table."""
    peak = {row.contender.rpartition(" ")[2]: median(row.images_a_second) for row in peaks}
    lines = [
        "| network | contender | fits × threads | images a second: median (min to max) | × Keras | share of the peak |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        keras = next((r for r in rows if r.network == row.network and r.contender == REFERENCE), None)
        ratio = f"{median(row.images_a_second) / median(keras.images_a_second):.2f}" if keras else ""
        kind = "bfloat16" if "bfloat16" in row.contender else "float32"
        share = ""
        if peak and "convstudy" in row.contender:
            share = f"{100 * median(row.images_a_second) * _operations(row.network) / peak[kind]:.0f} %"
        rates = row.images_a_second
        lines.append(
            f"| {row.network} | {row.contender} | {row.n_processes} × {row.threads} |"
            f" {median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) | {ratio} | {share} |"
        )
    for row in peaks:
        lines += ["", f"{row.contender}: {median(row.images_a_second) / 1e9:,.0f} GFLOP/s"]
    return "\n".join(lines)


def _operations(network: str) -> int:
    """Return the floating-point operations of training on one image: forward, and twice as much backward."""
    from convstudy.networks import Network, layer_table

    sys.path.insert(0, str(CONTENDERS))
    from turns import layers

    texts = [" ".join(words) for words in layers(network)]
    return 6 * layer_table(Network.read(texts), (28, 28, 1), 10).multiply_adds


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--contenders", nargs="+", default=[c.name for c in ALL], help="by name")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=sys.executable, help="the Python of the peers' environment")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    chosen = tuple(contender for contender in ALL if contender.name in arguments.contenders)
    operations = PEAK_STEPS * 2 * 1024**3
    peaks = measure(PEAKS, arguments.peers, "two-conv-3", PEAK_STEPS, operations, arguments.rounds)
    rows: list[Row] = []
    for network in arguments.networks:
        n_steps = STEPS[network]
        rows += measure(chosen, arguments.peers, network, n_steps, n_steps * BATCH_SIZE, arguments.rounds)
        print(f"{network} done", file=sys.stderr)
    print(table(rows, peaks))
    if arguments.json:
        content = {"rows": [asdict(row) for row in rows], "peaks": [asdict(row) for row in peaks]}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
