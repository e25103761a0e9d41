"""The state of a fit after an epoch, on disk and back: weights and their average, optimizer, history, best weights.

It is the same on every device, so that a fit stopped on one goes on on another; ``devices`` names them in order. What
it comes to is then its own: two devices differ in the last bits of a sum.

There is no generator state in it: each epoch draws from streams that follow from seed and epoch alone. A checkpoint
belongs to a lineage, so that a paused fit goes on from one that was paused sooner; its "fit id" is the lineage's.
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
    """A fit under way; the only thing in the engine that changes."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    history: list[Epoch] = field(default_factory=list)
    best_weights: Tensors = field(default_factory=dict)
    average: WeightAverage | None = None
    devices: list[str] = field(default_factory=list)

    @property
    def judged(self) -> nn.Module:
        """The network that is evaluated and kept: the average where there is one."""
        return self.average.model if self.average else self.model

    @property
    def modules(self) -> nn.ModuleDict:
        """All networks whose weights make up the state, by the names that they have in a checkpoint."""
        averaged = {"averaged": self.average.model} if self.average else {}
        return nn.ModuleDict({"model": self.model, **averaged})


def save_checkpoint(path: Path, fit_id: str, progress: Progress) -> None:
    """Write the state, all or nothing."""
    tensors: Tensors = dict(progress.modules.state_dict())
    tensors |= {f"best.{name}": tensor for name, tensor in progress.best_weights.items()}
    for place, parameter in enumerate(_parameters(progress.optimizer)):
        for name, value in progress.optimizer.state[parameter].items():
            tensors[f"optimizer.{place}.{name}"] = value
    tensors = on_cpu(tensors)
    steps = [group.get("n_steps", 0) for group in progress.optimizer.param_groups]
    facts = {
        "fit_id": fit_id,
        "history": json.dumps([epoch.as_json() for epoch in progress.history]),
        "n_steps": json.dumps(steps),
        "devices": json.dumps(progress.devices),
    }
    with DEVICE_LOCK.released():
        write_tensors(path, tensors, {**facts, "digest": _digest(tensors, facts)})


def load_checkpoint(path: Path, fit_id: str, progress: Progress) -> bool:
    """Bring a new fit to the state of its checkpoint; return whether there was a usable one.

    A checkpoint that is damaged, or another fit's, is as good as none: the fit starts anew.
    """
    if not path.exists():
        return False
    parameters = _parameters(progress.optimizer)
    groups = progress.optimizer.param_groups
    try:
        with DEVICE_LOCK.released():
            tensors, facts = read_tensors(path)
            whole = facts.pop("digest") == _digest(tensors, facts)
        if not whole or facts["fit_id"] != fit_id:
            return False
        history = [Epoch.from_json(epoch) for epoch in json.loads(facts["history"])]
        # One pair for each group: no more, no fewer.
        steps = list(zip(groups, json.loads(facts["n_steps"]), strict=True))
        # Before there were other devices, a checkpoint did not say.
        devices = [str(name) for name in json.loads(facts.get("devices", '["cpu"]'))]
        own = {name: tensor for name, tensor in tensors.items() if name.startswith(("model.", "averaged."))}
        load_weights(progress.modules, own)
    except (StoreError, ValueError, KeyError, TypeError):
        return False
    for place, parameter in enumerate(parameters):
        for name, value in _under(f"optimizer.{place}.", tensors).items():
            # In the parameter's own memory layout: fused kernels walk both side by side.
            alike = parameter if value.shape == parameter.shape else value
            state = torch.empty_like(alike, device=parameter.device)
            progress.optimizer.state[parameter][name] = state.detach().copy_(value)
    for group, n_steps in steps:
        if n_steps:
            group["n_steps"] = n_steps
    progress.history = history
    progress.devices = devices
    progress.best_weights = _under("best.", tensors)
    return True


def _digest(tensors: Tensors, facts: Mapping[str, str]) -> str:
    """Return the SHA-256 over all of a checkpoint: safetensors has no check of its own against a changed byte."""
    text = json.dumps([weights_digest(tensors), sorted(facts.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _under(prefix: str, tensors: Tensors) -> Tensors:
    """Return the tensors whose names start with ``prefix``, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
