"""What everything around the fits costs: planning 10,000 of them, finding what is done, a driver, a report, an import.

Nothing is trained: the store is filled, through its own API, with made-up records of 20 epochs, as a study of that size
would have left them. Each figure is then measured in processes of its own, in turns, several times::

    python -m benchmarks.scale.around_fits                 # some minutes, most of them to fill two stores
    python -m benchmarks.scale.around_fits --json          # the same figures for a program
    python -m benchmarks.scale.around_fits --keep FOLDER   # fill the stores in FOLDER once, and use them again

Wall seconds are what somebody waits on this machine, as busy as it is; CPU seconds are those of the process, user and
system together.
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
"""How many fits are still to be done when a run is gone on with: the last ones of the ablation."""

NO_LIMIT = float("inf")
LAYERS = [
    "conv {filters} {kernel} relu",
    "max-pool 2",
    "batch-norm",
    "conv {filters} 3 relu",
    "flatten",
    "dense {units}",
]
# Candidates of the search × 5 folds, and 100 fits of the comparison and the ablation.
GRIDS: dict[int, dict[str, tuple[int | float, ...]]] = {
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
    """One process: seconds of what is asked for, and the peak of its resident memory."""

    wall: float
    cpu: float
    megabytes: float


@dataclass(frozen=True)
class Target:
    """What a measurement is held to: one of the fields of :class:`Measured` and its limit."""

    what: str
    field: str
    limit: float
    unit: str


TARGETS = {
    "plan": Target(f"planning {MANY:,} fits: stages, ids and costs", "wall", 2.0, "s"),
    "resume": Target(f"finding the {N_LEFT} of {MANY:,} fits that are not done", "wall", 1.0, "s"),
    "driver": Target(f"a driver that does these {N_LEFT} and ends the run", "megabytes", 500.0, "MB"),
    "report": Target(f"report of {SOME:,} fits, from the store to the page", "wall", 10.0, "s"),
    "import": Target("`import convstudy`, the whole process", "wall", 0.15, "s"),
    "help": Target("`convstudy --help`, the whole process", "wall", NO_LIMIT, "s"),
    "bare": Target("`pass`, the whole process, for comparison", "wall", NO_LIMIT, "s"),
}


def asked(n_fits: int, dataset: str) -> Any:
    """Return a study of exactly so many fits: a search, a comparison over 10 seeds, an ablation of the best."""
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
        dataset=dataset,
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
    """Return a record as this fit might have left it."""
    import hashlib

    from convstudy.data import split_sizes
    from convstudy.record import Environment, Epoch, Record, Scores

    luck = random.Random(fit.id)
    level = luck.gauss(0.96, 0.01) + (0.02 if fit.network.texts[-1].startswith("dense 32") else 0.0)
    history = []
    for number in range(1, fit.recipe.epochs + 1):
        train = min(1.0, level + 0.01 - 0.5 * 0.6**number + luck.gauss(0, 0.002))
        validation = min(1.0, level - 0.5 * 0.6**number + luck.gauss(0, 0.004))
        losses = (
            (1 - train) * 3 + 0.01 + luck.random() / 100,
            (1 - validation) * 3.4 + 0.02 + luck.random() / 100,
        )
        seconds = luck.uniform(4.0, 5.0), luck.uniform(0.5, 0.6)
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
        "Linux x86_64", "made up", 2, 1, "cpu", "3.11", "2.13.0", "2.4", "0.1.0, source 0", "1.9"
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
    """Fill a store with all records but the last ``n_left``, and with what lies beside them."""
    from convstudy.history import History
    from convstudy.plan import resolve
    from convstudy.record import Scores

    study = asked(n_fits, dataset)
    history = History.open(folder, create=True)
    with history.writing():
        run_id = history.begin_run(study)
        while True:
            plan, choices = resolve(study, history.record_summaries)
            settled = plan.settled_fits
            decided = len(settled) == len(plan.fits)
            wanted = settled[: len(settled) - n_left] if decided else settled
            missing = [fit for fit in wanted if fit.id not in history.record_summaries]
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
                    run_id, fit, history.records[fit.id].weights_digest, "made up"
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
    luck = np.random.default_rng(int(fit.id, 16))
    labels = np.random.default_rng(0).integers(0, info.n_classes, info.n_test)
    probabilities = luck.dirichlet(np.full(info.n_classes, 0.1), info.n_test).astype(np.float32)
    rows = np.arange(25)
    pixels = luck.integers(0, 256, (25, *info.image_shape), dtype=np.uint8)
    save_file(
        {"labels": labels, "probabilities": probabilities, "error_rows": rows, "error_pixels": pixels},
        path,
    )


# What is measured, each in a process of its own. Modules are loaded before the clock starts.


def plan(folder: Path, scratch: Path, dataset: str) -> Callable[[], object]:
    from convstudy.plan import make_plan, plan_cost

    study = asked(MANY, dataset)

    def work() -> None:
        fits = make_plan(study).fits
        if len({fit.id for fit in fits}) != MANY or plan_cost(fits).flops <= 0:
            raise SystemExit("the plan is not what was asked for")

    return work


def resume(folder: Path, scratch: Path, dataset: str) -> Callable[[], object]:
    from convstudy.history import History
    from convstudy.plan import resolve

    study = asked(MANY, dataset)

    def work() -> None:
        history = History.open(folder / str(MANY))
        planned, _ = resolve(study, history.record_summaries)
        missing = [fit for fit in planned.settled_fits if fit.id not in history.record_summaries]
        if len(missing) != N_LEFT or len(planned.fits) != MANY:
            raise SystemExit(f"{len(missing)} fits are missing of {len(planned.fits):,}")

    return work


def driver(folder: Path, scratch: Path, dataset: str) -> Callable[[], object]:
    """Go on with the run to its end, in a copy of the store; a stand-in for the workers hands in made-up records."""
    from shutil import copytree

    from convstudy.record import Scores
    from convstudy.run import run_study
    from convstudy.run import study as run_module
    from convstudy.run.tasks import Inspect, Inspected, Message, Task, Tested, Train, Trained

    class MadeUp:
        n_workers = 2

        def __init__(self) -> None:
            self.tasks: list[Task] = []

        def submit(self, task: Task) -> None:
            self.tasks.append(task)

        waiting = ()

        def next_message(self, timeout: float | None = None) -> Message:
            task = self.tasks.pop(0)
            if isinstance(task, Inspect):
                return Inspected(task, error="made up")
            if isinstance(task, Train):
                return Trained(task, synthetic(task.fit))
            return Tested(task, Scores({"log-loss": 0.1, "accuracy": 0.97}), 0.5)

        def __enter__(self) -> MadeUp:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    run_module._executor = lambda *_: MadeUp()  # type: ignore[attr-defined]
    copy = scratch / "runs"
    # Files beside the records are looked for, not looked into: links will do.
    copytree(
        folder / str(MANY),
        copy,
        copy_function=lambda a, b: os.link(a, b) if "safetensors" in a else _copy(a, b),
    )
    study = asked(MANY, dataset)

    def work() -> None:
        results = run_study(study, copy, 2)
        if not results.complete or len(results.records) != MANY:
            raise SystemExit("the run did not come to its end")

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
            raise SystemExit("that is no report")

    return work


MEASURES = {"plan": plan, "resume": resume, "driver": driver, "report": report}
# Processes that are measured from their start to their end.
COMMANDS = {
    "import": "import convstudy",
    "help": "from convstudy.cli import main; main(['--help'])",
    "bare": "pass",
}


def measure(name: str, folder: Path, scratch: Path, dataset: str) -> None:
    """Do one measurement in this process and print it as the last line of stderr."""
    work = MEASURES[name](folder, scratch, dataset)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps([wall, cpu]), file=sys.stderr)


def in_process(name: str, folder: Path, dataset: str) -> Measured:
    """Do one measurement in a fresh process."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        if name in COMMANDS:
            words = ["-c", COMMANDS[name]]
        else:
            words = [__file__, "--measure", name, str(folder), scratch, "--dataset", dataset]
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-P", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall, cpu = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed:\n{said}")
    if name not in COMMANDS:
        wall, cpu = json.loads(said.splitlines()[-1])
    return Measured(wall, cpu, usage.ru_maxrss / 1024)


def machine() -> dict[str, str]:
    """Return what the figures were measured on."""
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
    """Return the figures as a Markdown table: median (smallest to largest)."""
    lines = ["| what | target | wall | CPU | peak memory | met |", "|---|---|---|---|---|---|"]
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
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--json", action="store_true", help="print JSON instead of a table")
    words.add_argument("--repeats", type=int, default=5, metavar="N", help="processes for each figure [5]")
    words.add_argument(
        "--only", action="append", choices=TARGETS, help="this figure; may be given several times"
    )
    words.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="where the stores are made, or lie already"
    )
    words.add_argument("--dataset", default="digits", help="whose sizes the study has [digits]")
    words.add_argument("--fill", nargs=3, help=argparse.SUPPRESS)
    words.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    said = words.parse_args()
    if said.fill:
        fill(Path(said.fill[0]), int(said.fill[1]), int(said.fill[2]), said.dataset)
    elif said.measure:
        measure(said.measure[0], Path(said.measure[1]), Path(said.measure[2]), said.dataset)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            compare(said.keep or Path(temporary), said.only or list(TARGETS), said)


def compare(folder: Path, names: list[str], said: argparse.Namespace) -> None:
    """Fill the stores, measure in turns, and print."""
    for n_fits, n_left in ((MANY, N_LEFT), (SOME, 0)):
        history = folder / str(n_fits)
        if not history.exists():
            print(f"filling a store of {n_fits:,} fits ...", file=sys.stderr)
            # In a process of its own: what this one holds would count as the peak of those that it starts.
            words = [__file__, "--fill", str(history), str(n_fits), str(n_left), "--dataset", said.dataset]
            subprocess.run([sys.executable, "-P", *words], check=True)
    found: dict[str, list[Measured]] = {name: [] for name in names}
    for _ in range(said.repeats):
        for name in names:
            found[name].append(in_process(name, folder, said.dataset))
    if said.json:
        figures = {name: [asdict(run) for run in runs] for name, runs in found.items()}
        print(json.dumps({"machine": machine(), "dataset": said.dataset, "figures": figures}, indent=1))
    else:
        print(", ".join(f"{key} {value}" for key, value in machine().items()), table(found), sep="\n\n")


if __name__ == "__main__":
    main()
