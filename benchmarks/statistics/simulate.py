"""Run all simulations of docs/statistics.md, two at a time, each on one core; ``make simulate`` calls this.

    python -m benchmarks.statistics.simulate   # writes build/simulate/*.txt and prints the seconds of each
    python -m benchmarks.statistics.simulate --workers 4 --only intervals

All random generators have fixed seeds: a second run writes the same files. ``COMMANDS`` has the longest commands first.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COMMANDS = (
    "intervals",
    "statistics_simulation",
    "verdict_simulation",
    "coverage_simulation",
    "metric_simulation --studies 300",
    "set_metric_simulation",
    "set_metric_simulation bootstrap",
    "rare_class_simulation",
    "share_simulation",
    "planning",
    "interaction_simulation",
    "group_simulation --studies 2000",
    "fold_simulation",
    "collapse",
    "search_scores",
    "label_errors",
    "training_sets",
    "traps",
    "test_looks --studies 4000",
    "until_decided",
    "baseline_coverage",
    "baselines digits",
)
"""Module of ``benchmarks.statistics`` and its arguments."""
FOLDER = Path("build/simulate")


def run(command: str) -> int:
    """Run one simulation, store its tables, and return its exit status."""
    place = FOLDER / f"{command.replace(' --', '-').replace(' ', '-')}.txt"
    start = time.monotonic()
    with place.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            [sys.executable, "-m", *f"benchmarks.statistics.{command}".split()],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            check=False,
        )
    status = "" if done.returncode == 0 else f" failed with exit status {done.returncode}"
    print(f"{time.monotonic() - start:7.0f} s  {place}{status}", flush=True)
    return done.returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2, help="commands that run at the same time [2]")
    parser.add_argument("--only", default="", help="only commands that contain this text")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [command for command in COMMANDS if arguments.only in command]
    with ThreadPoolExecutor(arguments.workers) as pool:
        sys.exit(max(pool.map(run, chosen), default=0))


if __name__ == "__main__":
    main()
