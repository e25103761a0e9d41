"""Repeat the runs of ``keras_reference.py`` with convstudy and measure the deviations from Keras.

``python -m benchmarks.parity.keras_parity`` prints the tables of ``benchmarks/README.md``, and
``tests/engine/test_keras_parity.py`` compares each run with its tolerance. The networks are those of the built-in study
``mnist``, without dropout, and two with residual connections.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import nn

from benchmarks.parity.keras_reference import (
    INPUT_SHAPE,
    N_CLASSES,
    N_STEPS,
    OPTIMIZERS,
    RUNS,
    Run,
    batch,
    initial_kernels,
    summary,
)
from convstudy.engine.optimizers import build_optimizer, make_step
from convstudy.networks import Network
from convstudy.networks.build import build_network
from convstudy.networks.modules.batch_norm import KerasBatchNorm, moments
from convstudy.studyfile import Recipe, load_study

REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "tests" / "engine" / "keras_reference.json").read_text(encoding="utf-8")
)
RECORDED = {(entry["network"], entry["optimizer"], entry["precision"]): entry for entry in REFERENCE["runs"]}


RESIDUAL = {
    "residual": (
        *("conv 8 3 padding=same bias=no", "batch-norm", "activation relu"),
        "residual basic x2 filters=8 then=relu",
        "residual basic x2 filters=16 stride=2 then=relu",
        "residual basic x2 filters=32 stride=2 then=relu",
        "global-average-pool",
    ),
    "mobile": (
        *("conv 8 3 padding=same bias=no", "batch-norm", "activation relu6"),
        "residual mbconv-se filters=8 expand=4 squeeze=16 activation=relu6",
        "residual mbconv-se x2 filters=12 stride=2 expand=4 squeeze=16 activation=relu6 shortcut=identity-or-none",
        "global-average-pool",
    ),
}


def network_of(name: str) -> Network:
    """Return one of the networks, without dropout."""
    if name in RESIDUAL:
        return Network.read(RESIDUAL[name])
    patterns = load_study("mnist").network
    if name.startswith("two-conv"):
        return patterns["two-conv"].network(kernel=int(name[-1])).without(["dropout"])
    network = patterns[name.removesuffix("-tanh")].network().without(["dropout"])
    return network.with_activation("tanh") if name.endswith("-tanh") else network


def recipe_of(run: Run) -> Recipe:
    """Return the recipe with the settings of the reference run."""
    optimizer = "sgd" if run.optimizer == "nesterov" else run.optimizer
    return Recipe.model_validate(
        {"optimizer": optimizer, "learning_rate": run.learning_rate, **OPTIMIZERS[run.optimizer]}
    )


def copy_kernels(model: nn.Module) -> None:
    """Copy the initial kernels of the reference into a model, converted from Keras' layout to torch's."""
    modules = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    kernels = initial_kernels([_keras_shape(module) for module in modules])
    with torch.no_grad():
        for module, kernel in zip(modules, kernels, strict=True):
            weight = torch.from_numpy(kernel)
            if _is_depthwise(module):
                module.weight.copy_(weight.flatten(2).permute(2, 0, 1)[:, None])
            else:
                module.weight.copy_(weight.permute((3, 2, 0, 1) if weight.ndim == 4 else (1, 0)))


def _keras_shape(module: nn.Conv2d | nn.Linear) -> tuple[int, ...]:
    """Return the shape of a module's kernel in Keras."""
    weight = module.weight
    if _is_depthwise(module):
        n_in = module.groups
        return (*weight.shape[2:], n_in, len(weight) // n_in)
    return tuple(weight.permute((2, 3, 1, 0) if weight.ndim == 4 else (1, 0)).shape)


def _is_depthwise(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    return isinstance(module, nn.Conv2d) and module.groups > 1


def repeat_run(run: Run, n_steps: int = N_STEPS) -> dict[str, Any]:
    """Train a run with convstudy and return the same values as :func:`keras_reference.train`."""
    dtype = torch.float64 if run.precision == "float64" else torch.float32
    model = build_network(network_of(run.network), INPUT_SHAPE, N_CLASSES, torch.Generator()).to(dtype)
    copy_kernels(model)
    optimizer = build_optimizer(recipe_of(run), model.parameters())

    def loss_of(step: int) -> torch.Tensor:
        images, labels = batch(step, run.batch_size)
        values = torch.from_numpy(images).to(dtype).permute(0, 3, 1, 2)
        return nn.functional.cross_entropy(model(values), torch.from_numpy(labels))

    losses = []
    for step in range(n_steps):
        optimizer.zero_grad()
        loss = loss_of(step)
        loss.backward()  # type: ignore[no-untyped-call]
        make_step(optimizer, run.learning_rate)
        losses.append(loss.item())
    averages = [
        {
            "moving_mean": summary(module.running_mean.numpy()),
            "moving_variance": summary(module.running_variance.numpy()),
        }
        for module in model.modules()
        if isinstance(module, KerasBatchNorm)
    ]
    model.eval()
    with torch.no_grad():
        after = loss_of(n_steps).item()
    return {**asdict(run), "losses": losses, "inference_loss": after, "batch_norms": averages}


def deviation(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the largest relative deviation from ``theirs``."""
    return max(abs(one - other) / abs(other) for one, other in zip(ours, theirs, strict=True))


def averages_deviation(ours: Sequence[Any], theirs: Sequence[Any]) -> float:
    """Return the largest deviation in the summaries of moving averages, relative to the largest value of a summary."""
    largest: float = max(
        abs(one[kind][key] - other[kind][key]) / max(abs(value) for value in other[kind].values())
        for one, other in zip(ours, theirs, strict=True)
        for kind in other
        for key in other[kind]
    )
    return largest


def variance_errors() -> tuple[float, float]:
    """Return the largest relative error of a channel's variance in float32, with torch's batch norm and with ours."""
    images = torch.randn(100, 16, 26, 26, generator=torch.Generator().manual_seed(1)).relu()
    images = images.to(memory_format=torch.channels_last)
    exact = images.double().transpose(0, 1).flatten(1).var(1)
    torchs = torch.zeros(16)
    nn.functional.batch_norm(images, torch.zeros(16), torchs, training=True, momentum=1.0)
    n_values = images.numel() // 16
    ours = moments(images)[1] * n_values / (n_values - 1)
    return float((torchs / exact - 1).abs().max()), float((ours / exact - 1).abs().max())


def main() -> None:
    torch.set_num_threads(1)
    print("| run | images | learning rate | loss | losses | loss in inference | moving averages |")
    print("|---|---|---|---|---|---|---|")
    for run in RUNS:
        ours, theirs = repeat_run(run), RECORDED[run.network, run.optimizer, run.precision]
        deviations = (
            deviation(ours["losses"], theirs["losses"]),
            deviation([ours["inference_loss"]], [theirs["inference_loss"]]),
            averages_deviation(ours["batch_norms"], theirs["batch_norms"]),
        )
        first, last = (sum(part) / 4 for part in (theirs["losses"][:4], theirs["losses"][-4:]))
        cells = [run.name, str(run.batch_size), f"{run.learning_rate:g}", f"{first:.2f} → {last:.2f}"]
        print("| " + " | ".join([*cells, *(f"{value:.0e}" for value in deviations)]) + " |", flush=True)
    print("\n| run | deviation of our float32 from our float64 |\n|---|---|")
    for run in (run for run in RUNS if run.precision == "float64"):
        float32 = repeat_run(replace(run, precision="float32"))
        drift = deviation(float32["losses"], repeat_run(run)["losses"])
        print(
            f"| {run.network} {run.optimizer}, learning rate {run.learning_rate:g} | {drift:.0e} |",
            flush=True,
        )
    torchs, ours_here = variance_errors()
    print(
        "\nrelative error of the variance of 100 images of 26 × 26: "
        f"torch's batch-norm {torchs:.0e}, ours {ours_here:.0e}"
    )


if __name__ == "__main__":
    main()
