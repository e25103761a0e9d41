"""Time the notebook's fit of two-conv on Keras and measure its accuracy: the baseline for ``speedrun.py final``.

As in the notebook: two-conv with kernel 7, all 60,000 training images in batches of 100, Adam, float32, 20 epochs, and
the test images as validation data after each epoch. One fit uses all cores. convstudy itself never evaluates the test
set during training::

    make .venv-peers/.installed
    CONVSTUDY_DATA=<folder that holds mnist/> python -m benchmarks.accuracy.keras_route --peers .venv-peers/bin/python

A run that takes half a minute: ``--epochs 1 --subset 1000``. ``--policy mixed_bfloat16`` uses Keras' mixed precision.

"seconds" starts with ``fit`` and includes all validations. "seconds_training" includes only the last validation, as in
``speedrun.py``. Only "seconds_in_all" includes loading and imports. Each epoch is printed to stderr when it ends. The
last line on stdout is JSON.
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
    """Write MNIST for the peer; ``subset`` takes the first training images only.

    Returns:
        The number of training images and of test images.
    """
    data = BUILT_IN_DATASETS["mnist"].load()
    test = data.test.open(lambda: print("reading the test images for Keras", file=sys.stderr))
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
    """Train with Keras; return the epochs and the seconds of the whole command."""
    command = [python, str(CONTENDER), str(images), str(n_epochs), str(seed), policy]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    epochs = []
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            epochs.append(Epoch(**json.loads(line)))
            print(epoch_line(epochs[-1]), file=sys.stderr, flush=True)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return epochs, time.perf_counter() - started


def epoch_line(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.number:2d}  test accuracy {100 * epoch.test_accuracy:.2f} %  "
        f"{epoch.seconds:.1f} s since the start (its validation {epoch.validation_seconds:.1f} s)"
    )


def seconds_training(epochs: Sequence[Epoch]) -> float:
    """Return the seconds until the end of the last epoch, without the validations of earlier epochs."""
    return epochs[-1].seconds - sum(epoch.validation_seconds for epoch in epochs[:-1])


def reached(epochs: Sequence[Epoch], accuracy: float) -> dict[str, Any] | None:
    """Return the first epoch with at least this test accuracy and the seconds until then, or None."""
    for n, epoch in enumerate(epochs, start=1):
        if epoch.test_accuracy >= accuracy:
            return {
                "epoch": epoch.number,
                "seconds": epoch.seconds,
                "seconds_training": seconds_training(epochs[:n]),
            }
    return None


def versions(python: str) -> dict[str, str]:
    """Return the versions of the peer's Python, Keras, TensorFlow and numpy, without importing them."""
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", required=True, help="the Python with Keras")
    parser.add_argument("--epochs", type=at_least(1), default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--subset", type=at_least(100), help="the number of training images [all]")
    parser.add_argument("--policy", default="float32", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--keras-accuracy-target", type=float, metavar="FRACTION", help="such as 0.995")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "images.npz")
        try:
            n_train, n_test = write_images(images, arguments.subset)
        except ConvstudyError as error:
            raise SystemExit(str(error)) from None
        epochs, in_all = fit(arguments.peers, images, arguments.epochs, arguments.seed, arguments.policy)
    each = [epochs[0].seconds, *(after.seconds - before.seconds for before, after in pairwise(epochs))]
    last = epochs[-1]
    machine = environment(os.cpu_count() or 1)
    found = {
        "network": NETWORK,
        "policy": arguments.policy,
        "seed": arguments.seed,
        "n_train": n_train,
        "n_test": n_test,
        "n_epochs": len(epochs),
        "seconds": last.seconds,
        "seconds_training": seconds_training(epochs),
        "seconds_in_all": in_all,
        "seconds_per_epoch": median(each),
        "test_accuracy": last.test_accuracy,
        "epochs": [asdict(epoch) for epoch in epochs],
        "cpu": machine.cpu,
        "n_cores": machine.n_cores,
        "versions": versions(arguments.peers),
    }
    print(
        f"Keras, {NETWORK}, {arguments.policy}: {n_train:,} images, {len(epochs)} epochs in {last.seconds:.1f} s "
        f"({found['seconds_training']:.1f} s without the earlier validations), per epoch "
        f"{median(each):.1f} s ({min(each):.1f} to {max(each):.1f}); test accuracy {100 * last.test_accuracy:.2f} %"
    )
    if arguments.keras_accuracy_target is not None:
        target = arguments.keras_accuracy_target
        found |= {"accuracy_target": target, "reached": reached(epochs, target)}
        first = found["reached"]
        print(
            f"reached {100 * target:g} % in epoch {first['epoch']}, {first['seconds']:.1f} s "
            f"({first['seconds_training']:.1f} s without the earlier validations)"
            if first
            else f"did not reach {100 * target:g} %; maximum {100 * max(e.test_accuracy for e in epochs):.2f} %"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
