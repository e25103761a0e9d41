"""Start programs that train (``contenders/``) and let them take turns, so that all meet the same state of the machine.

The protocol between a contender and this module is in ``contenders/turns.py``. A step of a
large network takes a second on a CPU without fast instructions; that of a small one takes 10 ms with matrix units.
Therefore :func:`steps_of_a_turn` derives the number of steps from the measured rate of matrix products.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from convstudy.run.executors.processes import KEEP_BLOCKS

CONTENDERS = Path(__file__).parents[1] / "contenders"
BATCH_SIZE = 100
# The number of batches in a turn of scripts that do not adapt it, chosen so that networks take a similar time.
STEPS = {"two-conv-3": 60, "two-conv-7": 40, "five-conv": 60, "six-conv": 12}
# The fraction of the rate of matrix products that a contender is assumed to reach, by precision. It only sets the
# length of a turn.
ASSUMED = {"float32": 0.5, "bfloat16": 0.3}
# Runs a script so that its clock is the processor time of its process.
PROCESSOR_CLOCK = """
import runpy, sys, time
time.perf_counter = time.process_time
del sys.argv[0]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Contender:
    """A program that trains.

    Attributes:
        name: the name in the tables.
        script: the file in ``contenders/``, or an absolute path.
        variant: the last argument of the script.
        peer: whether it runs in the environment of the peers.
        environment: additional environment variables. convstudy gets the allocator settings of its workers; peers run
            with their defaults.
        processor_clock: whether the contender measures its processor time instead of the time that passes.
    """

    name: str
    script: str
    variant: str = ""
    peer: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    processor_clock: bool = False

    @property
    def precision(self) -> str:
        return "bfloat16" if "bfloat16" in self.variant else "float32"


@dataclass
class Running:
    """A started contender: ``n_processes`` processes of ``threads`` threads; ``rates`` has the turns per second."""

    contender: Contender
    n_processes: int
    threads: int
    n_steps: int
    processes: list[subprocess.Popen[str]]
    rates: list[float] = field(default_factory=list)

    @property
    def images_per_second(self) -> tuple[float, ...]:
        """The training images per second of all processes together, by turn."""
        return tuple(rate * self.n_steps * BATCH_SIZE for rate in self.rates)

    def wait_until_ready(self) -> None:
        """Wait for the end of the warm-up."""
        for process in self.processes:
            while _line(process) != "ready":
                pass

    def train_epoch(self) -> None:
        """Train an epoch in all processes at the same time and add the rate of all together."""
        for process in self.processes:
            print("go", file=process.stdin, flush=True)
        self.rates.append(sum(1 / float(_line(process)) for process in self.processes))

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def start(
    contender: Contender, python: str, network: str, n_steps: int, n_processes: int, threads: int
) -> Running:
    """Start the processes of a contender, without waiting for their warm-up."""
    # glibc reads KEEP_BLOCKS, and start_as_worker may have set them here. Peers run without them.
    inherited = {name: value for name, value in os.environ.items() if name not in KEEP_BLOCKS}
    command = [
        python,
        *(["-c", PROCESSOR_CLOCK] if contender.processor_clock else []),
        str(CONTENDERS / contender.script),
        network,
        str(threads),
        str(n_steps),
        contender.variant,
    ]
    processes = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**inherited, "OMP_NUM_THREADS": str(threads), **contender.environment},
        )
        for _ in range(n_processes)
    ]
    return Running(contender, n_processes, threads, n_steps, processes)


def take_turns(
    contenders: Sequence[Contender],
    peers: str,
    network: str,
    n_steps: int,
    layouts: Sequence[tuple[int, int]],
    n_rounds: int,
) -> list[Running]:
    """Start contenders on one network in all layouts and let them train an epoch each, in turn, ``n_rounds`` times.

    Args:
        contenders: the contenders.
        peers: the Python of the peers.
        network: the network, such as ``two-conv-3``.
        n_steps: the number of batches of an epoch.
        layouts: (number of processes, threads of each).
        n_rounds: the number of rounds.
    """
    running: list[Running] = []
    try:
        for contender in contenders:
            python = peers if contender.peer else sys.executable
            for layout in layouts:
                running.append(start(contender, python, network, n_steps, *layout))
        run_rounds(running, n_rounds)
    finally:
        for each in running:
            each.stop()
    return running


def run_rounds(
    running: Sequence[Running],
    n_rounds: int,
    seconds: float = float("inf"),
    at_least: int = 1,
    n_uncounted: int = 0,
) -> None:
    """Wait for the warm-up of all, then let each train an epoch, in turn, for a number of rounds.

    Args:
        running: the started contenders.
        n_rounds: the largest number of rounds.
        seconds: no round starts after this time, counted from the call.
        at_least: this many rounds run in any case.
        n_uncounted: the number of rounds before the first counted one.
    """
    deadline = time.monotonic() + seconds
    for each in running:
        each.wait_until_ready()
        for _ in range(n_uncounted):
            each.train_epoch()
        each.rates.clear()
    for number in range(n_rounds):
        if number >= at_least and time.monotonic() > deadline:
            break
        # The first one changes from round to round.
        for place in range(len(running)):
            running[(place + number) % len(running)].train_epoch()


def steps_of_a_turn(network: str, peak: float, precision: str, seconds: float) -> int:
    """Return the number of steps of one process that take about this time.

    Args:
        network: the network, such as ``two-conv-3``.
        peak: the FLOP/s of matrix products of that process in the same precision.
        precision: ``"float32"`` or ``"bfloat16"``.
        seconds: the time of a turn.
    """
    return min(200, max(2, round(seconds * ASSUMED[precision] * peak / (BATCH_SIZE * flops_of(network)))))


@cache
def flops_of(network: str) -> int:
    """Return the FLOPs of training on one image. The backward pass has twice the FLOPs of the forward pass."""
    from benchmarks.contenders.turns import layers
    from convstudy.networks import Network, layer_table

    texts = [" ".join(parts) for parts in layers(network)]
    return 6 * layer_table(Network.read(texts), (28, 28, 1), 10).macs


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"A contender ended early: {process.args!r}")
    return line.strip()
