"""The training loop: one step, and one epoch of them, on one screen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from convstudy.engine.augmentation import augmented
from convstudy.engine.averaging import WeightAverage
from convstudy.engine.batches import ImageTensors, batches, epoch_order, steps_per_epoch
from convstudy.engine.evaluation import half_precision
from convstudy.engine.optimizers import make_step
from convstudy.engine.rng_streams import RngStreams
from convstudy.engine.step_hyperparameters import StepHyperparameters, step_hyperparameters
from convstudy.errors import Diverged
from convstudy.studyfile.recipe import Recipe


class Step:
    """One step of training, in place. Nothing in it waits for a device, so that a graph may capture several.

    Args:
        model: logits from ``(n, channels, height, width)``.
        optimizer: made by :func:`~convstudy.engine.optimizers.build_optimizer` for this model.
        recipe: what to do with the images.
        average: follows the model step by step, if there is one.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        average: WeightAverage | None = None,
    ) -> None:
        self.model, self.optimizer, self.recipe, self.average = model, optimizer, recipe, average
        self.noise = RngStreams(model, next(model.parameters()).device)

    def __call__(
        self, pixels: torch.Tensor, labels: torch.Tensor, hyperparameters: StepHyperparameters
    ) -> torch.Tensor:
        """Learn from a batch, uint8 ``(n, h, w, c)`` and int64 ``(n,)``; return its loss, a tensor without axes."""
        recipe = self.recipe
        # In float32 whatever the recipe's precision: where a pixel comes from takes more than bfloat16's 8 bits.
        images = augmented(pixels, recipe, self.noise.augmentation)
        with half_precision(recipe.precision, pixels.device):
            logits = self.model(images)
        loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        make_step(self.optimizer, hyperparameters.lr, hyperparameters.correction)
        if self.average is not None:
            self.average.follow(hyperparameters.share)
        return loss.detach()


def go_on() -> None:
    """Have nothing against the next step: this is called before it where nobody wants to end a fit in between."""


class Loop(Protocol):
    """Takes the steps of an epoch over ``part``: by plain calls, or captured (:mod:`~convstudy.engine.cuda.loop`)."""

    step: Step
    part: ImageTensors

    def run(self, order: npt.NDArray[np.int64], paces: list[StepHyperparameters]) -> torch.Tensor:
        """Take a step with each batch of the images in this order; return the sum of the losses."""
        ...


class EagerLoop:
    """Calls the step once a batch.

    Args:
        step: what to do with a batch.
        part: the training images.
        before_step: is called before each step; what it raises ends the epoch.
    """

    def __init__(self, step: Step, part: ImageTensors, before_step: Callable[[], None] = go_on) -> None:
        self.step, self.part, self._before_step = step, part, before_step

    def run(self, order: npt.NDArray[np.int64], paces: list[StepHyperparameters]) -> torch.Tensor:
        """Take a step with each batch of the images in this order; return the sum of the losses."""
        total_loss = torch.zeros((), device=self.part.labels.device)
        every = batches(self.part, order, self.step.recipe.batch_size)
        for (pixels, labels), hyperparameters in zip(every, paces, strict=True):
            self._before_step()
            total_loss += self.step(pixels, labels, hyperparameters)
        return total_loss


def train_epoch(loop: Loop, seed: int, epoch: int) -> float:
    """Train on every image once, in place; return the learning rate of the last step.

    Args:
        loop: takes the steps.
        seed: the fit's seed; order, dropout and augmentation of this epoch follow from it alone.
        epoch: counted from 1.

    Raises:
        Diverged: when the loss of a step was not a finite number.
    """
    step, n_images = loop.step, len(loop.part)
    paces = step_hyperparameters(step.recipe, epoch, steps_per_epoch(n_images, step.recipe.batch_size))
    step.noise.start(seed, epoch)
    step.model.train()
    total_loss = loop.run(epoch_order(n_images, seed, epoch), paces)
    # One look an epoch: asking after each step would make a device wait, and a loss that is not a number stays so.
    if not math.isfinite(float(total_loss)):
        raise Diverged(f"the loss stopped being a finite number in epoch {epoch}")
    return float(paces[-1].lr)
