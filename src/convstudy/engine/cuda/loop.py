"""The training loop of a device: several steps are captured once and replayed, one launch for all of them.

At a batch of a hundred small images a device takes less time for a kernel than a processor for launching it. A graph
fixes all numbers and addresses, so what changes from step to step (which images,
:class:`~convstudy.engine.step_hyperparameters.StepHyperparameters`) lies in tensors that stay where they are and
are written between replays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from convstudy.engine.batches import ImageTensors
from convstudy.engine.cuda.graph import Capture, Replay
from convstudy.engine.device_lock import DEVICE_LOCK
from convstudy.engine.devices import wait_for
from convstudy.engine.optimizers import steps_counted
from convstudy.engine.step_hyperparameters import StepHyperparameters
from convstudy.engine.training import Step, go_on

MOST_STEPS_AT_ONCE = 20
# A step by plain calls takes the processor about as long as so many replays.
REPLAYS_A_PLAIN_STEP = 10
# Libraries choose kernels and take their workspaces in the first steps.
N_WARM_UP = 3


class CapturedLoop:
    """Takes several steps at a time, and those that are left over, a smaller last batch among them, one by one.

    It is made before the first step or after a checkpoint was read, leaves all weights and states as they were, and
    is closed after the last one (it is its own context).

    Args:
        step: what to do with a batch.
        part: the training images, on the model's device.
        capture: makes a replay of the steps: a graph on a CUDA device, plain calls elsewhere.
        before_step: is called before each replay and each single step; what it raises ends the epoch.
    """

    def __init__(
        self, step: Step, part: ImageTensors, capture: Capture, before_step: Callable[[], None] = go_on
    ) -> None:
        self.step, self.part, self._before_step = step, part, before_step
        device, size = part.labels.device, step.recipe.batch_size
        self._n_at_once = steps_at_once(len(part) // size)
        self._rows = torch.zeros(self._n_at_once, size, dtype=torch.int64, device=device)
        self._paces = torch.zeros(self._n_at_once, len(StepHyperparameters._fields), device=device)
        self._total_loss = torch.zeros((), device=device)
        self._replay: Replay | None = None
        if self._n_at_once:
            step.noise.start(0, 0)
            step.model.train()
            with unchanged(step):
                for _ in range(N_WARM_UP):
                    self._take(self._rows[0], self._paces[0])
                self._replay = capture(self._take_several, step.noise.generators)

    def run(self, order: npt.NDArray[np.int64], paces: list[StepHyperparameters]) -> torch.Tensor:
        """Take a step with each batch of the images in this order; return the sum of the losses."""
        device, size, n_at_once = self._rows.device, self.step.recipe.batch_size, self._n_at_once
        rows, table = torch.from_numpy(order).to(device), torch.tensor(paces, device=device)
        self._total_loss.zero_()
        done = 0
        with steps_counted(self.step.optimizer, len(paces)):
            while self._replay is not None and (done + n_at_once) * size <= len(order):
                self._before_step()
                DEVICE_LOCK.yield_to_exclusive()
                self._rows.copy_(rows[done * size : (done + n_at_once) * size].view_as(self._rows))
                self._paces.copy_(table[done : done + n_at_once])
                self._replay()
                done += n_at_once
            for left in range(done, len(paces)):
                self._before_step()
                DEVICE_LOCK.yield_to_exclusive()
                self._take(rows[left * size : (left + 1) * size], table[left])
        wait_for(device)
        return self._total_loss

    def _take(self, rows: torch.Tensor, hyperparameters: torch.Tensor) -> None:
        """Take one step with the images at these rows."""
        loss = self.step(
            self.part.pixels[rows], self.part.labels[rows], StepHyperparameters(*hyperparameters.unbind())
        )
        self._total_loss.add_(loss)

    def _take_several(self) -> None:
        """Take the steps that the tensors tell of: this is what is captured."""
        for rows, hyperparameters in zip(self._rows.unbind(), self._paces.unbind(), strict=True):
            self._take(rows, hyperparameters)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._replay is not None:
            # It holds this loop and this loop holds it; memory of a device is given back when they let go, not some
            # time later.
            self._replay.close()
            self._replay = None


def steps_at_once(n_steps: int) -> int:
    """Return how many of an epoch's whole batches to capture together, so that the processor has the least to do."""

    def effort(n_at_once: int) -> tuple[int, int]:
        n_replays, n_left = divmod(n_steps, n_at_once)
        return n_replays + REPLAYS_A_PLAIN_STEP * n_left, -n_at_once

    return min(range(1, min(n_steps, MOST_STEPS_AT_ONCE) + 1), key=effort, default=0)


@contextmanager
def unchanged(step: Step) -> Iterator[None]:
    """Put weights, averages and the optimizer's state back afterwards, in place, whatever steps were taken.

    State that the optimizer made meanwhile stays and is set to zero, as all of it is before a first step.
    """
    optimizer = step.optimizer
    models = [step.model] if step.average is None else [step.model, step.average.model]
    before = {tensor: tensor.clone() for model in models for tensor in model.state_dict().values()}
    before |= {tensor: tensor.clone() for state in optimizer.state.values() for tensor in state.values()}
    counts = [group.get("n_steps", 0) for group in optimizer.param_groups]
    try:
        yield
    finally:
        optimizer.zero_grad()
        with torch.no_grad():
            for tensor, value in before.items():
                tensor.copy_(value)
            for state in optimizer.state.values():
                for tensor in state.values():
                    if tensor not in before:
                        tensor.zero_()
        for group, count in zip(optimizer.param_groups, counts, strict=True):
            if "n_steps" in group:
                group["n_steps"] = count
