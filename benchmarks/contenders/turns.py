"""The protocol between a contender and ``throughput.py``, which times several contenders in turn.

A contender is a program: ``python <contender>.py NETWORK THREADS STEPS [VARIANT]``. It builds the network, trains one
epoch of STEPS batches of 100 to warm up, and prints ``ready``. Then it trains one epoch for each line on stdin and
prints the seconds. Only ``ours.py`` imports convstudy.
"""

from __future__ import annotations

import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

BATCH_SIZE = 100
N_CLASSES = 10
STUDY = Path(__file__).parents[2] / "src" / "convstudy" / "studies" / "mnist.toml"


@dataclass(frozen=True)
class Arguments:
    """The command line of a contender."""

    network: str
    threads: int
    n_steps: int
    variant: str

    @property
    def n_images(self) -> int:
        """The number of images of an epoch."""
        return self.n_steps * BATCH_SIZE


def read_arguments() -> Arguments:
    network, threads, n_steps = sys.argv[1:4]
    return Arguments(network, int(threads), int(n_steps), sys.argv[4] if len(sys.argv) > 4 else "")


def layers(network: str) -> list[list[str]]:
    """Return the hidden layers of a network of the study ``mnist``, split at spaces. ``two-conv-7`` has kernel 7."""
    kernel = network.removeprefix("two-conv-") if network.startswith("two-conv-") else ""
    networks = tomllib.loads(STUDY.read_text(encoding="utf-8"))["network"]
    texts = networks["two-conv" if kernel else network]["layers"]
    return [text.replace("{kernel}", kernel).split() for text in texts]


def images(n_images: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return random grey images ``(n, 28, 28, 1)`` and labels. The time of a step does not depend on their content."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (n_images, 28, 28, 1), dtype=np.uint8)
    return pixels, np.arange(n_images, dtype=np.int64) % N_CLASSES


class Turns:
    """Measures each epoch; between two epochs it waits for the next line on stdin."""

    def __init__(self) -> None:
        self.started = 0.0
        self.warm = False

    def begin(self) -> None:
        """Wait for the next turn (except before the warm-up), then start the clock."""
        if self.warm and not sys.stdin.readline():
            sys.exit(0)
        self.started = time.perf_counter()

    def end(self) -> None:
        """Print the seconds of the epoch, or ``ready`` after the warm-up."""
        self.report(time.perf_counter() - self.started)

    def report(self, seconds: float) -> None:
        """Print these seconds, or ``ready`` after the warm-up."""
        print(f"{seconds:.6f}" if self.warm else "ready", flush=True)
        self.warm = True
