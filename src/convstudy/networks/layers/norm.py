"""Normalisation over the batch, over the channels of each pixel, or over groups of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from convstudy.networks.layers.layer import Decimal, Integer, Layer, argument, misfit, one_of
from convstudy.networks.shapes import Shape, n_values

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class BatchNorm(Layer):
    """``batch-norm``: scales each channel to mean 0 and variance 1 over the batch, as in Keras (Ioffe & Szegedy 2015).

    The shape stays the same. Each channel has a trainable scale and shift, and moving averages of mean and variance,
    which evaluation uses. ``batch-norm torch`` has PyTorch's defaults: ``momentum=0.9`` (0.1 in PyTorch's definition),
    ``variance=unbiased`` and ``epsilon=1e-05``.

    Args:
        momentum: the weight of the old moving average in each update, as in Keras; at least 0 and below 1, 0.99 by
            default.
        epsilon: the number added to the variance, at least 1e-12 and below 1; 0.001 by default.
        variance: the variance in the moving average: ``biased`` (divided by n, as in Keras; the default) or
            ``unbiased`` (divided by n - 1, as in PyTorch).

    >>> BatchNorm().n_parameters((8, 8, 16))
    (32, 32)
    >>> BatchNorm(0.9, 1e-5, "unbiased").text
    'batch-norm torch'
    """

    word: ClassVar[str] = "batch-norm"
    usage: ClassVar[str] = "batch-norm [torch] [momentum=0.99] [epsilon=0.001] [variance=biased|unbiased]"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "torch": {"momentum": 0.9, "epsilon": 1e-5, "variance": "unbiased"}
    }

    momentum: float = argument("key", Decimal(0.0, 1.0), 0.99)
    epsilon: float = argument("key", Decimal(1e-12, 1.0), 0.001)
    variance: str = argument("key", one_of(("biased", "unbiased")), "biased")

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        return (2 * shape[-1], 2 * shape[-1])

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return batch normalisation with Keras' moving averages."""
        from convstudy.networks.modules.batch_norm import KerasBatchNorm

        return KerasBatchNorm(shape[-1], 1.0 - self.momentum, self.epsilon, self.variance == "unbiased")


@dataclass(frozen=True)
class LayerNorm(Layer):
    """``layer-norm``: scales the channels of each pixel to mean 0 and variance 1, as in Keras (Ba et al. 2016).

    The shape stays the same. Each channel has a trainable scale and shift. To normalise over all values of an image,
    use ``group-norm 1``.

    Args:
        epsilon: the number added to the variance, at least 1e-12 and below 1; 0.001 by default.

    Raises:
        NetworkError: if the input has one channel, which would become constant.

    >>> LayerNorm().n_parameters((8, 8, 16))
    (32, 0)
    """

    word: ClassVar[str] = "layer-norm"
    usage: ClassVar[str] = "layer-norm [epsilon=0.001]"

    epsilon: float = argument("key", Decimal(1e-12, 1.0), 0.001)

    def output_shape(self, shape: Shape) -> Shape:
        if shape[-1] == 1:
            raise misfit('"layer-norm" needs at least 2 channels', got=shape)
        return shape

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        return (2 * shape[-1], 0)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return layer normalisation over the channels."""
        from convstudy.networks.modules.layer_norm import ChannelLayerNorm

        return ChannelLayerNorm(shape[-1], self.epsilon)


@dataclass(frozen=True)
class GroupNorm(Layer):
    """``group-norm GROUPS``: scales each group of channels of an image to mean 0 and variance 1 (Wu & He 2018).

    The shape stays the same. Each channel has a trainable scale and shift.

    Args:
        groups: the number of groups, 1 to 65,536; it must divide the number of channels.
        epsilon: the number added to the variance, at least 1e-12 and below 1; 0.001 by default.

    Raises:
        NetworkError: if ``groups`` does not divide the number of channels, or a group has one value, which would
            become constant.

    >>> GroupNorm(4).output_shape((8, 8, 16)), GroupNorm(4).n_parameters((8, 8, 16))
    ((8, 8, 16), (32, 0))
    """

    word: ClassVar[str] = "group-norm"
    usage: ClassVar[str] = "group-norm GROUPS [epsilon=0.001]"

    groups: int = argument("position", Integer(1, 65536))
    epsilon: float = argument("key", Decimal(1e-12, 1.0), 0.001)

    def output_shape(self, shape: Shape) -> Shape:
        if shape[-1] % self.groups:
            what = f"{self.groups} groups do not divide {shape[-1]} channels"
            raise misfit(what, f"use a divisor of {shape[-1]}")
        if n_values(shape) == self.groups:
            raise misfit('"group-norm" needs at least 2 values in each group', "use fewer groups", shape)
        return shape

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        return (2 * shape[-1], 0)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return group normalisation."""
        from convstudy.networks.modules.group_norm import GroupNorm as Module

        return Module(self.groups, shape[-1], self.epsilon)


LAYERS = (BatchNorm, LayerNorm, GroupNorm)
