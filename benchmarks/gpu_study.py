"""The notebook's whole study on a CUDA device: every fit of the built-in study ``mnist``, several at once.

::

    python benchmarks/gpu_study.py                                # one seed, bfloat16: 25 fits of the search and 7 more
    python benchmarks/gpu_study.py --set study.seeds=5
    python benchmarks/gpu_study.py --device cpu --subset 300 --set recipe.epochs=1    # a trial without a device

It runs the study as ``convstudy run`` does, into a folder of its own that is removed afterwards: training, evaluation
after each epoch, checkpoints, choices, openings of the test set. "seconds" begins after start-up (imports, reading
the images, the device's first kernel) and ends when the last model has been tested; the report is not in it.
"images_per_second" counts training images only. The last line on stdout is JSON. Without a CUDA device, and unless
``--device cpu`` asks for less, it says so and ends with status 2.
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
from typing import Any

import torch

from convstudy import __version__
from convstudy.data import load_dataset
from convstudy.engine.devices import device_name, find_device
from convstudy.errors import ConvstudyError
from convstudy.run import Event, FitEnded, RunStarted, run_study
from convstudy.spec import load_study, read_change
from convstudy.store import Results

AS_MEASURED: dict[str, Any] = {"study.seeds": 1, "recipe.precision": "bfloat16"}


@dataclass
class Tally:
    """What the run told: fits that ended, training images that they saw, and how many ran at once."""

    n_fits: int = 0
    n_failed: int = 0
    n_images: int = 0
    at_once: int = 0
    seconds_of_fits: float = 0.0

    def __call__(self, event: Event) -> None:
        """Count."""
        match event:
            case RunStarted():
                self.at_once = event.workers
            case FitEnded():
                record = event.record
                self.n_fits += 1
                self.n_failed += not record.done
                self.n_images += record.n_train * len(record.history)
                self.seconds_of_fits += record.seconds
                print(
                    f"{self.n_fits:3d}  {record.seconds:7.1f} s  {record.error or event.fit.network.texts[0]}",
                    file=sys.stderr,
                )


def test_accuracies(results: Results) -> dict[str, float]:
    """Return the mean test accuracy over seeds of each candidate that was tested."""
    found = {}
    for stage in results.plan.stages:
        for candidate in stage.candidates:
            opened = [results.openings[fit.id] for fit in candidate.fits if fit.id in results.openings]
            scores = [opening.accuracy for opening in opened if opening.accuracy is not None]
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
    parser.add_argument("--at-once", type=int, help="fits at once, instead of the executor's own number")
    parser.add_argument("--subset", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    asked = parser.parse_args()
    changes = {**AS_MEASURED, **dict(read_change(text) for text in asked.changes)}
    if asked.subset is not None:
        changes["study.subset"] = asked.subset
    try:
        device = find_device(asked.device)
        study = load_study(asked.study, changes)
        load_dataset(study.dataset)
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
        seconds = time.perf_counter() - started
    line = {
        "study": study.name,
        "changes": changes,
        "seconds": round(seconds, 2),
        "fits": tally.n_fits,
        "failed": tally.n_failed,
        "complete": results.complete,
        "fits_at_once": tally.at_once,
        "images_per_second": round(tally.n_images / seconds),
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
