"""The notebook's way to MNIST on Keras, timed: how long one fit of two-conv takes, and how accurate it becomes.

two-conv with kernel 7 as the notebook had it: all 60,000 training images in batches of 100, Adam, float32, 20 epochs,
the test images as validation data after each epoch, one fit on all cores. It is what ``speedrun.py final`` is set
beside, so that test accuracy is read off after every epoch here, as the notebook did, and as convstudy never does::

    make .venv-peers/.installed
    CONVSTUDY_DATA=<folder that holds mnist/> python -m benchmarks.accuracy.keras_route --peers .venv-peers/bin/python

A size that takes half a minute: ``--epochs 1 --subset 1000``. ``--policy mixed_bfloat16`` is Keras' own half precision.

"seconds" run from the start of ``fit`` and include the validations, "seconds_training" leave them out but for the last
one, as ``speedrun.py`` reckons; loading and imports are in "seconds_in_all" only. Each epoch is told on stderr as it
ends. The last line on stdout is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.parts.arguments import at_least
from convstudy.data import BUILT_IN_DATASETS
from convstudy.engine.environment import environment
from convstudy.errors import ConvstudyError

CONTENDER = Path(__file__).parents[1] / "contenders" / "keras_mnist.py"
NETWORK = "two-conv-7"


@dataclass(frozen=True)
class Epoch:
    """One epoch: ``seconds`` from the start of the fit to its end, its validation included."""

    number: int
    seconds: float
    validation_seconds: float
    train_accuracy: float
    test_accuracy: float


def write_images(path: Path, subset: int | None) -> tuple[int, int]:
    """Write MNIST's images for the peer, the first ``subset`` training images or all; return how many of each part."""
    data = BUILT_IN_DATASETS["mnist"].load()
    test = data.test.open(lambda: print("the test images are opened for the peer", file=sys.stderr))
    train = data.train if subset is None else data.train.take(np.arange(min(subset, len(data.train))))
    np.savez(
        path,
        train_pixels=train.pixels,
        train_labels=train.labels,
        test_pixels=test.pixels,
        test_labels=test.labels,
    )
    return len(train), len(test)


def fit(python: str, images: Path, n_epochs: int, seed: int, policy: str) -> tuple[list[Epoch], float]:
    """Let the peer train; return its epochs, and the seconds of the whole command."""
    command = [python, str(CONTENDER), str(images), str(n_epochs), str(seed), policy]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    epochs = []
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            epochs.append(Epoch(**json.loads(line)))
            print(told(epochs[-1]), file=sys.stderr, flush=True)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return epochs, time.perf_counter() - started


def told(epoch: Epoch) -> str:
    """Return a line about an epoch."""
    return (
        f"epoch {epoch.number:2d}  test accuracy {100 * epoch.test_accuracy:.2f} %  "
        f"{epoch.seconds:.1f} s since the start (its validation {epoch.validation_seconds:.1f} s)"
    )


def seconds_training(epochs: Sequence[Epoch]) -> float:
    """Return the seconds until the last of these epochs had ended, without the validations before its own."""
    return epochs[-1].seconds - sum(epoch.validation_seconds for epoch in epochs[:-1])


def reached(epochs: Sequence[Epoch], accuracy: float) -> dict[str, Any] | None:
    """Return the first epoch with this test accuracy or more and the seconds until then; None if there is none."""
    for n, epoch in enumerate(epochs, start=1):
        if epoch.test_accuracy >= accuracy:
            return {
                "epoch": epoch.number,
                "seconds": epoch.seconds,
                "seconds_training": seconds_training(epochs[:n]),
            }
    return None


def versions(python: str) -> dict[str, str]:
    """Return the versions of the peer's Python and packages, without loading them."""
    code = (
        "import importlib.metadata as m, json, platform;"
        "found = {d.metadata['Name'].replace('_', '-'): d.version for d in m.distributions()};"
        "kept = {n: v for n, v in found.items() if n in ('keras', 'tensorflow', 'tensorflow-cpu', 'numpy')};"
        "print(json.dumps({'python': platform.python_version(), **kept}))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def main() -> None:
    """Train, and print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", required=True, help="the Python that has Keras")
    parser.add_argument("--epochs", type=at_least(1), default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--subset", type=at_least(100), help="so many training images, instead of all")
    parser.add_argument("--policy", default="float32", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--keras-accuracy-target", type=float, metavar="SHARE", help="such as 0.995")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "images.npz")
        try:
            n_train, n_test = write_images(images, asked.subset)
        except ConvstudyError as error:
            raise SystemExit(str(error)) from None
        epochs, in_all = fit(asked.peers, images, asked.epochs, asked.seed, asked.policy)
    each = [epochs[0].seconds, *(after.seconds - before.seconds for before, after in pairwise(epochs))]
    last = epochs[-1]
    machine = environment(os.cpu_count() or 1)
    found = {
        "network": NETWORK,
        "policy": asked.policy,
        "seed": asked.seed,
        "n_train": n_train,
        "n_test": n_test,
        "n_epochs": len(epochs),
        "seconds": last.seconds,
        "seconds_training": seconds_training(epochs),
        "seconds_in_all": in_all,
        "seconds_an_epoch": median(each),
        "test_accuracy": last.test_accuracy,
        "epochs": [asdict(epoch) for epoch in epochs],
        "cpu": machine.cpu,
        "n_cores": machine.n_cores,
        "versions": versions(asked.peers),
    }
    print(
        f"Keras, {NETWORK}, {asked.policy}: {n_train:,} images, {len(epochs)} epochs in {last.seconds:.1f} s "
        f"({found['seconds_training']:.1f} s without the validations before the last), an epoch "
        f"{median(each):.1f} s ({min(each):.1f} to {max(each):.1f}); test accuracy {100 * last.test_accuracy:.2f} %"
    )
    if asked.keras_accuracy_target is not None:
        target = asked.keras_accuracy_target
        found |= {"accuracy_target": target, "reached": reached(epochs, target)}
        first = found["reached"]
        print(
            f"first at {100 * target:g} % after epoch {first['epoch']}, {first['seconds']:.1f} s "
            f"({first['seconds_training']:.1f} s without the validations before that epoch's)"
            if first
            else f"never at {100 * target:g} %: at best {100 * max(e.test_accuracy for e in epochs):.2f} %"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
