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
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.parts.arguments import at_least
from benchmarks.parts.precision import is_emulated, skip_note
from benchmarks.throughput.take_turns import BATCH_SIZE, Contender, flops_of, take_turns
from convstudy.run.executors.processes import KEEP_BLOCKS

CORES = os.cpu_count() or 1
# The number of batches in a turn, chosen so that all networks take a similar time.
STEPS = {"two-conv-3": 60, "two-conv-7": 40, "five-conv": 60, "six-conv": 12}
PEAK_STEPS = 400
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
