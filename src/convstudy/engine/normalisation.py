"""Normalisation of a network's input: each channel minus its mean, divided by its standard deviation.

Both are buffers of the network. So they are saved, loaded and averaged with its weights, and each prediction uses them.
Augmentation and test-time augmentation change the images before, so that the zeros they pad with stay black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from convstudy.engine.batches import ImageTensors
from convstudy.networks.build import build_network, use_direct_convolutions

if TYPE_CHECKING:
    from convstudy.networks import Network
    from convstudy.networks.shapes import Shape
    from convstudy.studyfile.recipe import Recipe

IMAGES_PER_PIECE = 1_000
"""The number of images whose pixels are summed at a time."""


class ChannelStatistics(NamedTuple):
    """The mean and the standard deviation of each channel, float64 of shape (channels,), for pixels from 0 to 1."""

    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]


class NormalisedNetwork(nn.Sequential):
    """A network that normalises its input. Its layers keep their names, so its weights are those of ``layers``.

    Args:
        layers: the layers of the network.
        n_channels: the number of channels of its input.
    """

    input_mean: torch.Tensor
    input_std: torch.Tensor

    def __init__(self, layers: nn.Sequential, n_channels: int) -> None:
        super().__init__(*layers)
        self.register_buffer("input_mean", torch.zeros(n_channels))
        self.register_buffer("input_std", torch.ones(n_channels))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of images in [0, 1], float32 ``(n, channels, height, width)``."""
        images = (images - self.input_mean[:, None, None]) / self.input_std[:, None, None]
        for layer in self:
            images = layer(images)
        return images


def build_model(
    network: Network, recipe: Recipe, input_shape: Shape, n_classes: int, generator: torch.Generator
) -> nn.Sequential:
    """Return the module of a network as its recipe trains it: how it convolves, and whether its input is normalised.

    The normalisation changes nothing until :func:`set_statistics`, or until saved weights are loaded. For the other
    arguments, see :func:`~convstudy.networks.build.build_network`.
    """
    model = build_network(network, input_shape, n_classes, generator)
    if recipe.conv_algorithm == "direct":
        use_direct_convolutions(model)
    return NormalisedNetwork(model, input_shape[2]) if recipe.normalise == "standard" else model


def set_statistics(model: nn.Module, statistics: ChannelStatistics) -> None:
    """Set the statistics of a network that normalises its input; do nothing to another one."""
    if isinstance(model, NormalisedNetwork):
        model.input_mean.copy_(torch.from_numpy(statistics.mean))
        model.input_std.copy_(torch.from_numpy(statistics.std))


def channel_statistics(part: ImageTensors) -> ChannelStatistics:
    """Return the statistics of all pixels of the training images, in memory or on disk.

    The sums are exact integers, so the result does not depend on the order or the number of pieces. A channel of one
    value has the standard deviation 1: it becomes 0.
    """
    n_channels = part.pixels[:1].shape[-1]
    totals, squares = np.zeros(n_channels, np.int64), np.zeros(n_channels, np.int64)
    n_pixels = 0
    for start in range(0, len(part), IMAGES_PER_PIECE):
        pixels = part.pixels[start : start + IMAGES_PER_PIECE].cpu().numpy()
        values = pixels.reshape(-1, pixels.shape[-1])
        totals += values.sum(axis=0, dtype=np.int64)
        squares += np.square(values, dtype=np.uint16).sum(axis=0, dtype=np.int64)
        n_pixels += len(values)
    mean = totals / n_pixels
    # Python's integers do not overflow: n · Σx² can be larger than 2**63.
    spread = [n_pixels * int(square) - int(total) ** 2 for total, square in zip(totals, squares, strict=True)]
    std = np.array([value**0.5 / n_pixels if value else 255.0 for value in spread])
    return ChannelStatistics(mean / 255.0, std / 255.0)
