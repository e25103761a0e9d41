"""The optimizers by name. A new one is one function and its line in :data:`OPTIMIZERS`.

Adam and RMSprop put epsilon where Keras puts it, which matters as long as the second moment is small: torch's Adam adds
it to the bias-corrected root, Keras' to the plain one; torch's RMSprop adds it to the root, Keras' under it.

A learning rate is a number, or a tensor without axes on the parameters' device. With a tensor, a step asks nothing of
the device and keeps no number that changes from step to step, so that it can be captured in a graph and replayed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from convstudy.studyfile.recipe import Recipe

BETAS = (0.9, 0.999)
RHO = 0.9
EPSILON = 1e-7
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
# After so many steps 1 - β₁ᵗ and 1 - β₂ᵗ are 1, to the last bit of a double.
SETTLED = 1e6

Groups = list[dict[str, Any]]


class KerasAdam(torch.optim.Adam):
    """Adam (Kingma & Ba 2015, the form before section 2.1's remark): ``p -= lr · √(1-β₂ᵗ)/(1-β₁ᵗ) · m / (√v + ε)``.

    torch's fused kernel computes ``m̂ / (√v̂ + ε')`` with ``v̂ = v / (1-β₂ᵗ)``; with ``ε' = ε / √(1-β₂ᵗ)`` that is
    the same. That epsilon is another number at each step; where the learning rate is a tensor, the kernel is told of
    so many steps that it corrects nothing, and the correction is part of the learning rate.
    """

    _settled: torch.Tensor | None = None

    def step(self, closure: Any = None) -> Any:
        """Make one step with the epsilon of this step."""
        for group in self.param_groups:
            group["n_steps"] = group.get("n_steps", 0) + 1
            group["eps"] = EPSILON / math.sqrt(1.0 - BETAS[1] ** group["n_steps"])
        if isinstance(self.param_groups[0]["lr"], torch.Tensor):
            return self._step_by_tensors()
        return super().step(closure)

    @torch.no_grad()
    def _step_by_tensors(self) -> None:
        """Make one step whose every number that changes lies on the device."""
        for group in self.param_groups:
            parameters: list[torch.Tensor] = []
            gradients: list[torch.Tensor] = []
            means: list[torch.Tensor] = []
            squares: list[torch.Tensor] = []
            steps: list[torch.Tensor] = []
            self._init_group(group, parameters, gradients, means, squares, [], steps)  # type: ignore[no-untyped-call]
            if not parameters:
                continue
            if self._settled is None:
                self._settled = torch.full_like(steps[0], SETTLED)
            # They are counted on all the same: a checkpoint may be gone on with on a processor.
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                parameters,
                gradients,
                means,
                squares,
                [],
                [self._settled] * len(steps),
                lr=group["lr"] * group["correction"],
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=0.0,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )


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
            if isinstance(group["lr"], torch.Tensor):
                updates = torch._foreach_div(gradients, roots)
                torch._foreach_mul_(updates, group["lr"])
                torch._foreach_sub_(parameters, updates)
            else:
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

    def _step_orthogonally(self, kernel: torch.nn.Parameter, lr: float | torch.Tensor) -> None:
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
        change = update.view(rows.shape).movedim(-1, 1)
        if isinstance(lr, torch.Tensor):
            kernel.addcmul_(change, lr, value=-1)
        else:
            kernel.sub_(change, alpha=lr)


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
    share = recipe.adam_lr / recipe.learning_rate
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


def adam_correction(step: int) -> float:
    """Return Adam's ``√(1-β₂ᵗ)/(1-β₁ᵗ)`` at a step counted from 0, which is t = 1."""
    return math.sqrt(1.0 - BETAS[1] ** (step + 1)) / (1.0 - BETAS[0] ** (step + 1))


def make_step(
    optimizer: torch.optim.Optimizer, lr: float | torch.Tensor, correction: float | torch.Tensor = 1.0
) -> None:
    """Make one step at this learning rate, after the decoupled decay ``p -= lr · decay · p``.

    A group with a ``share`` gets this share of the learning rate. Adam's ``correction`` (:func:`adam_correction`)
    counts where the learning rate is a tensor; otherwise it keeps count itself.

    Source: Loshchilov & Hutter 2019, algorithm 2.
    """
    for group in optimizer.param_groups:
        group["lr"], group["correction"] = lr * group.get("share", 1.0), correction
        if group["decay"]:
            with torch.no_grad():
                torch._foreach_mul_(group["params"], 1.0 - group["lr"] * group["decay"])
        if isinstance(lr, torch.Tensor):
            _lay_out_gradients(group["params"])
    optimizer.step()


def _lay_out_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Give each gradient its parameter's strides.

    A device's fused kernels refuse others, also where only those of an axis of length 1 differ, which mean nothing; a
    first convolution over images of one channel may have such a gradient (github.com/pytorch/pytorch/issues/106951).
    """
    for parameter in parameters:
        gradient = parameter.grad
        if gradient is not None and gradient.stride() != parameter.stride():
            parameter.grad = torch.empty_like(parameter).copy_(gradient)


@contextmanager
def steps_counted(optimizer: torch.optim.Optimizer, n_steps: int) -> Iterator[None]:
    """Have the optimizer's own count rise by ``n_steps``, whatever is called meanwhile: a graph calls nothing."""
    before = [(group, group["n_steps"]) for group in optimizer.param_groups if "n_steps" in group]
    yield
    for group, n_before in before:
        group["n_steps"] = n_before + n_steps
