"""Measure large studies without training: planning 1,000 to 10,000 candidates, and a report of 1,000 classes.

Each measurement runs in a new process. With ``--against``, the script alternates between this and another checkout, so
that the load of the machine affects both equally::

    python -m benchmarks.scale.large_studies plan
    python -m benchmarks.scale.large_studies plan --against ../convstudy-before
    python -m benchmarks.scale.large_studies report
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convstudy.record import Scores

HERE = Path(__file__).resolve().parents[2]
ITSELF = ("-m", "benchmarks.scale.large_studies")
COMMAND = "from convstudy.cli import main; main()"
# Filters × units × learning rates.
GRIDS = {1_000: (10, 10, 10), 3_000: (10, 30, 10), 10_000: (10, 100, 10)}
N_CLASSES, N_TRAIN, N_TEST, SHAPE = 1_000, 20_000, 10_000, (8, 8, 3)
SYNTHETIC = "synthetic-classes"


def study_text(n_candidates: int) -> str:
    """Return a study file whose search has this many candidates on 5 folds."""
    filters, units, rates = GRIDS[n_candidates]
    return f"""
[study]
name = "large"
dataset = "digits"
seeds = 5
[recipe]
epochs = 20
[network.searched]
filters = 8
units = 32
layers = ["conv {{filters}} 3 relu", "max-pool 2", "batch-norm", "flatten", "dense {{units}} relu"]
[network.other]
layers = ["conv 4 5 relu stride=2", "flatten"]
[search.grid]
network = "searched"
folds = 5
[search.grid.parameters]
filters = {list(range(4, 4 + filters))}
units = {list(range(16, 16 + units))}
learning_rate = {[round(0.0005 * (number + 1), 4) for number in range(rates)]}
[compare.both]
networks = ["searched", "other"]
"""


def measured(checkout: Path, arguments: list[str]) -> tuple[float, float, float]:
    """Run Python with the package of a checkout; return wall seconds, CPU seconds and peak memory in MB."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=HERE, stdout=subprocess.DEVNULL, env=environment
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def plans(checkouts: list[Path], sizes: list[int], repeats: int) -> None:
    """Print the cost of ``convstudy plan``, from the start of the process to its end."""
    print("| candidates × 5 folds | checkout | wall | CPU | peak memory |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            file = Path(folder) / f"{size}.toml"
            file.write_text(study_text(size), encoding="utf-8")
            arguments = ["-c", COMMAND, "plan", str(file), "--runs", str(Path(folder) / "none")]
            found: dict[Path, list[tuple[float, float, float]]] = {each: [] for each in checkouts}
            for _ in range(repeats):
                for checkout in checkouts:
                    found[checkout].append(measured(checkout, arguments))
            for number, checkout in enumerate(checkouts):
                name = "against" if number else "this"
                print(f"| {size:,} | {name} | {row(found[checkout])} |", flush=True)


def row(runs: list[tuple[float, float, float]]) -> str:
    """Return the medians of measurements as table cells."""
    wall, cpu, megabytes = (median(values) for values in zip(*runs, strict=True))
    return f"{wall:.1f} s | {cpu:.1f} s | {megabytes:.0f} MB"


def report(checkouts: list[Path], repeats: int) -> None:
    """Print the cost of the report of a run with 1,000 classes, and the size of its page."""
    print("| report of 1,000 classes | page | wall | CPU | peak memory |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for number, checkout in enumerate(checkouts):
            measured(checkout, [*ITSELF, "--fill", f"{folder}/runs-{number}"])
        for number, checkout in enumerate(checkouts):
            runs = [
                measured(
                    checkout, [*ITSELF, "--write", f"{folder}/runs-{number}", f"{folder}/report-{number}"]
                )
                for _ in range(repeats)
            ]
            size = (Path(folder) / f"report-{number}" / "report.html").stat().st_size / 1e6
            print(f"| {'against' if number else 'this'} | {size:.1f} MB | {row(runs)} |", flush=True)


def with_classes() -> Any:
    """Return a study with a synthetic dataset of 1,000 classes."""
    from convstudy.data import Dataset
    from convstudy.data.sources.digits import DigitsSource

    class SyntheticSource(DigitsSource):
        def read(self, part: str) -> Any:
            import numpy as np

            from convstudy.data.images import Images

            rng = np.random.default_rng(0)
            pixels = rng.integers(0, 256, (N_TRAIN, *SHAPE), dtype=np.uint8)
            return Images(pixels, np.arange(N_TRAIN) % N_CLASSES)

    names = tuple(f"class {number:03d}" for number in range(N_CLASSES))
    source = SyntheticSource("0" * 64, "0" * 64)
    info = Dataset(SYNTHETIC, "Synthetic classes", SHAPE, names, N_TRAIN, N_TEST, source)  # type: ignore[arg-type]
    from convstudy.studyfile import Ablate, Compare, NetworkPattern, Recipe, Study, Variant

    networks = {
        name: NetworkPattern(layers=(f"conv {filters} 3 relu", "flatten"))
        for name, filters in (("small", 4), ("middle", 8), ("large", 16))
    }
    return Study(
        name="classes",
        dataset=info,
        recipe=Recipe(epochs=20),
        network=networks,
        compare={"all": Compare(networks=tuple(networks))},
        ablate={
            "best": Ablate(
                network="best",
                variants={
                    "sgd": Variant(recipe={"optimizer": "sgd"}),
                    "tanh": Variant(activation="tanh"),
                },
            )
        },
    )


def fill(folder: Path) -> None:
    """Fill a store with synthetic records and predictions of 15 fits."""
    study = with_classes()
    from benchmarks.scale.around_fits import synthetic
    from convstudy.history import History
    from convstudy.plan import resolve

    history = History.open(folder, create=True)
    with history.writing():
        run_id = history.begin_run(study)
        while True:
            plan, choices = resolve(study, history.record_summaries)
            missing = [fit for fit in plan.settled_fits if fit.id not in history.record_summaries]
            if not missing:
                break
            for fit in missing:
                history.save_record(fit, synthetic(fit))
        for choice in choices:
            history.save_choice(run_id, choice)
        for fit in plan.tested_fits:
            number = history.begin_test_evaluation(
                run_id, fit, history.records[fit.id].weights_digest, "synthetic"
            )
            history.end_test_evaluation(
                number, predictions(history.layout.artefact(fit.id, "test"), fit), 0.5
            )
        history.end_run(run_id, "complete")
    history.close()


def predictions(path: Path, fit: Any) -> Scores:
    """Write the predictions of a model with an accuracy of about 70 %; return its scores."""
    import numpy as np
    from safetensors.numpy import save_file

    from convstudy.record import Scores

    rng = np.random.default_rng(int(fit.id, 16))
    labels = np.arange(N_TEST) % N_CLASSES
    predicted = np.where(rng.uniform(size=N_TEST) < 0.7, labels, rng.integers(0, N_CLASSES, N_TEST))
    probabilities = rng.uniform(0, 1, (N_TEST, N_CLASSES)).astype(np.float32)
    probabilities *= 0.5 / probabilities.sum(axis=1, keepdims=True)
    probabilities[np.arange(N_TEST), predicted] += 0.5
    path.parent.mkdir(parents=True, exist_ok=True)
    wrong = np.flatnonzero(predicted != labels)[:24]
    save_file(
        {
            "labels": labels,
            "probabilities": probabilities,
            "error_rows": wrong,
            "error_pixels": rng.integers(0, 256, (len(wrong), *SHAPE), dtype=np.uint8),
        },
        path,
    )
    true = probabilities[np.arange(N_TEST), labels].astype(np.float64)
    return Scores({"log-loss": float(-np.log(true).mean()), "accuracy": float((predicted == labels).mean())})


def write(folder: Path, target: Path) -> None:
    """Write the report of a store of :func:`fill`."""
    with_classes()
    from convstudy.analysis import analyse
    from convstudy.checks import check_run
    from convstudy.history import History
    from convstudy.report import write_report

    analysis = analyse(History.open(folder).results("classes"))
    write_report(analysis, check_run(analysis), target)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=("plan", "report"))
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="alternate with this checkout")
    parser.add_argument("--sizes", type=int, nargs="+", choices=GRIDS, default=list(GRIDS))
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    checkouts = [HERE, *([options.against.resolve()] if options.against else [])]
    if options.fill:
        fill(options.fill)
    elif options.write:
        write(*options.write)
    elif options.what == "plan":
        plans(checkouts, options.sizes, options.repeats)
    elif options.what == "report":
        report(checkouts, options.repeats)
    else:
        parser.error("expected `plan` or `report`")


if __name__ == "__main__":
    main()
