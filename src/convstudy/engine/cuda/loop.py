"""The training loop of a GPU: several steps are captured once in a CUDA graph and replayed with one launch.

With batches of a hundred small images, a GPU runs a kernel in less time than the CPU needs to launch it. A graph fixes
all floats and memory addresses. Two kinds of values change every step: the indices of the images and the
:class:`~convstudy.engine.step_hyperparameters.StepHyperparameters`. So these values are in two tensors at fixed
addresses, and the loop overwrites the tensors before each replay.
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
from convstudy.engine.training import Step, do_nothing

MAX_STEPS_PER_GRAPH = 20
# One eager step needs about as much CPU time as this number of replays.
REPLAYS_PER_EAGER_STEP = 10
# In the first steps, libraries select kernels and allocate workspaces. Neither may happen during a capture.
N_WARMUP_STEPS = 3


class CapturedLoop:
    """Replays groups of steps; the remaining steps, including a smaller last batch, run one by one.

    Create the loop before the first step or after loading a checkpoint: its constructor takes warm-up steps and then
    restores weights and optimizer state. The loop is a context manager that frees the graph at the end.

    Args:
        step: trains on a batch.
        part: the training images, on the model's device.
        capture: returns a replay of the steps: :class:`~convstudy.engine.cuda.graph.CudaGraph` on a GPU, its
            reference implementation on a CPU.
        before_step: called before each replay and each single step; an exception in it ends the epoch.
    """

    def __init__(
        self, step: Step, part: ImageTensors, capture: Capture, before_step: Callable[[], None] = do_nothing
    ) -> None:
        self.step, self.part, self._before_step = step, part, before_step
        device, size = part.labels.device, step.recipe.batch_size
        self._n_at_once = steps_at_once(len(part) // size)
        self._rows = torch.zeros(self._n_at_once, size, dtype=torch.int64, device=device)
        self._table = torch.zeros(self._n_at_once, len(StepHyperparameters._fields), device=device)
        self._total_loss = torch.zeros((), device=device)
        self._replay: Replay | None = None
        if self._n_at_once:
            step.rng.start(0, 0)
            step.model.train()
            with unchanged(step):
                # The choice of the batch has no effect, because the steps are undone.
                for _ in range(N_WARMUP_STEPS):
                    self._take_step(self._rows[0], self._table[0])
                self._replay = capture(self._take_steps, step.rng.generators)

    def run(self, order: npt.NDArray[np.int64], per_step: list[StepHyperparameters]) -> torch.Tensor:
        """Take one step per batch of the images in this order; return the sum of the batch losses, 0-d."""
        device, size, n_at_once = self._rows.device, self.step.recipe.batch_size, self._n_at_once
        # One copy per epoch: copies between replays would make the CPU wait for the GPU.
        rows, table = torch.from_numpy(order).to(device), torch.tensor(per_step, device=device)
        self._total_loss.zero_()
        done = 0
        with steps_counted(self.step.optimizer, len(per_step)):
            while self._replay is not None and (done + n_at_once) * size <= len(order):
                self._before_step()
                DEVICE_LOCK.yield_to_exclusive()
                self._rows.copy_(rows[done * size : (done + n_at_once) * size].view_as(self._rows))
                self._table.copy_(table[done : done + n_at_once])
                self._replay()
                done += n_at_once
            for left in range(done, len(per_step)):
                self._before_step()
                DEVICE_LOCK.yield_to_exclusive()
                self._take_step(rows[left * size : (left + 1) * size], table[left])
        wait_for(device)
        return self._total_loss

    def _take_step(self, rows: torch.Tensor, hyperparameters: torch.Tensor) -> None:
        """Take one step with the images of these rows and a row of the hyperparameter table."""
        loss = self.step(
            self.part.pixels[rows],
            self.part.labels[rows],
            StepHyperparameters(*hyperparameters.unbind()),
            self.part.weights_of(rows),
            rows,
        )
        self._total_loss.add_(loss)

    def _take_steps(self) -> None:
        """Take the steps of ``_rows`` and ``_table``; the graph captures this method."""
        for rows, hyperparameters in zip(self._rows.unbind(), self._table.unbind(), strict=True):
            self._take_step(rows, hyperparameters)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._replay is not None:
            # Replay and loop reference each other. Break the cycle, so that GPU memory is freed now and not at the next
            # garbage collection.
            self._replay.close()
            self._replay = None


def steps_at_once(n_steps: int) -> int:
    """Return the number of steps per graph with the least CPU time for an epoch of ``n_steps`` full batches.

    The number is at most ``MAX_STEPS_PER_GRAPH``, and 0 if there is no full batch.
    """

    def launch_cost(n_at_once: int) -> tuple[int, int]:
        n_replays, n_left = divmod(n_steps, n_at_once)
        return n_replays + REPLAYS_PER_EAGER_STEP * n_left, -n_at_once

    return min(range(1, min(n_steps, MAX_STEPS_PER_GRAPH) + 1), key=launch_cost, default=0)


@contextmanager
def unchanged(step: Step) -> Iterator[None]:
    """Restore weights, EMA, optimizer state and the images' losses at the end, in place: a graph keeps their addresses.

    Optimizer state that is created inside the context is set to zero, its value before a first step.
    """
    optimizer = step.optimizer
    models = [step.model] if step.average is None else [step.model, step.average.model]
    before = {tensor: tensor.clone() for model in models for tensor in model.state_dict().values()}
    before |= {tensor: tensor.clone() for state in optimizer.state.values() for tensor in state.values()}
    if step.image_losses is not None:
        before[step.image_losses] = step.image_losses.clone()
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
