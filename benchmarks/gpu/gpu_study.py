"""The notebook's whole study on a CUDA device: every fit of the built-in study ``mnist``, several at once.

::

    python -m benchmarks.gpu.gpu_study                                # one seed: 25 fits of the search and 7 more
    python -m benchmarks.gpu.gpu_study --set study.seeds=5
    python -m benchmarks.gpu.gpu_study --device cpu --subset 300 --set recipe.epochs=1    # a trial without a device

It runs the study as ``convstudy run`` does, into a folder of its own that is removed afterwards: training, evaluation
after each epoch, checkpoints, choices, openings of the test set. "seconds" begins when the plan is made (the images are
read and the device's first kernel has run) and ends when the last model has been tested; what each executor does once,
as reading the images for itself, is in it. "seconds_in_all" is the whole run: it also reads and verifies the images
before the plan, and looks all of them over for near duplicates after the last test, which is a processor's work. The
report is in neither. "images_per_second" counts training images only. The last line on stdout is JSON.

It trains in bfloat16 where the device has instructions for it, else in float32.
Without a CUDA device, and unless ``--device cpu`` asks for less, it says so and ends with status 2, or with
``--where-there-is-one`` with 0.
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
    """What the run told: fits that ended, training images that they saw, how many ran at once, and how long it took."""

    n_fits: int = 0
    n_failed: int = 0
    n_images: int = 0
    at_once: int = 0
    seconds_of_fits: float = 0.0
    started: float = 0.0
    ended: float = 0.0

    @property
    def seconds(self) -> float:
        """From the first plan to the last fit or test."""
        return self.ended - self.started

    def __call__(self, event: Event) -> None:
        """Count."""
        match event:
            case RunStarted():
                self.at_once = event.workers
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
    """Return the mean test accuracy over seeds of each candidate that was tested."""
    found = {}
    for stage in results.plan.stages:
        for candidate in stage.candidates:
            opened = [
                results.test_evaluations[fit.id]
                for fit in candidate.fits
                if fit.id in results.test_evaluations
            ]
            scores = [
                test_evaluation.scores["accuracy"]
                for test_evaluation in opened
                if test_evaluation.scores is not None
            ]
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
        "--at-once", type=at_least(0), help="fits at once, instead of the executor's own number"
    )
    parser.add_argument("--subset", type=at_least(1))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument(
        "--where-there-is-one",
        action="store_true",
        help="without such a device, say so and end with status 0",
    )
    asked = parser.parse_args()
    try:
        device = find_device(asked.device)
    except UsageError as error:
        if asked.where_there_is_one:
            print(f"gpu_study.py: there is no device {asked.device!r}, so that nothing is measured on one")
            return 0
        print(error, file=sys.stderr)
        return 2
    try:
        precision = "bfloat16" if computes_bfloat16(device) else "float32"
        changes = {
            "study.seeds": 1,
            "recipe.precision": precision,
            **dict(read_change(text) for text in asked.changes),
        }
        if asked.subset is not None:
            changes["study.subset"] = asked.subset
        study = load_study(asked.study, changes)
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
        results = run_study(study, folder, asked.at_once, tally, str(device))
        in_all = time.perf_counter() - started
    line = {
        "study": study.name,
        "changes": changes,
        "seconds": round(tally.seconds, 2),
        "seconds_in_all": round(in_all, 2),
        "fits": tally.n_fits,
        "failed": tally.n_failed,
        "complete": results.complete,
        "fits_at_once": tally.at_once,
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
