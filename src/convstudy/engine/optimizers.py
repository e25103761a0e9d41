"""The optimizers by name. A new one is one function and its line in :data:`OPTIMIZERS`.

Adam and RMSprop put epsilon where Keras puts it, which matters as long as the second moment is small: torch's Adam adds
it to the bias-corrected root, Keras' to the plain one; torch's RMSprop adds it to the root, Keras' under it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch

from convstudy.spec.recipe import Recipe

BETAS = (0.9, 0.999)
RHO = 0.9
EPSILON = 1e-7

Groups = list[dict[str, Any]]


class KerasAdam(torch.optim.Adam):
    """Adam (Kingma & Ba 2015, the form before section 2.1's remark): ``p -= lr · √(1-β₂ᵗ)/(1-β₁ᵗ) · m / (√v + ε)``.

    torch's fused kernel computes ``m̂ / (√v̂ + ε')`` with ``v̂ = v / (1-β₂ᵗ)``; with ``ε' = ε / √(1-β₂ᵗ)`` that is
    the same.
    """

    def step(self, closure: Any = None) -> Any:
        """Make one step with the epsilon of this step."""
        for group in self.param_groups:
            group["n_steps"] = group.get("n_steps", 0) + 1
            group["eps"] = EPSILON / math.sqrt(1.0 - BETAS[1] ** group["n_steps"])
        return super().step(closure)


class KerasRMSprop(torch.optim.Optimizer):
    """RMSprop (Hinton, lecture 6e): ``v = ρ·v + (1-ρ)·g²; p -= lr · g / √(v + ε)``."""

    def __init__(self, groups: Groups, lr: float) -> None:
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Make one step; ``closure`` is not used."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            gradients = [parameter.grad for parameter in parameters]
            for parameter in parameters:
                if parameter not in self.state:
                    self.state[parameter]["mean_square"] = torch.zeros_like(parameter)
            squares = [self.state[parameter]["mean_square"] for parameter in parameters]
            torch._foreach_mul_(squares, RHO)
            torch._foreach_addcmul_(squares, gradients, gradients, 1.0 - RHO)
            roots = torch._foreach_add(squares, EPSILON)
            torch._foreach_sqrt_(roots)
            torch._foreach_addcdiv_(parameters, gradients, roots, -group["lr"])


def _adam(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return KerasAdam(groups, lr=recipe.learning_rate, betas=BETAS, eps=EPSILON, fused=True)


def _rmsprop(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return KerasRMSprop(groups, lr=recipe.learning_rate)


def _sgd(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True
    )


# Weight decay is decoupled for all of them (see make_step), so adamw is adam with a decay.
OPTIMIZERS: dict[str, Callable[[Groups, Recipe], torch.optim.Optimizer]] = {
    "adam": _adam,
    "adamw": _adam,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}


def build_optimizer(recipe: Recipe, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Return the recipe's optimizer; kernels and matrices in its first group, biases and scales in its second."""
    every = list(parameters)
    kernels = [parameter for parameter in every if parameter.ndim > 1]
    others = [parameter for parameter in every if parameter.ndim <= 1]
    groups = [{"params": kernels, "decay": recipe.weight_decay}, {"params": others, "decay": 0.0}]
    return OPTIMIZERS[recipe.optimizer]([group for group in groups if group["params"]], recipe)


def make_step(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Make one step at this learning rate, after the decoupled decay ``p -= lr · decay · p``.

    Source: Loshchilov & Hutter 2019, algorithm 2.
    """
    for group in optimizer.param_groups:
        group["lr"] = lr
        if group["decay"]:
            with torch.no_grad():
                torch._foreach_mul_(group["params"], 1.0 - lr * group["decay"])
    optimizer.step()
