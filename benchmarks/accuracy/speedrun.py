"""How accurate a study's first network becomes, and in how many seconds: MNIST in seconds, and in ten minutes.

Choosing looks at validation images only; the last word opens the sealed test set, once for each seed::

    python -m benchmarks.accuracy.speedrun choose --seeds 3 --set recipe.epochs=2
    python -m benchmarks.accuracy.speedrun final --seeds 5 --first-seed 1000
    python -m benchmarks.accuracy.speedrun final --study mnist-accuracy --seeds 5 --first-seed 1000

Each fit is the package's own (``run_fit``, then
``evaluate_test_set``), one at a time, on the threads that the study gives it.
"seconds" are those of training with its augmentation and of the final evaluation (of the validation images in
``choose``, of the test images in ``final``); importing, loading images and measuring after each epoch are not in it.
"seconds_in_all" leaves out importing and loading only. The first fit of a process also pays for torch's choice of
kernels.

``choose --split-seed`` has all seeds validate on the same images, so that it can score an ensemble, too. ``final``
appends a line to ``--test_evaluations`` before a test image is read. The last line on stdout is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, stdev
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


@dataclass(frozen=True)
class Result:
    """One seed: ``probabilities`` of the images it was scored on, and their labels."""

    seed: int
    accuracy: float
    seconds: float
    seconds_in_all: float
    probabilities: torch.Tensor
    labels: torch.Tensor


def fits_of(
    study: Study, network: str, seeds: range, split_seed: int | None, data: LoadedDataset
) -> Iterator[Fit]:
    """Yield a fit of the study's network for each seed; a split seed has all validate on the same images."""
    layers = study.network[network].network()
    for seed in seeds:
        split = Holdout(study.validation, seed if split_seed is None else split_seed, study.subset)
        yield Fit(study.dataset, layers, study.recipe, split, seed, study.threads)


def train(fit: Fit, data: LoadedDataset) -> tuple[TrainedFit, float, float]:
    """Return what a fit leaves, its seconds of training, and those of all that it did."""
    started = time.perf_counter()
    trained = run_fit(fit, data.train)
    in_all = time.perf_counter() - started
    if not trained.record.done:
        sys.exit(f"seed {fit.seed}: {trained.record.error}")
    return trained, sum(epoch.train_seconds for epoch in trained.record.history), in_all


def on_validation(fit: Fit, data: LoadedDataset) -> Result:
    """Train, and score on the validation images."""
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
    """Train, write the opening down, and score on the sealed test set."""
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
        opened = evaluate_test_set(
            fit, weights, trained.record.weights_digest, data.test, record_test_evaluation
        )
    probabilities, labels = opened.predictions["probabilities"], opened.predictions["labels"]
    return Result(
        fit.seed,
        opened.scores["accuracy"],
        seconds + opened.seconds,
        in_all + opened.seconds,
        probabilities,
        labels,
    )


def summary(results: list[Result]) -> dict[str, Any]:
    """Return means and standard deviations over seeds, and the ensemble's accuracy where all saw the same images."""
    found: dict[str, Any] = {"n": len(results), "accuracies": [result.accuracy for result in results]}
    for name in ("accuracy", "seconds", "seconds_in_all"):
        values = [getattr(result, name) for result in results]
        found |= {name: fmean(values), f"{name}_sd": stdev(values) if len(values) > 1 else None}
    labels = results[0].labels
    if len(results) > 1 and all(torch.equal(result.labels, labels) for result in results):
        together = torch.stack([result.probabilities for result in results]).mean(0)
        found["ensemble_accuracy"] = float((together.argmax(1) == labels).double().mean())
    return found


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=["choose", "final"])
    parser.add_argument("--study", default="mnist-speedrun")
    parser.add_argument("--network", help="the first one unless told")
    parser.add_argument("--seeds", type=at_least(1), default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--split-seed", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--test-evaluations", type=Path, default=Path("speedrun-test-evaluations.jsonl"))
    asked = parser.parse_args()
    try:
        study = fix_precision(load_study(asked.study, dict(read_change(text) for text in asked.changes)))
        data = study.dataset.load()
    except ConvstudyError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    network = asked.network or next(iter(study.network))
    if network not in study.network:
        parser.error(f"no network {network!r} in {study.name}, which has {', '.join(study.network)}")
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    results = []
    for fit in fits_of(study, network, seeds, asked.split_seed, data):
        final = asked.mode == "final"
        result = on_test(fit, data, asked.test_evaluations) if final else on_validation(fit, data)
        print(
            f"seed {result.seed}  accuracy {100 * result.accuracy:.2f} %  {result.seconds:.2f} s  "
            f"({result.seconds_in_all:.2f} s in all)",
            flush=True,
        )
        results.append(result)
    found = summary(results)
    of = "test" if asked.mode == "final" else "validation"
    spread = f" ± {100 * found['accuracy_sd']:.3f}" if len(results) > 1 else ""
    print(
        f"{study.name}, {network}: {of} accuracy {100 * found['accuracy']:.3f}{spread} % over {len(results)} seeds, "
        f"{found['seconds']:.2f} s each ({study.threads} threads, one fit at a time)"
    )
    statistics = {"mode": asked.mode, "study": study.name, "network": network, "changes": asked.changes}
    print(
        json.dumps(
            {
                **statistics,
                "seeds": list(seeds),
                "split_seed": asked.split_seed,
                **found,
                "environment": asdict(environment(study.threads)),
            }
        )
    )


if __name__ == "__main__":
    main()
