"""Time a cross-validated search as a whole command: GridSearchCV with Keras' SKLearnClassifier, and convstudy.

Each search selects the kernel size of the notebook's two-conv network on the same subset of MNIST's training images
with five stratified folds, and then trains the winner again, on all cores. GridSearchCV trains it on the whole subset;
convstudy trains it on 90 % and evaluates it on the test set. The time is that of the command from start to end, with
imports. The commands run in turn, each round starting with another one. The table is printed after each round::

    make .venv-peers/.installed
    CONVSTUDY_DATA=<folder that holds mnist/> python -m benchmarks.search.grid_search --peers .venv-peers/bin/python

A run that takes one or two minutes: ``--subset 500 --epochs 2 --kernels 2 3 --rounds 1``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.parts.arguments import at_least
from benchmarks.parts.precision import fast_precision, is_emulated, skip_note
from convstudy.cores import n_cores
from convstudy.data import BUILT_IN_DATASETS, Holdout, split_indices
from convstudy.history import History

CONTENDER = Path(__file__).parents[1] / "contenders" / "keras_grid.py"
PEER = "GridSearchCV, SKLearnClassifier"
STUDY = """
[study]
name = "grid-search"
dataset = "mnist"
subset = {subset}
seeds = 1
final_threads = {threads}

[recipe]
epochs = {epochs}
precision = "{precision}"
checkpoint = "last"
train_eval_samples = 500

[network.two-conv]
kernel = 3
layers = [
  "conv 64 {{kernel}} relu", "conv 32 {{kernel}} relu", "max-pool 2", "batch-norm", "dropout 0.3",
  "flatten", "dense 128 relu", "batch-norm", "dropout 0.5",
]

[search.kernel-size]
network = "two-conv"
parameters = {{ kernel = {kernels} }}
folds = {folds}
method = "{method}"
"""


@dataclass(frozen=True)
class Size:
    """The size of the search."""

    subset: int
    epochs: int
    folds: int
    kernels: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """The result of one command: its seconds from start to end, and the selected kernel."""

    seconds: float
    best: str


def timed(command: Sequence[str], **environment: str) -> tuple[float, str]:
    """Run a command and return its seconds and its stdout.

    Raises:
        SystemExit: if the command fails; the text has the end of its stderr.
    """
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return seconds, done.stdout


def peer(python: str, size: Size, images: Path, jobs: int) -> Outcome:
    """Search with GridSearchCV and Keras."""
    kernels = ",".join(map(str, size.kernels))
    command = [python, str(CONTENDER), str(images), kernels, str(size.folds), str(size.epochs), str(jobs)]
    seconds, output = timed(command, CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
    return Outcome(seconds, f"kernel={json.loads(output.splitlines()[-1])['best']}")


def ours(size: Size, method: str, precision: str) -> Outcome:
    """Search with ``convstudy run``."""
    with tempfile.TemporaryDirectory() as folder:
        study, runs = Path(folder, "study.toml"), Path(folder, "runs")
        values: dict[str, Any] = {**vars(size), "kernels": list(size.kernels), "threads": n_cores()}
        study.write_text(STUDY.format(**values, method=method, precision=precision), encoding="utf-8")
        call = "import sys; from convstudy.cli import main; sys.exit(main())"
        seconds, _ = timed(
            [sys.executable, "-c", call, "run", str(study), "--runs", str(runs), "--no-report"]
        )
        history = History.open(runs)
        results = history.results(next(run.run_id for run in history.runs()))
        choice = results.choice("search.kernel-size")
        history.close()
    return Outcome(seconds, choice.chosen if choice else "none")


def subset_images(subset: int, folder: Path) -> Path:
    """Write the images of convstudy's subset to a file for the peer."""
    train = BUILT_IN_DATASETS["mnist"].load().train
    rows = np.sort(np.concatenate(split_indices(train.labels, Holdout(0.1, 0, subset))))
    images = train.take(rows)
    path = folder / "images.npz"
    np.savez(path, pixels=images.pixels, labels=images.labels)
    return path


def table(found: dict[str, list[Outcome]]) -> str:
    """Return a Markdown table, a row for each contender."""
    rows = ["| search | seconds: median (min to max) | × peer | selected |\n|---|---:|---:|---|"]
    reference = median(each.seconds for each in found[PEER])
    for name, outcomes in found.items():
        seconds = [each.seconds for each in outcomes]
        spread = f"{median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
        names = ", ".join(each.best for each in outcomes)
        rows.append(f"| {name} | {spread} | {reference / median(seconds):.1f} | {names} |")
    return "\n".join(rows)


def our_searches() -> list[tuple[str, str]]:
    """Return the methods and precisions of convstudy to measure, without bfloat16 if it is emulated."""
    fastest = fast_precision()
    combinations = [("grid", "float32"), ("grid", "bfloat16"), ("halving", fastest), ("screening", fastest)]
    return [each for each in combinations if not is_emulated(each[1])]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", required=True, help="the Python with Keras")
    parser.add_argument("--subset", type=at_least(100), default=10_000)
    parser.add_argument("--epochs", type=at_least(1), default=20)
    parser.add_argument("--folds", type=at_least(2), default=5)
    parser.add_argument("--kernels", type=at_least(1), nargs="+", default=[2, 3, 5, 7, 11])
    parser.add_argument("--rounds", type=at_least(1), default=3)
    parser.add_argument(
        "--jobs",
        type=at_least(1),
        default=os.cpu_count() or 1,
        help="the number of fits that the peer trains at once",
    )
    arguments = parser.parse_args()
    size = Size(arguments.subset, arguments.epochs, arguments.folds, tuple(arguments.kernels))
    n_fits = len(size.kernels) * size.folds
    head = f"{size.subset:,} images, {n_fits} fits of {size.epochs} epochs, and one fit of the winner"
    if is_emulated("bfloat16"):
        print(skip_note("convstudy in bfloat16; halving and screening are measured in float32"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        images = subset_images(size.subset, Path(folder))
        contenders: dict[str, Callable[[], Outcome]] = {
            PEER: partial(peer, arguments.peers, size, images, arguments.jobs),
            **{f"convstudy, {each[0]}, {each[1]}": partial(ours, size, *each) for each in our_searches()},
        }
        found: dict[str, list[Outcome]] = {name: [] for name in contenders}
        for number in range(arguments.rounds):
            # The first one changes from round to round.
            turns = deque(contenders.items())
            turns.rotate(-number)
            for name, run in turns:
                found[name].append(run())
                print(f"{name}: {found[name][-1]}", file=sys.stderr, flush=True)
            print(f"{head}; round {number + 1} of {arguments.rounds}:\n\n{table(found)}\n", flush=True)


if __name__ == "__main__":
    main()
