"""A few training steps of one of the notebook's networks, as a fit takes them: for scripts that look at steps alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from benchmarks.contenders.turns import BATCH_SIZE, images, layers
from benchmarks.parts.formats import fast_format
from convstudy.engine.batches import ImageTensors
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.networks import Network
from convstudy.networks.build import build_network
from convstudy.studyfile import Recipe

NETWORKS = ("two-conv-3", "two-conv-7", "five-conv", "six-conv")


@dataclass(frozen=True)
class Steps:
    """So many steps of a network on random images; a call takes them all."""

    model: nn.Module
    loop: EagerLoop

    def __call__(self) -> None:
        """Take the steps."""
        train_epoch(self.loop, 0, 1)


def n_steps_of(network: str) -> int:
    """Return how many steps take a tenth of a second or a few."""
    return 2 if network == "six-conv" else 5


def steps_of(
    network: str,
    n_steps: int,
    change: Callable[[nn.Module], nn.Module] = lambda model: model,
    precision: Literal["float32", "bfloat16"] | None = None,
) -> Steps:
    """Return the steps of a network, such as ``two-conv-7``.

    Args:
        network: which one.
        n_steps: how many, of a hundred images each.
        change: makes another module of the network before it is trained.
        precision: of the recipe; bfloat16 unless given, or float32 where bfloat16 is emulated.
    """
    pixels, labels = images(n_steps * BATCH_SIZE)
    part = ImageTensors(torch.from_numpy(pixels), torch.from_numpy(labels))
    texts = [" ".join(words) for words in layers(network)]
    model = build_network(Network.read(texts), (28, 28, 1), 10, torch.Generator().manual_seed(0))
    model = change(model)
    # So small a learning rate that the same steps can be taken again and again.
    recipe = Recipe(precision=precision or fast_format(), learning_rate=1e-6)
    return Steps(model, EagerLoop(Step(model, build_optimizer(recipe, model.parameters()), recipe), part))
