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
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)

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


class Muon(KerasAdam):
    """Muon for hidden kernels and matrices, Adam for all else.

    Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): the momentum ``v = μ·v + g`` of a kernel, or
    ``g + μ·v`` when it looks ahead, is made orthogonal as a matrix ``(out, everything else)``, scaled to the norm
    ``√out``, and subtracted times the learning rate.
    """

    def __init__(self, groups: Groups, recipe: Recipe) -> None:
        self.momentum, self.nesterov = recipe.momentum, recipe.nesterov
        self.n_newton_schulz = recipe.newton_schulz_steps
        super().__init__(groups, lr=recipe.learning_rate, betas=BETAS, eps=EPSILON, fused=True)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Make one step; ``closure`` is not used."""
        for group in self.param_groups:
            if group["orthogonal"]:
                for parameter in group["params"]:
                    self._step_orthogonally(parameter, group["lr"])
        return super().step()

    def _step_orthogonally(self, kernel: torch.nn.Parameter, lr: float) -> None:
        gradient = kernel.grad
        if gradient is None:
            return
        # Adam passes over what has no gradient: this kernel is done with.
        kernel.grad = None
        if kernel not in self.state:
            self.state[kernel]["velocity"] = torch.zeros_like(kernel)
        velocity = self.state[kernel]["velocity"].mul_(self.momentum).add_(gradient)
        wanted = gradient.add(velocity, alpha=self.momentum) if self.nesterov else velocity
        # With the channels last, a channels-last kernel is such a matrix already; the order of columns is all one.
        rows = wanted.movedim(1, -1)
        update = orthogonalised(rows.reshape(len(kernel), -1), self.n_newton_schulz)
        update *= math.sqrt(len(kernel)) / update.norm().clamp_(min=EPSILON)
        kernel.sub_(update.view(rows.shape).movedim(-1, 1), alpha=lr)


def orthogonalised(matrix: torch.Tensor, n_steps: int) -> torch.Tensor:
    """Return about the nearest matrix with orthonormal rows or columns: ``U·Vᵀ`` of ``matrix = U·S·Vᵀ``, ``(m, n)``.

    Each step of the Newton-Schulz iteration sends every singular value x to ``3.4445·x - 4.7750·x³ + 2.0315·x⁵``,
    which grows small ones fast and, by design, leaves all between about 0.7 and 1.2 rather than at 1.

    Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon.
    """
    a, b, c = NEWTON_SCHULZ
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    x: torch.Tensor = wide / wide.norm().clamp_(min=EPSILON)
    for _ in range(n_steps):
        squares = x @ x.T
        x = torch.addmm(x, torch.addmm(squares, squares, squares, beta=b, alpha=c), x, beta=a)
    return x if len(matrix) <= matrix.shape[1] else x.T


def _adam(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return KerasAdam(groups, lr=recipe.learning_rate, betas=BETAS, eps=EPSILON, fused=True)


def _muon(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    """Return Muon; the kernels' group gives its last, the output layer's, to Adam, and a learning rate of its own."""
    kernels, *others = groups
    *hidden, output = kernels["params"]
    share = recipe.other_learning_rate / recipe.learning_rate
    apart = [
        {**kernels, "params": hidden, "orthogonal": True},
        {**kernels, "params": [output], "orthogonal": False, "share": share},
        *({**group, "orthogonal": False, "share": share} for group in others),
    ]
    return Muon([group for group in apart if group["params"]], recipe)


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
    "muon": _muon,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}


def build_optimizer(recipe: Recipe, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Return the recipe's optimizer; kernels and matrices in its first group, biases and scales in its second.

    The last kernel is taken for the output layer's.
    """
    every = list(parameters)
    kernels = [parameter for parameter in every if parameter.ndim > 1]
    others = [parameter for parameter in every if parameter.ndim <= 1]
    groups: Groups = [{"params": kernels, "decay": recipe.weight_decay}, {"params": others, "decay": 0.0}]
    return OPTIMIZERS[recipe.optimizer]([group for group in groups if group["params"]], recipe)


def make_step(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Make one step at this learning rate, after the decoupled decay ``p -= lr · decay · p``.

    A group with a ``share`` gets this share of the learning rate.

    Source: Loshchilov & Hutter 2019, algorithm 2.
    """
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("share", 1.0)
        if group["decay"]:
            with torch.no_grad():
                torch._foreach_mul_(group["params"], 1.0 - group["lr"] * group["decay"])
    optimizer.step()
