"""Normalisation: over the batch, over the channels of each place, or over groups of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from convstudy.networks.layers.layer import Decimal, Integer, Layer, argument, one_of
from convstudy.networks.shapes import Shape, n_values

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class BatchNorm(Layer):
    """``batch-norm``: each channel to mean 0 and variance 1 over the batch (Ioffe & Szegedy 2015), as Keras does it.

    ``momentum`` is Keras': the share of the old moving average that a batch leaves (0.99). ``variance`` says which one
    is averaged: Keras' biased one, or torch's, with ``n - 1``. ``epsilon`` is 0.001. ``batch-norm torch`` has torch's
    defaults: a momentum of 0.9 (0.1 in torch's sense), the unbiased variance, and an epsilon of 0.00001.

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

    momentum: float = argument("key", Decimal(0.0, 1.0), "a number from 0 to below 1", 0.99)
    epsilon: float = argument("key", Decimal(1e-12, 1.0), "a number from 1e-12 to below 1", 0.001)
    variance: str = argument("key", one_of(("biased", "unbiased")), "biased, unbiased", "biased")

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return scale and shift, and the two moving averages, of each channel."""
        return (2 * shape[-1], 2 * shape[-1])

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return batch normalisation with these moving averages."""
        from convstudy.networks.modules.batch_norm import KerasBatchNorm

        return KerasBatchNorm(shape[-1], 1.0 - self.momentum, self.epsilon, self.variance == "unbiased")


@dataclass(frozen=True)
class LayerNorm(Layer):
    """``layer-norm``: the channels of each place of an image to mean 0 and variance 1 (Ba et al. 2016), as in Keras.

    There is a scale and a shift for each channel. Over all values of an image normalises ``group-norm 1``.

    >>> LayerNorm().n_parameters((8, 8, 16))
    (32, 0)
    """

    word: ClassVar[str] = "layer-norm"
    usage: ClassVar[str] = "layer-norm [epsilon=0.001]"

    epsilon: float = argument("key", Decimal(1e-12, 1.0), "a number from 1e-12 to below 1", 0.001)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was; a single channel would become 0 everywhere, so there have to be two."""
        if shape[-1] == 1:
            raise self.misfit(shape, '"layer-norm" of 1 channel leaves nothing of it', "2 channels or more")
        return shape

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return a scale and a shift for each channel."""
        return (2 * shape[-1], 0)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return layer normalisation over the channels."""
        from convstudy.networks.modules.layer_norm import ChannelLayerNorm

        return ChannelLayerNorm(shape[-1], self.epsilon)


@dataclass(frozen=True)
class GroupNorm(Layer):
    """``group-norm GROUPS``: each group of channels of an image to mean 0 and variance 1 (Wu & He 2018).

    There is a scale and a shift for each channel.

    >>> GroupNorm(4).output_shape((8, 8, 16)), GroupNorm(4).n_parameters((8, 8, 16))
    ((8, 8, 16), (32, 0))
    """

    word: ClassVar[str] = "group-norm"
    usage: ClassVar[str] = "group-norm GROUPS [epsilon=0.001]"

    groups: int = argument("position", Integer(1, 65536), "a whole number that divides the channels")
    epsilon: float = argument("key", Decimal(1e-12, 1.0), "a number from 1e-12 to below 1", 0.001)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was; the groups have to divide the channels, into more than single values."""
        if shape[-1] % self.groups:
            raise self.misfit(
                shape, f"{self.groups} groups do not divide {shape[-1]} channels", f"a divisor of {shape[-1]}"
            )
        if n_values(shape) == self.groups:
            raise self.misfit(shape, '"group-norm" of single values leaves nothing of them', "fewer groups")
        return shape

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return a scale and a shift for each channel."""
        return (2 * shape[-1], 0)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return group normalisation."""
        from convstudy.networks.modules.group_norm import GroupNorm as Module

        return Module(self.groups, shape[-1], self.epsilon)


LAYERS = (BatchNorm, LayerNorm, GroupNorm)
