"""The training loop: one step, and one epoch of steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from convstudy.engine.augmentation import augmented
from convstudy.engine.averaging import WeightAverage
from convstudy.engine.batches import ImageTensors, batches, epoch_order, steps_per_epoch
from convstudy.engine.class_balance import balanced_order
from convstudy.engine.devices import wait_for
from convstudy.engine.evaluation import precision_context
from convstudy.engine.hard_images import hard_order
from convstudy.engine.loss import TrainingLoss
from convstudy.engine.optimizers import make_step
from convstudy.engine.rng_streams import RngStreams
from convstudy.engine.step_hyperparameters import StepHyperparameters, step_hyperparameters
from convstudy.errors import Diverged
from convstudy.plan.cost import images_of_epoch
from convstudy.studyfile.recipe import Recipe


class Step:
    """One training step, in place. It never synchronizes with the GPU, so that a CUDA graph can capture several.

    Args:
        model: maps float32 ``(n, channels, height, width)`` to logits ``(n, n_classes)``.
        optimizer: made by :func:`~convstudy.engine.optimizers.build_optimizer` for this model.
        recipe: its augmentation, precision and gradient clipping.
        average: the EMA of the model's weights, updated after each step.
        loss: the training loss; by default that of the recipe.
        image_losses: float32 ``(n,)``, for ``sampling = "hard"``: a step writes the cross-entropy of its images,
            without label smoothing and weights, to their rows; of a mixed image, the one for its own label. None: the
            losses are not kept.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        recipe: Recipe,
        average: WeightAverage | None = None,
        loss: TrainingLoss | None = None,
        image_losses: torch.Tensor | None = None,
    ) -> None:
        self.image_losses = image_losses
        self.loss = TrainingLoss.of(recipe) if loss is None else loss
        self.model, self.optimizer, self.recipe, self.average = model, optimizer, recipe, average
        self.rng = RngStreams(model, next(model.parameters()).device)

    def __call__(
        self,
        pixels: torch.Tensor,
        labels: torch.Tensor,
        hyperparameters: StepHyperparameters,
        weights: torch.Tensor | None = None,
        rows: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Train on a batch and return its loss, a 0-d float32 tensor.

        Args:
            pixels: uint8 ``(n, h, w, c)``.
            labels: int64 ``(n,)``.
            hyperparameters: the values of this step.
            weights: float32 ``(n,)``, the weight of each image in the loss; None: 1 for each image.
            rows: int64 ``(n,)``, the rows of the images in ``image_losses``; used only if the losses are kept.
        """
        recipe = self.recipe
        # Always float32: bfloat16 has 8 significant bits, too few for the coordinates of an affine augmentation.
        images, mixed = augmented(pixels, recipe, self.rng.augmentation)
        with precision_context(recipe.precision, pixels.device):
            logits = self.model(images)
        loss = self.loss(logits, labels, weights, mixed)
        if self.image_losses is not None and rows is not None:
            own = cross_entropy(logits.detach().float(), labels, reduction="none")
            self.image_losses.index_copy_(0, rows, own)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip_norm)
        make_step(self.optimizer, hyperparameters.lr, hyperparameters.correction)
        if self.average is not None:
            self.average.follow(hyperparameters.ema_weight)
        return loss.detach()


def do_nothing() -> None:
    """Do nothing: the default ``before_step`` callback."""


class Loop(Protocol):
    """Trains an epoch on ``part``, with eager steps or with CUDA graphs (:mod:`~convstudy.engine.cuda.loop`)."""

    step: Step
    part: ImageTensors

    def run(self, order: npt.NDArray[np.int64], per_step: list[StepHyperparameters]) -> torch.Tensor:
        """Take one step per batch of the images in this order; return the sum of the batch losses, 0-d."""
        ...


class EagerLoop:
    """Calls the step once per batch.

    Args:
        step: trains on a batch.
        part: the training images.
        before_step: called before each step; an exception in it ends the epoch.
    """

    def __init__(self, step: Step, part: ImageTensors, before_step: Callable[[], None] = do_nothing) -> None:
        self.step, self.part, self._before_step = step, part, before_step

    def run(self, order: npt.NDArray[np.int64], per_step: list[StepHyperparameters]) -> torch.Tensor:
        """Take one step per batch of the images in this order; return the sum of the batch losses, 0-d."""
        total_loss = torch.zeros((), device=self.part.labels.device)
        in_batches = batches(self.part, order, self.step.recipe.batch_size)
        for (pixels, labels, weights, rows), hyperparameters in zip(in_batches, per_step, strict=True):
            self._before_step()
            total_loss += self.step(pixels, labels, hyperparameters, weights, rows)
        return total_loss


def train_epoch(loop: Loop, seed: int, epoch: int) -> float:
    """Train one epoch, in place; return the learning rate of the last step.

    Each image is used once, with balanced sampling with the frequency that balances its class, or with hard sampling
    (after the first epoch) once or not at all.

    Args:
        loop: takes the steps.
        seed: the fit's seed. With the epoch it determines images and order, augmentation and dropout.
        epoch: counted from 1.

    Raises:
        Diverged: if the loss of any step is not finite.
    """
    step, n_images = loop.step, len(loop.part)
    recipe = step.recipe
    n_steps = (steps_per_epoch(images_of_epoch(recipe, n_images, n), recipe.batch_size) for n in (1, 2))
    per_step = step_hyperparameters(recipe, epoch, *n_steps)
    step.rng.start(seed, epoch)
    step.model.train()
    order = _order(step, loop.part, seed, epoch)
    total_loss = loop.run(order, per_step)
    # Check once per epoch: a check per step would synchronize with the GPU. NaN and inf of any step remain in the sum.
    if not math.isfinite(float(total_loss)):
        raise Diverged(f"the loss stopped being a finite number in epoch {epoch}")
    return float(per_step[-1].lr)


def _order(step: Step, part: ImageTensors, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Return the images of an epoch in the order in which they are used; ``sampling`` of the recipe decides which."""
    if step.recipe.sampling == "balanced":
        return balanced_order(part.labels.cpu().numpy(), seed, epoch)
    if step.image_losses is not None:
        wait_for(step.image_losses.device)
        return hard_order(step.image_losses.cpu().numpy(), step.recipe, seed, epoch)
    return epoch_order(len(part), seed, epoch)
