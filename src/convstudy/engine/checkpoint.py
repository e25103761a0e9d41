"""Save and load the state of a fit after an epoch: weights, EMA, optimizer, history, best weights.

A checkpoint does not depend on the device, so a fit can resume on another device. ``devices`` lists the devices that
trained the fit, in order of use, because weights trained partly on each of two devices differ in the last bits from
weights trained on one of them.

A checkpoint contains no generator state: each epoch seeds its generators from the fit's seed and the epoch's number.

A trial is the set of all fits that differ only in their epoch budget. The fits of a trial share one checkpoint, so that
a fit with a larger budget resumes from a fit with a smaller budget. The key ``fit_id`` in the file contains the id of
the trial.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from convstudy.engine.averaging import WeightAverage
from convstudy.engine.device_lock import DEVICE_LOCK
from convstudy.engine.weights import (
    Tensors,
    load_weights,
    on_cpu,
    read_tensors,
    weights_digest,
    write_tensors,
)
from convstudy.errors import StoreError
from convstudy.record import Epoch


@dataclass
class Progress:
    """The state of a fit during training: the only mutable state of the engine."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    history: list[Epoch] = field(default_factory=list)
    best_weights: Tensors = field(default_factory=dict)
    average: WeightAverage | None = None
    devices: list[str] = field(default_factory=list)
    # float32 (n,), the loss of each training image in the last step that used it, if the sampling needs it.
    image_losses: torch.Tensor | None = None

    @property
    def eval_model(self) -> nn.Module:
        """The network that is evaluated and saved: the EMA of the weights if the recipe has ``ema_decay``."""
        return self.average.model if self.average else self.model

    @property
    def modules(self) -> nn.ModuleDict:
        """The networks of the state, by their names in a checkpoint."""
        averaged = {"averaged": self.average.model} if self.average else {}
        return nn.ModuleDict({"model": self.model, **averaged})


def save_checkpoint(path: Path, fit_id: str, progress: Progress) -> None:
    """Write the state atomically; ``fit_id`` is the id of the trial."""
    tensors: Tensors = dict(progress.modules.state_dict())
    tensors |= {f"best.{name}": tensor for name, tensor in progress.best_weights.items()}
    if progress.image_losses is not None:
        tensors["image_losses"] = progress.image_losses
    for place, parameter in enumerate(_parameters(progress.optimizer)):
        for name, value in progress.optimizer.state[parameter].items():
            tensors[f"optimizer.{place}.{name}"] = value
    tensors = on_cpu(tensors)
    # KerasAdam counts its steps in the parameter group, which the optimizer's state does not contain.
    steps = [group.get("n_steps", 0) for group in progress.optimizer.param_groups]
    metadata = {
        "fit_id": fit_id,
        "history": json.dumps([epoch.as_json() for epoch in progress.history]),
        "n_steps": json.dumps(steps),
        "devices": json.dumps(progress.devices),
    }
    with DEVICE_LOCK.released():
        write_tensors(path, tensors, {**metadata, "digest": _digest(tensors, metadata)})


def load_checkpoint(path: Path, fit_id: str, progress: Progress) -> bool:
    """Load a checkpoint into the state of a new fit, in place; return whether the file is usable.

    A checkpoint that is damaged or belongs to another trial is ignored: training then begins at epoch 1.
    """
    if not path.exists():
        return False
    parameters = _parameters(progress.optimizer)
    groups = progress.optimizer.param_groups
    try:
        with DEVICE_LOCK.released():
            tensors, metadata = read_tensors(path)
            is_intact = metadata.pop("digest") == _digest(tensors, metadata)
        if not is_intact or metadata["fit_id"] != fit_id:
            return False
        history = [Epoch.from_json(epoch) for epoch in json.loads(metadata["history"])]
        # strict=True raises ValueError if the checkpoint has another number of parameter groups.
        steps = list(zip(groups, json.loads(metadata["n_steps"]), strict=True))
        # Checkpoints of versions without GPU support do not contain the key.
        devices = [str(name) for name in json.loads(metadata.get("devices", '["cpu"]'))]
        networks = {
            name: tensor for name, tensor in tensors.items() if name.startswith(("model.", "averaged."))
        }
        if progress.image_losses is not None and tensors["image_losses"].shape != progress.image_losses.shape:
            return False
        load_weights(progress.modules, networks)
    except (StoreError, ValueError, KeyError, TypeError):
        return False
    if progress.image_losses is not None:
        progress.image_losses.copy_(tensors["image_losses"])
    for place, parameter in enumerate(parameters):
        for name, value in _under(f"optimizer.{place}.", tensors).items():
            # Give the state the parameter's strides: fused optimizer kernels go through parameter and state in memory
            # order, so different strides would pair the wrong elements.
            like = parameter if value.shape == parameter.shape else value
            state = torch.empty_like(like, device=parameter.device)
            progress.optimizer.state[parameter][name] = state.detach().copy_(value)
    for group, n_steps in steps:
        if n_steps:
            group["n_steps"] = n_steps
    progress.history = history
    progress.devices = devices
    progress.best_weights = _under("best.", tensors)
    return True


def _digest(tensors: Tensors, metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 over tensors and metadata, because safetensors does not detect a changed byte."""
    text = json.dumps([weights_digest(tensors), sorted(metadata.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _under(prefix: str, tensors: Tensors) -> Tensors:
    """Return the tensors whose names start with ``prefix``, with the prefix removed."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
