"""Measure everything except training: planning 10,000 fits, resuming, the main process, a report, an import.

Nothing is trained. The script fills the store through its API with synthetic records of 20 epochs. Then it measures
each value several times, each time in a new process, in turn::

    python -m benchmarks.scale.around_fits                 # some minutes, most of them for filling two stores
    python -m benchmarks.scale.around_fits --json          # prints JSON
    python -m benchmarks.scale.around_fits --keep FOLDER   # fills the stores in FOLDER once and reuses them

Wall time depends on the load of the machine. CPU time is user plus system time of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

MANY, SOME = 10_000, 1_000
N_LEFT = 5
"""The number of pending fits when a run is resumed, the last ones of the ablation."""

NO_LIMIT = float("inf")
LAYERS = (
    "conv {filters} {kernel} relu",
    "max-pool 2",
    "batch-norm",
    "conv {filters} 3 relu",
    "flatten",
    "dense {units}",
)
# Candidates of the search × 5 folds, and 100 fits of the comparison and the ablation.
GRIDS: dict[int, dict[str, Any]] = {
    MANY: {
        "filters": tuple(range(4, 15)),
        "kernel": (2, 3, 4, 5, 6, 7),
        "units": (16, 32, 48, 64, 80, 96),
        "learning_rate": (0.0003, 0.001, 0.002, 0.003, 0.01),
    },
    SOME: {
        "filters": (4, 6, 8),
        "kernel": (2, 3, 5, 7),
        "units": (16, 32, 64),
        "learning_rate": (0.0003, 0.001, 0.003, 0.01, 0.03),
    },
}


@dataclass(frozen=True)
class Measured:
    """One process: wall and CPU seconds of the measured work, and its peak resident memory in MB."""

    wall: float
    cpu: float
    megabytes: float


@dataclass(frozen=True)
class Target:
    """The limit for one field of :class:`Measured`."""

    what: str
    field: str
    limit: float
    unit: str


TARGETS = {
    "plan": Target(f"planning {MANY:,} fits: stages, ids and costs", "wall", 2.0, "s"),
    "resume": Target(f"finding the {N_LEFT} pending fits of {MANY:,}", "wall", 1.0, "s"),
    "driver": Target(
        f"main process that completes these {N_LEFT} fits and the run", "megabytes", 500.0, "MB"
    ),
    "report": Target(f"report of {SOME:,} fits, from the store to the page", "wall", 10.0, "s"),
    "import": Target("`import convstudy`, whole process", "wall", 0.15, "s"),
    "help": Target("`convstudy --help`, whole process", "wall", NO_LIMIT, "s"),
    "bare": Target("`pass`, whole process, for comparison", "wall", NO_LIMIT, "s"),
}


def make_study(n_fits: int, dataset: str) -> Any:
    """Return a study with exactly ``n_fits`` fits: a search, a comparison over 10 seeds, and an ablation."""
    from convstudy.data import BUILT_IN_DATASETS
    from convstudy.studyfile import Ablate, Compare, NetworkPattern, Recipe, Search, Study, Variant

    variants = {
        "plain": Variant(without=("batch-norm",)),
        "tanh": Variant(activation="tanh"),
        "sgd": Variant(recipe={"optimizer": "sgd"}),
        "rmsprop": Variant(recipe={"optimizer": "rmsprop"}),
        "cosine": Variant(recipe={"schedule": "cosine"}),
        "shifted": Variant(recipe={"augment": "shift"}),
    }
    return Study(
        name=f"around-{n_fits}",
        dataset=BUILT_IN_DATASETS[dataset],
        seeds=10,
        recipe=Recipe(epochs=20),
        network={
            "searched": NetworkPattern(layers=LAYERS, parameters={"filters": 8, "kernel": 3, "units": 32}),
            "small": NetworkPattern(layers=("conv 4 5 relu stride=2", "flatten")),
            "flat": NetworkPattern(layers=("flatten", "batch-norm", "dense 64 relu")),
            "deep": NetworkPattern(
                layers=(
                    "conv 8 3 relu",
                    "conv 8 3 relu",
                    "max-pool 2",
                    "batch-norm",
                    "conv 8 3 relu",
                    "flatten",
                )
            ),
        },
        search={"grid": Search(network="searched", parameters=GRIDS[n_fits], folds=5)},
        compare={"all": Compare(networks=("searched", "small", "flat", "deep"))},
        ablate={"best": Ablate(network="best", variants=variants)},
    )


def synthetic(fit: Any) -> Any:
    """Return a plausible record of this fit. It depends only on the id of the fit."""
    import hashlib

    from convstudy.data import split_sizes
    from convstudy.record import Environment, Epoch, Record, Scores

    rng = random.Random(fit.id)
    level = rng.gauss(0.96, 0.01) + (0.02 if fit.network.texts[-1].startswith("dense 32") else 0.0)
    history = []
    for number in range(1, fit.recipe.epochs + 1):
        train = min(1.0, level + 0.01 - 0.5 * 0.6**number + rng.gauss(0, 0.002))
        validation = min(1.0, level - 0.5 * 0.6**number + rng.gauss(0, 0.004))
        losses = (
            (1 - train) * 3 + 0.01 + rng.random() / 100,
            (1 - validation) * 3.4 + 0.02 + rng.random() / 100,
        )
        seconds = rng.uniform(4.0, 5.0), rng.uniform(0.5, 0.6)
        history.append(
            Epoch(
                number,
                fit.recipe.learning_rate,
                Scores({"log-loss": losses[0], "accuracy": train}),
                Scores({"log-loss": losses[1], "accuracy": validation}),
                *seconds,
            )
        )
    best = min(history, key=lambda e: (-e.validation["accuracy"], e.validation["log-loss"], e.number)).number
    here = Environment(
        "Linux x86_64", "synthetic", 2, 1, "cpu", "3.11", "2.13.0", "2.4", "0.1.0, source 0", "1.9"
    )
    n_train, n_validation = split_sizes(fit.dataset.n_train, fit.split)
    return Record(
        fit_id=fit.id,
        status="done",
        history=tuple(history),
        best_epoch=best,
        selected_epoch=best,
        n_train=n_train,
        n_validation=n_validation,
        n_parameters=5_000 + len(fit.network.texts[0]) * 100,
        weights_digest=hashlib.sha256(fit.id.encode()).hexdigest(),
        environment=here,
    )


def fill(folder: Path, n_fits: int, n_left: int, dataset: str) -> None:
    """Fill a store with records, weights, choices and test predictions of all fits except the last ``n_left``."""
    from convstudy.history import History
    from convstudy.plan import resolve
    from convstudy.record import Scores

    study = make_study(n_fits, dataset)
    history = History.open(folder, create=True)
    with history.writing():
        run_id = history.begin_run(study)
        while True:
            plan, choices = resolve(study, history.record_summaries)
            settled = plan.settled_fits
            is_complete = len(settled) == len(plan.fits)
            to_fill = settled[: len(settled) - n_left] if is_complete else settled
            missing = [fit for fit in to_fill if fit.id not in history.record_summaries]
            if not missing:
                break
            for fit in missing:
                record = synthetic(fit)
                _weights(history.layout.artefact(fit.id, "weights"))
                history.save_record(fit, record)
        if len(plan.fits) != n_fits:
            raise SystemExit(f"the study has {len(plan.fits):,} fits, not {n_fits:,}")
        for choice in choices:
            history.save_choice(run_id, choice)
        for fit in plan.tested_fits:
            if fit.id in history.records:
                number = history.begin_test_evaluation(
                    run_id, fit, history.records[fit.id].weights_digest, "synthetic"
                )
                accuracy = history.records[fit.id].selected.validation["accuracy"]
                _predictions(history.layout.artefact(fit.id, "test"), fit)
                scored = Scores({"log-loss": (1 - accuracy) * 3.4, "accuracy": accuracy})
                history.end_test_evaluation(number, scored, 0.5)
        history.end_run(run_id, "interrupted" if n_left else "complete")
    history.close()


def _weights(path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"0.0.weight": np.random.default_rng(0).normal(size=(8, 1, 3, 3)).astype(np.float32)}, path)


def _predictions(path: Path, fit: Any) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    info = fit.dataset
    rng = np.random.default_rng(int(fit.id, 16))
    labels = np.random.default_rng(0).integers(0, info.n_classes, info.n_test)
    probabilities = rng.dirichlet(np.full(info.n_classes, 0.1), info.n_test).astype(np.float32)
    rows = np.arange(25)
    pixels = rng.integers(0, 256, (25, *info.image_shape), dtype=np.uint8)
    save_file(
        {"labels": labels, "probabilities": probabilities, "error_rows": rows, "error_pixels": pixels},
        path,
    )


# Each of these runs in a new process. Imports happen before the clock starts.


def plan(folder: Path, scratch: Path, dataset: str) -> Callable[[], object]:
    from convstudy.plan import make_plan, plan_cost

    study = make_study(MANY, dataset)

    def work() -> None:
        fits = make_plan(study).fits
        if len({fit.id for fit in fits}) != MANY or plan_cost(fits).flops <= 0:
            raise SystemExit(f"the plan does not have {MANY:,} distinct fits with a positive cost")

    return work


def resume(folder: Path, scratch: Path, dataset: str) -> Callable[[], object]:
    from convstudy.history import History
    from convstudy.plan import resolve

    study = make_study(MANY, dataset)

    def work() -> None:
        history = History.open(folder / str(MANY))
        planned, _ = resolve(study, history.record_summaries)
        missing = [fit for fit in planned.settled_fits if fit.id not in history.record_summaries]
        if len(missing) != N_LEFT or len(planned.fits) != MANY:
            raise SystemExit(
                f"{len(missing)} of {len(planned.fits):,} fits are pending, not {N_LEFT} of {MANY:,}"
            )

    return work


def driver(folder: Path, scratch: Path, dataset: str) -> Callable[[], object]:
    """Resume the run in a copy of the store and complete it. A fake executor returns synthetic records."""
    from shutil import copytree

    from convstudy.record import Scores
    from convstudy.run import run_study
    from convstudy.run import study as run_module
    from convstudy.run.tasks import Inspect, Inspected, Message, Task, Tested, Train, Trained

    class FakeExecutor:
        n_workers = 2

        def __init__(self) -> None:
            self.tasks: list[Task] = []

        def submit(self, task: Task) -> None:
            self.tasks.append(task)

        def cancel(self, task: Task) -> None:
            self.tasks.remove(task)

        @property
        def waiting(self) -> tuple[Task, ...]:
            return ()

        def next_message(self, timeout: float | None = None) -> Message:
            task = self.tasks.pop(0)
            if isinstance(task, Inspect):
                return Inspected(task, error="synthetic")
            if isinstance(task, Train):
                return Trained(task, synthetic(task.fit))
            return Tested(task, Scores({"log-loss": 0.1, "accuracy": 0.97}), 0.5)

        def __enter__(self) -> FakeExecutor:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    run_module._executor = lambda *_: FakeExecutor()
    copy = scratch / "runs"
    # The run checks that these files exist but does not read them, so hard links suffice.
    copytree(
        folder / str(MANY),
        copy,
        copy_function=lambda a, b: os.link(a, b) if "safetensors" in a else _copy(a, b),
    )
    study = make_study(MANY, dataset)

    def work() -> None:
        results = run_study(study, copy, 2)
        if not results.complete or len(results.records) != MANY:
            raise SystemExit("the run is not complete")

    return work


def _copy(source: str, target: str) -> None:
    Path(target).write_bytes(Path(source).read_bytes())


def report(folder: Path, scratch: Path, dataset: str) -> Callable[[], object]:
    from convstudy.analysis import analyse
    from convstudy.checks import check_run
    from convstudy.history import History
    from convstudy.report import write_report

    def work() -> None:
        history = History.open(folder / str(SOME))
        analysis = analyse(history.results(f"around-{SOME}"))
        (page,) = write_report(analysis, check_run(analysis), scratch)
        if page.stat().st_size < 100_000:
            raise SystemExit(f"{page} has less than 100 kB")

    return work


MEASURES = {"plan": plan, "resume": resume, "driver": driver, "report": report}
# These processes are measured from start to end.
COMMANDS = {
    "import": "import convstudy",
    "help": "from convstudy.cli import main; main(['--help'])",
    "bare": "pass",
}


def measure(name: str, folder: Path, scratch: Path, dataset: str) -> None:
    """Measure in this process and print wall and CPU seconds as the last line of stderr."""
    work = MEASURES[name](folder, scratch, dataset)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps([wall, cpu]), file=sys.stderr)


def in_process(name: str, folder: Path, dataset: str) -> Measured:
    """Measure in a new process."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        if name in COMMANDS:
            arguments = ["-c", COMMANDS[name]]
        else:
            arguments = [__file__, "--measure", name, str(folder), scratch, "--dataset", dataset]
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-P", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        stderr = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall, cpu = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed:\n{stderr}")
    if name not in COMMANDS:
        wall, cpu = json.loads(stderr.splitlines()[-1])
    return Measured(wall, cpu, usage.ru_maxrss / 1024)


def machine() -> dict[str, str]:
    """Return the CPU, its load, and the versions of the software."""
    import sqlite3
    from importlib.metadata import version

    name = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return {
        "cpu": name,
        "cores": str(os.cpu_count()),
        "load": load,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **{package: version(package) for package in ("numpy", "pydantic", "vl-convert-python")},
    }


def table(found: dict[str, list[Measured]]) -> str:
    """Return a Markdown table with median (min to max)."""
    lines = ["| task | target | wall | CPU | peak memory | met |", "|---|---|---|---|---|---|"]
    for name, runs in found.items():
        target = TARGETS[name]
        cells = [
            _spread([run.wall for run in runs], "s"),
            _spread([run.cpu for run in runs], "s"),
            _spread([run.megabytes for run in runs], "MB"),
        ]
        limit, met = "", ""
        if target.limit < NO_LIMIT:
            limit = f"< {target.limit:g} {target.unit}"
            met = "yes" if median(getattr(run, target.field) for run in runs) < target.limit else "**no**"
        lines.append(f"| {target.what} | {limit} | {' | '.join(cells)} | {met} |")
    return "\n".join(lines)


def _spread(values: list[float], unit: str) -> str:
    digits = 0 if unit == "MB" else 3 if median(values) < 0.5 else 2
    return f"{median(values):.{digits}f} {unit} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="processes for each value [5]")
    parser.add_argument("--only", action="append", choices=TARGETS, help="measure only this; repeatable")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the stores in this folder, or reuse them"
    )
    parser.add_argument("--dataset", default="digits", help="the dataset of the study [digits]")
    parser.add_argument("--fill", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(Path(options.fill[0]), int(options.fill[1]), int(options.fill[2]), options.dataset)
    elif options.measure:
        measure(options.measure[0], Path(options.measure[1]), Path(options.measure[2]), options.dataset)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            measure_all(options.keep or Path(temporary), options.only or list(TARGETS), options)


def measure_all(folder: Path, names: list[str], options: argparse.Namespace) -> None:
    """Fill the stores, measure, and print the table or JSON.

    Args:
        folder: the folder of the stores.
        names: keys of ``TARGETS``.
        options: the command line.
    """
    for n_fits, n_left in ((MANY, N_LEFT), (SOME, 0)):
        history = folder / str(n_fits)
        if not history.exists():
            print(f"filling a store of {n_fits:,} fits ...", file=sys.stderr)
            # In a separate process: the peak memory of a child includes that of its parent at the fork.
            arguments = ["--fill", str(history), str(n_fits), str(n_left), "--dataset", options.dataset]
            subprocess.run([sys.executable, "-P", __file__, *arguments], check=True)
    found: dict[str, list[Measured]] = {name: [] for name in names}
    for _ in range(options.repeats):
        for name in names:
            found[name].append(in_process(name, folder, options.dataset))
    if options.json:
        measured = {name: [asdict(run) for run in runs] for name, runs in found.items()}
        print(json.dumps({"machine": machine(), "dataset": options.dataset, "measured": measured}, indent=1))
    else:
        print(", ".join(f"{key} {value}" for key, value in machine().items()), table(found), sep="\n\n")


if __name__ == "__main__":
    main()
