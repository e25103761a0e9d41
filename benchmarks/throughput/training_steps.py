"""A few training steps of one of the notebook's networks, computed as in a fit, for scripts that measure steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from benchmarks.contenders.turns import BATCH_SIZE, images, layers
from benchmarks.parts.precision import fast_precision
from convstudy.engine.batches import ImageTensors
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.networks import Network
from convstudy.networks.build import build_network
from convstudy.studyfile import Recipe

NETWORKS = ("two-conv-3", "two-conv-7", "five-conv", "six-conv")


@dataclass(frozen=True)
class Steps:
    """A number of training steps of a network on random images. A call runs all of them."""

    model: nn.Module
    loop: EagerLoop

    def __call__(self) -> None:
        train_epoch(self.loop, 0, 1)


def n_steps_of(network: str) -> int:
    """Return a number of steps that takes about 0.1 to 0.3 seconds."""
    return 2 if network == "six-conv" else 5


def steps_of(
    network: str,
    n_steps: int,
    change: Callable[[nn.Module], nn.Module] = lambda model: model,
    precision: Literal["float32", "bfloat16"] | None = None,
) -> Steps:
    """Return the training steps of a network.

    Args:
        network: the network, such as ``two-conv-7``.
        n_steps: the number of steps, of 100 images each.
        change: replaces the module before training, for example ``torch.compile``.
        precision: the precision of the recipe; by default bfloat16, or float32 if bfloat16 is emulated.
    """
    pixels, labels = images(n_steps * BATCH_SIZE)
    part = ImageTensors(torch.from_numpy(pixels), torch.from_numpy(labels))
    texts = [" ".join(parts) for parts in layers(network)]
    model = change(build_network(Network.read(texts), (28, 28, 1), 10, torch.Generator().manual_seed(0)))
    # The learning rate is small so that the same steps can run many times.
    recipe = Recipe(precision=precision or fast_precision(), learning_rate=1e-6)
    return Steps(model, EagerLoop(Step(model, build_optimizer(recipe, model.parameters()), recipe), part))
