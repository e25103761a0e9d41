"""Run the notebook's whole study on a GPU: every fit of the built-in study ``mnist``, several at once.

::

    python -m benchmarks.gpu.gpu_study                                # one seed: 25 fits of the search and 7 more
    python -m benchmarks.gpu.gpu_study --set study.seeds=5
    python -m benchmarks.gpu.gpu_study --device cpu --subset 300 --set recipe.epochs=1    # a short run without a GPU

The script runs the study like ``convstudy run``, in a temporary runs folder: training, evaluation after each epoch,
checkpoints, choices, test-set evaluations. "seconds" starts when the plan exists (the images are loaded and the first
kernel has run) and ends with the last test-set evaluation. It includes what each executor does once, such as loading
the images. "seconds_in_all" is the whole run: it also loads and verifies the images before the plan, and searches
them for near-duplicates after the last evaluation, on the CPU. Neither includes the report. "images_per_second"
counts training images only. The last line on stdout is JSON.

The precision is bfloat16 if the device has instructions for it, otherwise float32. Without a CUDA device, the script
prints an error and exits with status 2; with ``--skip-without-device`` it exits with status 0.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from statistics import fmean

import torch

from benchmarks.parts.arguments import at_least
from convstudy._version import __version__
from convstudy.engine.bfloat16 import computes_bfloat16
from convstudy.engine.devices import device_name, find_device
from convstudy.errors import ConvstudyError, UsageError
from convstudy.history import Results
from convstudy.run import EvaluatedOnTestSet, Event, FitEnded, RunStarted, run_study
from convstudy.studyfile import load_study, read_change


@dataclass
class Tally:
    """Counts the events of a run: fits, training images, concurrent fits and times."""

    n_fits: int = 0
    n_failed: int = 0
    n_images: int = 0
    n_concurrent: int = 0
    seconds_of_fits: float = 0.0
    started: float = 0.0
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """The time from the first plan to the last fit or test-set evaluation."""
        return self.ended - self.started

    def __call__(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.n_concurrent = event.workers
                self.started = self.ended = time.perf_counter()
            case FitEnded():
                self.ended = time.perf_counter()
                record = event.record
                self.n_fits += 1
                self.n_failed += not record.done
                self.n_images += record.n_train * len(record.history)
                self.seconds_of_fits += record.seconds
                print(
                    f"{self.n_fits:3d}  {record.seconds:7.1f} s  {record.error or event.fit.network.texts[0]}",
                    file=sys.stderr,
                )
            case EvaluatedOnTestSet():
                self.ended = time.perf_counter()


def test_accuracies(results: Results) -> dict[str, float]:
    """Return the mean test accuracy over seeds of each evaluated candidate, by stage and name."""
    found = {}
    for stage in results.plan.stages:
        for candidate in stage.candidates:
            evaluations = [
                results.test_evaluations[fit.id]
                for fit in candidate.fits
                if fit.id in results.test_evaluations
            ]
            scores = [each.scores["accuracy"] for each in evaluations if each.scores is not None]
            if scores:
                found[f"{stage.key} {candidate.name}"] = round(fmean(scores), 4)
    return found


def main() -> int:
    """Run the study, print one line of JSON, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--study", default="mnist")
    parser.add_argument(
        "--at-once", type=at_least(0), help="the number of concurrent fits [the executor's choice]"
    )
    parser.add_argument("--subset", type=at_least(1))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument(
        "--skip-without-device",
        action="store_true",
        help="exit with status 0 if there is no such device",
    )
    arguments = parser.parse_args()
    try:
        device = find_device(arguments.device)
    except UsageError as error:
        if arguments.skip_without_device:
            print(f"gpu_study.py: skipped, because there is no device {arguments.device!r}")
            return 0
        print(error, file=sys.stderr)
        return 2
    try:
        precision = "bfloat16" if computes_bfloat16(device) else "float32"
        changes = {
            "study.seeds": 1,
            "recipe.precision": precision,
            **dict(read_change(text) for text in arguments.changes),
        }
        if arguments.subset is not None:
            changes["study.subset"] = arguments.subset
        study = load_study(arguments.study, changes)
        study.dataset.load()
    except ConvstudyError as error:
        print(error, file=sys.stderr)
        return 2
    on_cuda = device.type == "cuda"
    if on_cuda:
        torch.zeros(1, device=device).add_(1).item()
        torch.cuda.reset_peak_memory_stats(device)
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        results = run_study(study, folder, arguments.at_once, tally, str(device))
        in_all = time.perf_counter() - started
    line = {
        "study": study.name,
        "changes": changes,
        "seconds": round(tally.seconds, 2),
        "seconds_in_all": round(in_all, 2),
        "fits": tally.n_fits,
        "failed": tally.n_failed,
        "complete": results.complete,
        "fits_at_once": tally.n_concurrent,
        "images_per_second": round(tally.n_images / tally.seconds) if tally.n_fits else 0,
        "seconds_of_fits": round(tally.seconds_of_fits, 1),
        "test_accuracy": test_accuracies(results),
        "device": device_name(device),
        "peak_device_memory_bytes": torch.cuda.max_memory_reserved(device) if on_cuda else None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if on_cuda else None,
        "python": platform.python_version(),
        "convstudy": __version__,
    }
    print(json.dumps(line))
    return 1 if tally.n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
