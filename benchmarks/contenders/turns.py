"""How a contender takes part: it trains an epoch whenever it is told to, and says how long that took.

A contender is a program: ``python <contender>.py NETWORK THREADS STEPS [VARIANT]``. It builds the network, trains one
epoch of STEPS batches of 100 to warm up, prints ``ready``, and then trains one epoch for each line that it reads,
printing the seconds. So several contenders can lie ready, and be timed in turn. Nothing here or in the contenders but
ours imports convstudy.
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
class Part:
    """What the command line asks for."""

    network: str
    threads: int
    n_steps: int
    variant: str

    @property
    def n_images(self) -> int:
        """Images an epoch."""
        return self.n_steps * BATCH_SIZE


def part() -> Part:
    """Return what the command line asks for."""
    network, threads, n_steps = sys.argv[1:4]
    return Part(network, int(threads), int(n_steps), sys.argv[4] if len(sys.argv) > 4 else "")


def layers(network: str) -> list[list[str]]:
    """Return the words of each hidden layer of a network of the built-in study; ``two-conv-7`` has kernel 7."""
    kernel = network.removeprefix("two-conv-") if network.startswith("two-conv-") else ""
    networks = tomllib.loads(STUDY.read_text(encoding="utf-8"))["network"]
    texts = networks["two-conv" if kernel else network]["layers"]
    return [text.replace("{kernel}", kernel).split() for text in texts]


def images(n_images: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return random grey images ``(n, 28, 28, 1)`` and labels: a step takes as long whatever they show."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (n_images, 28, 28, 1), dtype=np.uint8)
    return pixels, np.arange(n_images, dtype=np.int64) % N_CLASSES


class Turns:
    """The contender's side of taking turns."""

    def __init__(self) -> None:
        self.started = 0.0
        self.warm = False

    def begin(self) -> None:
        """Before an epoch: wait for the word, unless it is the warm-up, and look at the clock."""
        if self.warm and not sys.stdin.readline():
            sys.exit(0)
        self.started = time.perf_counter()

    def end(self) -> None:
        """After an epoch: say how long it took, or that the warm-up is done."""
        self.say(time.perf_counter() - self.started)

    def say(self, seconds: float) -> None:
        """Say how long an epoch took, or that the warm-up is done."""
        print(f"{seconds:.6f}" if self.warm else "ready", flush=True)
        self.warm = True
