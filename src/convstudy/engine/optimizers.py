"""The optimizers by name. To add one, write a function and add it to :data:`OPTIMIZERS`.

Adam and RMSprop add epsilon where Keras adds it. The difference matters while the second moment is small. Torch's Adam
adds epsilon to the bias-corrected root, Keras' Adam to the uncorrected root. Torch's RMSprop adds epsilon outside the
root, Keras' RMSprop inside.

A learning rate is a float, or a 0-d tensor on the parameters' device. With a tensor, a step does not synchronize with
the GPU and uses no float that changes from step to step, so that a CUDA graph can capture and replay it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from convstudy.engine.orthogonalisation import orthogonalised
from convstudy.studyfile.recipe import Recipe

BETAS = (0.9, 0.999)
RHO = 0.9
EPSILON = 1e-7
# Muon orthogonalizes kernels of one shape together if they have up to this number of rows or columns. There, the calls
# of matrix products take longer than the products; with more, a batch of products is no faster.
MAX_BATCHED = 64
# After this many steps 1 - β₁ᵗ and 1 - β₂ᵗ equal 1 in double precision.
CONVERGED_STEP = 1e6

Groups = list[dict[str, Any]]


class KerasAdam(torch.optim.Adam):
    """Adam with Keras' epsilon: ``p -= lr · √(1-β₂ᵗ)/(1-β₁ᵗ) · m / (√v + ε)``.

    This is the more efficient form at the end of section 2 of Kingma & Ba 2015. Torch's fused kernel computes
    ``m̂ / (√v̂ + ε')`` with ``v̂ = v / (1-β₂ᵗ)``, which is the same for ``ε' = ε / √(1-β₂ᵗ)``. ε' changes with every step,
    but a captured CUDA graph replays constant floats. So if the learning rate is a tensor, the kernel receives a step
    count at which its bias correction is 1, and the learning rate is multiplied by the correction.
    """

    _converged: torch.Tensor | None = None

    def step(self, closure: Any = None) -> Any:
        """Update the parameters; ``closure`` is not used with a tensor as learning rate."""
        for group in self.param_groups:
            group["n_steps"] = group.get("n_steps", 0) + 1
            group["eps"] = EPSILON / math.sqrt(1.0 - BETAS[1] ** group["n_steps"])
        if isinstance(self.param_groups[0]["lr"], torch.Tensor):
            return self._step_by_tensors()
        return super().step(closure)

    @torch.no_grad()
    def _step_by_tensors(self) -> None:
        """Update the parameters with values on the GPU only."""
        for group in self.param_groups:
            parameters: list[torch.Tensor] = []
            gradients: list[torch.Tensor] = []
            means: list[torch.Tensor] = []
            squares: list[torch.Tensor] = []
            steps: list[torch.Tensor] = []
            # This private method of torch's Adam fills the lists, and creates the state at the first step.
            self._init_group(group, parameters, gradients, means, squares, [], steps)  # type: ignore[no-untyped-call]
            if not parameters:
                continue
            if self._converged is None:
                self._converged = torch.full_like(steps[0], CONVERGED_STEP)
            # Count the steps, although the kernel does not use them: training may resume on a CPU.
            torch._foreach_add_(steps, 1)
            torch._fused_adam_(
                parameters,
                gradients,
                means,
                squares,
                [],
                [self._converged] * len(steps),
                lr=group["lr"] * group["correction"],
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=0.0,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )


class KerasRMSprop(torch.optim.Optimizer):
    """RMSprop with Keras' epsilon (Hinton, lecture 6e): ``v = ρ·v + (1-ρ)·g²; p -= lr · g / √(v + ε)``."""

    def __init__(self, groups: Groups, lr: float) -> None:
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update the parameters; ``closure`` is not used."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            gradients = [parameter.grad for parameter in parameters]
            for parameter in parameters:
                if parameter not in self.state:
                    self.state[parameter]["mean_square"] = torch.zeros_like(parameter)
            # _foreach functions launch one kernel for all tensors instead of one per tensor.
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
    """Muon for hidden kernels and matrices, Adam for all other parameters.

    Muon takes the momentum ``v = μ·v + g`` of a kernel (``g + μ·v`` with Nesterov), orthogonalizes it as a matrix
    ``(out, everything else)``, scales it to the Frobenius norm ``√out``, and subtracts it times the learning rate.

    Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon.
    """

    def __init__(self, groups: Groups, recipe: Recipe) -> None:
        self.momentum, self.nesterov = recipe.momentum, recipe.nesterov
        self.n_newton_schulz = recipe.newton_schulz_steps
        super().__init__(groups, lr=recipe.learning_rate, betas=BETAS, eps=EPSILON, fused=True)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Update the parameters; ``closure`` is not used."""
        for group in self.param_groups:
            if group["orthogonal"]:
                for kernels, updates in self._updates(group["params"]):
                    for kernel, update in zip(kernels, updates, strict=True):
                        _subtract(kernel, update, group["lr"])
        return super().step()

    def _updates(
        self, kernels: Iterable[torch.nn.Parameter]
    ) -> Iterator[tuple[list[torch.nn.Parameter], Iterable[torch.Tensor]]]:
        """Yield kernels of one shape with their orthogonalized momenta, ``(out, everything else)``."""
        by_shape: dict[torch.Size, tuple[list[torch.nn.Parameter], list[torch.Tensor]]] = {}
        for kernel in kernels:
            if kernel.grad is not None:
                matrix = self._momentum(kernel, kernel.grad)
                group, matrices = by_shape.setdefault(matrix.shape, ([], []))
                group.append(kernel)
                matrices.append(matrix)
        for shape, (group, matrices) in by_shape.items():
            if len(group) > 1 and min(shape) <= MAX_BATCHED:
                yield group, orthogonalised(torch.stack(matrices), self.n_newton_schulz)
            else:
                yield group, (orthogonalised(matrix, self.n_newton_schulz) for matrix in matrices)

    def _momentum(self, kernel: torch.nn.Parameter, gradient: torch.Tensor) -> torch.Tensor:
        """Update the velocity of a kernel and remove its gradient; return its momentum ``(out, everything else)``."""
        # Without a gradient, the Adam step that follows skips this kernel.
        kernel.grad = None
        if kernel not in self.state:
            self.state[kernel]["velocity"] = torch.zeros_like(kernel)
        velocity = self.state[kernel]["velocity"].mul_(self.momentum).add_(gradient)
        momentum = gradient.add(velocity, alpha=self.momentum) if self.nesterov else velocity
        # Move the channels last: a channels-last kernel is then a matrix without a copy. Column order does not matter.
        return momentum.movedim(1, -1).reshape(len(kernel), -1)


def _subtract(kernel: torch.nn.Parameter, update: torch.Tensor, lr: float | torch.Tensor) -> None:
    """Scale Muon's update ``(out, everything else)`` to the norm √out and subtract it times the learning rate."""
    update *= math.sqrt(len(kernel)) / update.norm().clamp_(min=EPSILON)
    change = update.view(kernel.movedim(1, -1).shape).movedim(-1, 1)
    if isinstance(lr, torch.Tensor):
        kernel.addcmul_(change, lr, value=-1)
    else:
        kernel.sub_(change, alpha=lr)


def _adam(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return KerasAdam(groups, lr=recipe.learning_rate, betas=BETAS, eps=EPSILON, fused=True)


def _muon(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    """Return Muon with ``adam_lr`` for all parameters that Adam updates, including the output layer's kernel."""
    kernels, *others = groups
    *hidden, output = kernels["params"]
    lr_ratio = recipe.adam_lr / recipe.learning_rate
    # As Muon's author recommends, Adam updates the output layer and everything that is not a matrix.
    split = [
        {**kernels, "params": hidden, "orthogonal": True},
        {**kernels, "params": [output], "orthogonal": False, "lr_ratio": lr_ratio},
        *({**group, "orthogonal": False, "lr_ratio": lr_ratio} for group in others),
    ]
    return Muon([group for group in split if group["params"]], recipe)


def _rmsprop(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return KerasRMSprop(groups, lr=recipe.learning_rate)


def _sgd(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True
    )


# All optimizers use decoupled weight decay (see make_step), so adamw is adam with weight decay.
OPTIMIZERS: dict[str, Callable[[Groups, Recipe], torch.optim.Optimizer]] = {
    "adam": _adam,
    "adamw": _adam,
    "muon": _muon,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}


def build_optimizer(recipe: Recipe, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Return the recipe's optimizer. Its first group has kernels and matrices, its second biases and scales.

    Only the first group has weight decay.

    Args:
        recipe: names the optimizer and its hyperparameters.
        parameters: in the order of the layers; the last kernel must be the output layer's.
    """
    in_order = list(parameters)
    kernels = [parameter for parameter in in_order if parameter.ndim > 1]
    others = [parameter for parameter in in_order if parameter.ndim <= 1]
    groups: Groups = [{"params": kernels, "decay": recipe.weight_decay}, {"params": others, "decay": 0.0}]
    return OPTIMIZERS[recipe.optimizer]([group for group in groups if group["params"]], recipe)


def adam_correction(step: int) -> float:
    """Return Adam's bias correction ``√(1-β₂ᵗ)/(1-β₁ᵗ)`` with ``t = step + 1``."""
    return math.sqrt(1.0 - BETAS[1] ** (step + 1)) / (1.0 - BETAS[0] ** (step + 1))


def make_step(
    optimizer: torch.optim.Optimizer, lr: float | torch.Tensor, correction: float | torch.Tensor = 1.0
) -> None:
    """Apply decoupled weight decay, ``p -= lr · decay · p``, then one optimizer step.

    Args:
        optimizer: from :func:`build_optimizer`. The learning rate of a group with an ``lr_ratio`` is multiplied by it.
        lr: the learning rate, a float or a 0-d tensor on the parameters' device.
        correction: from :func:`adam_correction`, used only if ``lr`` is a tensor; otherwise Adam counts its own steps.

    Source: Loshchilov & Hutter 2019, algorithm 2.
    """
    for group in optimizer.param_groups:
        group["lr"], group["correction"] = lr * group.get("lr_ratio", 1.0), correction
        if group["decay"]:
            with torch.no_grad():
                torch._foreach_mul_(group["params"], 1.0 - group["lr"] * group["decay"])
        if isinstance(lr, torch.Tensor):
            _match_strides(group["params"])
    optimizer.step()


def _match_strides(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Give each gradient its parameter's strides.

    Fused CUDA kernels reject other strides, even if they differ only in an axis of length 1, where strides have no
    effect. The gradient of a first convolution over one-channel images can have such strides
    (github.com/pytorch/pytorch/issues/106951).
    """
    for parameter in parameters:
        gradient = parameter.grad
        if gradient is not None and gradient.stride() != parameter.stride():
            parameter.grad = torch.empty_like(parameter).copy_(gradient)


@contextmanager
def steps_counted(optimizer: torch.optim.Optimizer, n_steps: int) -> Iterator[None]:
    """Increase the optimizer's step count by ``n_steps`` in total.

    The replay of a CUDA graph runs no Python code, so the optimizer does not count the steps in it.
    """
    before = [(group, group["n_steps"]) for group in optimizer.param_groups if "n_steps" in group]
    yield
    for group, n_before in before:
        group["n_steps"] = n_before + n_steps
