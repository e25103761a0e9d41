"""The training loop: one epoch, on one screen."""

from __future__ import annotations

import math

import torch
from torch import nn

from convstudy.engine.augmentation import augmented
from convstudy.engine.averaging import WeightAverage
from convstudy.engine.batches import ImageTensors, batches, epoch_order, steps_per_epoch
from convstudy.engine.evaluation import half_precision
from convstudy.engine.optimizers import make_step
from convstudy.engine.randomness import stream
from convstudy.engine.schedules import learning_rate
from convstudy.errors import Diverged, Problem
from convstudy.networks.modules.dropout import seed_dropout
from convstudy.spec.recipe import Recipe


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    part: ImageTensors,
    recipe: Recipe,
    seed: int,
    epoch: int,
    average: WeightAverage | None = None,
) -> float:
    """Train on every image once, in place; return the learning rate of the last step.

    Args:
        model: logits from ``(n, channels, height, width)``.
        optimizer: made by :func:`~convstudy.engine.optimizers.build_optimizer` for this model.
        part: the training images.
        recipe: what to do with them.
        seed: the fit's seed; order, dropout and augmentation of this epoch follow from it alone.
        epoch: counted from 1.
        average: follows the model step by step, if there is one.

    Raises:
        Diverged: when the loss of a step was not a finite number.
    """
    torch.manual_seed(stream(seed, "noise", epoch))
    seed_dropout(model, stream(seed, "dropout", epoch))
    n_steps = steps_per_epoch(len(part), recipe.batch_size)
    first_step = (epoch - 1) * n_steps
    total_loss = torch.zeros(())
    lr = recipe.learning_rate
    model.train()
    order = epoch_order(len(part), seed, epoch)
    for step, (pixels, labels) in enumerate(batches(part, order, recipe.batch_size), start=first_step):
        with half_precision(recipe.precision):
            logits = model(augmented(pixels, recipe))
        loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        lr = learning_rate(recipe, step, n_steps * recipe.epochs)
        make_step(optimizer, lr)
        if average is not None:
            average.follow(step)
        total_loss += loss.detach()
    # One look an epoch: asking after each step would make a device wait, and a loss that is not a number stays so.
    if not math.isfinite(float(total_loss)):
        what = f"the loss stopped being a finite number in epoch {epoch}"
        raise Diverged(Problem(what, mend="a smaller learning_rate, or clip_norm = 1.0"))
    return lr
