"""Measure the accuracy and the training time of the first network of a study, for time-to-accuracy on MNIST.

``choose`` uses validation images only, for choosing settings. ``final`` evaluates the test set, once for each seed.
``compare`` alternates with another checkout, on validation images::

    python -m benchmarks.accuracy.speedrun choose --seeds 3 --set recipe.epochs=2
    python -m benchmarks.accuracy.speedrun final --seeds 5 --first-seed 1000
    python -m benchmarks.accuracy.speedrun final --study mnist-accuracy --seeds 5 --first-seed 1000
    python -m benchmarks.accuracy.speedrun compare --base BASE --rounds 5 --first-seed 30

The fits are those of the package (``run_fit``, then ``evaluate_test_set``), one at a time, with the threads of the
study. "seconds" includes training, augmentation and the final evaluation (validation images in ``choose``, test images
in ``final``). It excludes imports, loading and the evaluation after each epoch. "seconds_in_all" excludes only imports
and loading. In the first fit of a process, torch also selects its kernels.

With ``choose --split-seed``, all seeds have the same validation images, so the script can also score their ensemble.
In ``compare``, each round is one seed. Each build trains it in a process of its own, with its own ``src``, its own
study and its own copy of this script. BASE is a folder with another commit, for example from ``git worktree add BASE
COMMIT``. The first build alternates. Seconds and accuracies are those of ``choose``.

``final`` appends a line to ``--test-evaluations`` before it reads a test image. The last line on stdout is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import torch

from benchmarks.parts.arguments import at_least
from convstudy.data import Holdout, LoadedDataset
from convstudy.engine.batches import ImageTensors
from convstudy.engine.environment import environment
from convstudy.engine.evaluation import logits_of
from convstudy.engine.fit import TrainedFit, run_fit
from convstudy.engine.settings import repeatable
from convstudy.engine.test_set import evaluate_test_set
from convstudy.engine.weights import load_weights, write_tensors
from convstudy.errors import ConvstudyError
from convstudy.networks.build import build_network
from convstudy.plan import Fit
from convstudy.run import fix_precision
from convstudy.studyfile import Study, load_study, read_change

HOME = Path(__file__).parents[2]
# Where the script is in this checkout, and where it was in older ones.
SCRIPTS = ("benchmarks/accuracy/speedrun.py", "benchmarks/speedrun.py")


@dataclass(frozen=True)
class Result:
    """The scores and times of one seed, with the probabilities ``(n, classes)`` and labels ``(n,)`` of its images."""

    seed: int
    accuracy: float
    seconds: float
    seconds_in_all: float
    probabilities: torch.Tensor
    labels: torch.Tensor


def fits_of(
    study: Study, network: str, seeds: range, split_seed: int | None, data: LoadedDataset
) -> Iterator[Fit]:
    """Yield a fit for each seed. With ``split_seed``, all have the same validation images."""
    layers = study.network[network].network()
    for seed in seeds:
        split = Holdout(study.validation, seed if split_seed is None else split_seed, study.subset)
        yield Fit(study.dataset, layers, study.recipe, split, seed, study.threads)


def train(fit: Fit, data: LoadedDataset) -> tuple[TrainedFit, float, float]:
    """Return the trained fit, its training seconds, and the seconds of the whole fit."""
    started = time.perf_counter()
    trained = run_fit(fit, data.train)
    in_all = time.perf_counter() - started
    if not trained.record.done:
        sys.exit(f"seed {fit.seed}: {trained.record.error}")
    return trained, sum(epoch.train_seconds for epoch in trained.record.history), in_all


def on_validation(fit: Fit, data: LoadedDataset) -> Result:
    """Train, and evaluate on the validation images."""
    trained, seconds, in_all = train(fit, data)
    rows = trained.validation["indices"].numpy()
    part = ImageTensors.of(data.train.take(rows))
    model = build_network(fit.network, data.info.image_shape, data.info.n_classes, torch.Generator())
    load_weights(model, trained.weights)
    started = time.perf_counter()
    with repeatable(fit.threads):
        probabilities = logits_of(model, part, fit.recipe.precision, fit.recipe.tta).softmax(1)
    seconds += time.perf_counter() - started
    accuracy = trained.record.selected.validation["accuracy"]
    return Result(fit.seed, accuracy, seconds, in_all, probabilities, part.labels)


def on_test(fit: Fit, data: LoadedDataset, test_evaluations: Path) -> Result:
    """Train, record the test-set evaluation, and evaluate the test set."""
    trained, seconds, in_all = train(fit, data)
    evaluated_at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"fit_id": fit.id, "weights_digest": trained.record.weights_digest, "evaluated_at": evaluated_at}

    def record_test_evaluation() -> None:
        with test_evaluations.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    test_evaluations.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, "weights.safetensors")
        write_tensors(weights, trained.weights, {})
        found = evaluate_test_set(
            fit, weights, trained.record.weights_digest, data.test, record_test_evaluation
        )
    return Result(
        fit.seed,
        found.scores["accuracy"],
        seconds + found.seconds,
        in_all + found.seconds,
        found.predictions["probabilities"],
        found.predictions["labels"],
    )


def summary(results: list[Result]) -> dict[str, Any]:
    """Return means and standard deviations over seeds, and the ensemble accuracy if all have the same images."""
    found: dict[str, Any] = {"n": len(results), "accuracies": [result.accuracy for result in results]}
    for name in ("accuracy", "seconds", "seconds_in_all"):
        values = [getattr(result, name) for result in results]
        found |= {name: fmean(values), f"{name}_sd": stdev(values) if len(values) > 1 else None}
    labels = results[0].labels
    if len(results) > 1 and all(torch.equal(result.labels, labels) for result in results):
        together = torch.stack([result.probabilities for result in results]).mean(0)
        found["ensemble_accuracy"] = float((together.argmax(1) == labels).double().mean())
    return found


def chosen_by(build: Path, python: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run ``choose`` of the checkout ``build`` in a new process; return its last line."""
    script = next((name for name in SCRIPTS if (build / name).is_file()), None)
    if script is None:
        sys.exit(f"--base must be a checkout with {' or '.join(SCRIPTS)}; got {build}")
    # Older scripts import their neighbours, newer ones are modules of the package "benchmarks".
    module = script == SCRIPTS[0]
    command = ["-m", script.removesuffix(".py").replace("/", ".")] if module else [script]
    # Absolute: the process runs in the folder of its checkout.
    paths = {"PYTHONPATH": os.pathsep.join([str(build.resolve() / "src"), str(build.resolve())])}
    done = subprocess.run(
        [python, *command, "choose", *arguments],
        cwd=build,
        env=os.environ | paths,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{build}: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(base: Path, base_python: str, seeds: range, arguments: Sequence[str]) -> None:
    """Train each seed with both builds, alternating; print each round, the medians and a line of JSON."""
    rounds: list[dict[str, dict[str, Any]]] = []
    for number, seed in enumerate(seeds):
        one = ["--seeds", "1", "--first-seed", str(seed), *arguments]
        builds = {"base": (base, base_python), "this": (HOME, sys.executable)}
        names = list(builds) if number % 2 == 0 else list(reversed(builds))
        rounds.append({name: chosen_by(*builds[name], one) for name in names})
        seconds, accuracies = (
            {name: rounds[-1][name][key] for name in builds} for key in ("seconds", "accuracy")
        )
        print(
            f"seed {seed}  base {seconds['base']:.2f} s, {100 * accuracies['base']:.2f} %  "
            f"this build {seconds['this']:.2f} s, {100 * accuracies['this']:.2f} %  "
            f"ratio {seconds['base'] / seconds['this']:.2f}",
            flush=True,
        )
    for key in ("seconds", "seconds_in_all"):
        base_seconds, ours = ([each[name][key] for each in rounds] for name in ("base", "this"))
        ratios = [a / b for a, b in zip(base_seconds, ours, strict=True)]
        cells = (
            f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
            for values in (base_seconds, ours)
        )
        print(
            f"{key}: base {next(cells)}, this build {next(cells)}, "
            f"ratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    differences = [100 * (each["this"]["accuracy"] - each["base"]["accuracy"]) for each in rounds]
    spread = f" ± {stdev(differences) / len(rounds) ** 0.5:.3f} (standard error)" if len(rounds) > 1 else ""
    print(f"validation accuracy, this build minus base: {fmean(differences):+.3f}{spread} percentage points")
    print(json.dumps({"mode": "compare", "base": str(base), "seeds": list(seeds), "rounds": rounds}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=["choose", "final", "compare"])
    parser.add_argument("--study", default="mnist-speedrun")
    parser.add_argument("--network", help="the network [the first of the study]")
    parser.add_argument("--seeds", type=at_least(1), default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--split-seed", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--base", type=Path, help="compare: the folder of the other checkout")
    parser.add_argument("--base-python", default=sys.executable, help="compare: its Python [this one]")
    parser.add_argument("--rounds", type=at_least(1), default=5, help="compare: the number of seeds")
    parser.add_argument("--test-evaluations", type=Path, default=Path("speedrun-test-evaluations.jsonl"))
    arguments = parser.parse_args()
    if (arguments.mode == "compare") != (arguments.base is not None):
        parser.error("compare needs --base, and only compare has it")
    if arguments.mode == "compare":
        seeds = range(arguments.first_seed, arguments.first_seed + arguments.rounds)
        changes = [text for change in arguments.changes for text in ("--set", change)]
        compare(arguments.base, arguments.base_python, seeds, ["--study", arguments.study, *changes])
        return
    try:
        study = fix_precision(
            load_study(arguments.study, dict(read_change(text) for text in arguments.changes))
        )
        data = study.dataset.load()
    except ConvstudyError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    network = arguments.network or next(iter(study.network))
    if network not in study.network:
        parser.error(f"--network must be one of {', '.join(study.network)}; got {network}")
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    results = []
    for fit in fits_of(study, network, seeds, arguments.split_seed, data):
        final = arguments.mode == "final"
        result = on_test(fit, data, arguments.test_evaluations) if final else on_validation(fit, data)
        print(
            f"seed {result.seed}  accuracy {100 * result.accuracy:.2f} %  {result.seconds:.2f} s  "
            f"({result.seconds_in_all:.2f} s in all)",
            flush=True,
        )
        results.append(result)
    found = summary(results)
    part = "test" if arguments.mode == "final" else "validation"
    spread = f" ± {100 * found['accuracy_sd']:.3f}" if len(results) > 1 else ""
    print(
        f"{study.name}, {network}: {part} accuracy {100 * found['accuracy']:.3f}{spread} % over {len(results)} seeds, "
        f"{found['seconds']:.2f} s each ({study.threads} threads, one fit at a time)"
    )
    print(
        json.dumps(
            {
                "mode": arguments.mode,
                "study": study.name,
                "network": network,
                "changes": arguments.changes,
                "seeds": list(seeds),
                "split_seed": arguments.split_seed,
                **found,
                "environment": asdict(environment(study.threads)),
            }
        )
    )


if __name__ == "__main__":
    main()
