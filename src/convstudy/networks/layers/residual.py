"""Residual connection: a body whose output is added to its input (He et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.activations import ACTIVATIONS, activation_module, n_activation_parameters
from convstudy.networks.initialisers import INITIALISERS
from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.dense import Dense
from convstudy.networks.layers.depthwise_conv import DepthwiseConv
from convstudy.networks.layers.expand_conv import ExpandConv
from convstudy.networks.layers.layer import Layer, argument, misfit, one_of
from convstudy.networks.layers.norm import BatchNorm, GroupNorm, LayerNorm
from convstudy.networks.layers.plain import Activation
from convstudy.networks.layers.stochastic_depth import with_zero_rates
from convstudy.networks.shapes import Shape, shape_text
from convstudy.networks.tree import SHORTCUT, Branch, map_layers, shape_after

if TYPE_CHECKING:
    import torch
    from torch import nn

CONVOLUTIONS = (Conv, DepthwiseConv, ExpandConv)
# If the body keeps the shape, every option gives the identity. If the body changes the shape, "identity" is an error.
SHORTCUTS = ("projection", "pad", "identity", "identity-or-none")


@dataclass(frozen=True)
class Residual(Layer):
    """``residual``: adds a shortcut from the input of the layers inside (the body) to their output (He et al. 2016).

    The output has the shape of the body's output. If the body keeps the shape, the shortcut is the identity. If it
    changes the shape, ``shortcut`` decides:

    - ``projection``: a 1 × 1 convolution with the body's stride (option B of the paper), or a dense layer for flat
      inputs. It has a bias if the last convolution of the body has one. If a normalisation follows that convolution,
      the projection has the same normalisation.
    - ``pad``: every ``stride``-th row and column of the input, followed by channels of zeros, as in fb.resnet.torch
      (option A of the paper). It has no parameters.
    - ``identity-or-none``: no shortcut, as in MobileNetV2 (Sandler et al. 2018).
    - ``identity``: an error.

    Args:
        body: the layers inside.
        shortcut: see above; ``projection`` by default.
        then: the activation after the sum, a key of ``ACTIVATIONS``; none by default.
        init: the initialiser of the projection, a key of ``INITIALISERS``; the network's ``init`` by default.

    Raises:
        NetworkError: if the shortcut cannot have the shape of the body's output.

    >>> layer = Residual((Conv(16, 3, padding="same", stride=2),), then="relu")
    >>> layer.output_shape((8, 8, 16)), layer.projection((8, 8, 16))[0].text
    ((4, 4, 16), 'conv 16 1 stride=2')
    """

    word: ClassVar[str] = "residual"
    usage: ClassVar[str] = (
        "residual BLOCK [xN] [KEY=VALUE ...] [then=ACTIVATION] "
        "[shortcut=projection|pad|identity|identity-or-none] [init=NAME]"
    )
    contains: ClassVar[str] = "layers"

    body: tuple[Layer, ...]
    shortcut: str = argument("key", one_of(SHORTCUTS), "projection")
    then: str | None = argument("key", one_of(ACTIVATIONS), None)
    init: str | None = argument("key", one_of(INITIALISERS), None)

    @property
    def branches(self) -> tuple[Branch, ...]:
        return (Branch((), self.body),)

    def with_branches(self, sequences: tuple[tuple[Layer, ...], ...]) -> Layer:
        (body,) = sequences
        return replace(self, body=body)

    def inner_sequences(self, shape: Shape) -> Iterator[Branch]:
        """Yield the body and, if there is one, the projection."""
        yield Branch((), self.body)
        if projection := self.projection(shape):
            yield Branch((SHORTCUT,), projection)

    def remaining_layers(self) -> tuple[Layer, ...]:
        """Return the body and the activation without the shortcut: the plain network of He et al. 2016."""
        kept = map_layers(self.body, lambda layer: () if layer.only_inside == self.word else (layer,))
        return (*kept, Activation(self.then)) if self.then else kept

    def output_shape(self, shape: Shape) -> Shape:
        after = shape_after(self.body, shape)
        if after == shape or self.shortcut == "identity-or-none":
            return after
        change = f"{shape_text(shape)} into {shape_text(after)}"
        if self.shortcut == "identity":
            what = f"shortcut=identity needs a body that keeps the shape; this body turns {change}"
            raise misfit(what, "use shortcut=projection, shortcut=pad or shortcut=identity-or-none")
        if len(after) != len(shape) or (len(shape) == 3 and self.stride(shape) is None):
            what = (
                f"no shortcut turns {change}; a shortcut can only divide height and width by the same stride"
            )
            raise misfit(what, "use padding=same in the body, or shortcut=identity-or-none")
        if self.shortcut == "pad" and after[-1] < shape[-1]:
            what = f"shortcut=pad cannot remove channels; the body turns {change}"
            raise misfit(what, f"use a body with at least {shape[-1]} channels, or shortcut=projection")
        return after

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return the numbers of the activation after the sum. The body and the projection are counted separately."""
        return (n_activation_parameters(self.then, shape_after(self.body, shape)[-1]), 0)

    def stride(self, shape: Shape) -> int | None:
        """Return the smallest stride that reduces the input to the height and width of the body's output, or None."""
        after = shape_after(self.body, shape)
        # ⌈size / stride⌉ is the output size of a convolution with padding=same.
        for stride in range(1, max(shape[:2]) + 1):
            if all(-(-size // stride) == wanted for size, wanted in zip(shape[:2], after[:2], strict=True)):
                return stride
        return None

    def projection(self, shape: Shape) -> tuple[Layer, ...]:
        """Return the layers of the projection for an input shape; none if the shortcut is not a projection."""
        after = shape_after(self.body, shape)
        if self.shortcut != "projection" or after == shape or len(after) != len(shape):
            return ()
        last = _from_last(self.body, (Dense,) if len(shape) == 1 else CONVOLUTIONS)
        # Without a convolution in the body, the projection has Conv's default: a bias.
        bias = bool(getattr(last[0], "bias")) if last else True  # noqa: B009
        norm = next((layer for layer in last if isinstance(layer, (BatchNorm, LayerNorm, GroupNorm))), None)
        if len(shape) == 1:
            projected: Layer = Dense(after[-1], init=self.init, bias=bias)
        else:
            # A 1 × 1 kernel needs no padding: ⌊(size - 1) / stride⌋ + 1 equals ⌈size / stride⌉.
            projected = Conv(after[-1], 1, stride=self.stride(shape) or 1, init=self.init, bias=bias)
        return (projected, norm) if norm else (projected,)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the sum; initial weights are drawn first for the body, then for the projection."""
        from convstudy.networks.build import sequence
        from convstudy.networks.modules.residual import PadShortcut, ResidualSum

        after = self.output_shape(shape)
        adds = after == shape or self.shortcut != "identity-or-none"
        # Without a shortcut, stochastic depth would replace the dropped images by zeros.
        body = sequence(self.body if adds else with_zero_rates(self.body), shape, generator)
        shortcut: nn.Module | None = None
        if self.shortcut == "pad" and after != shape:
            stride = 1 if len(shape) == 1 else self.stride(shape) or 1
            shortcut = PadShortcut(stride, after[-1] - shape[-1])
        elif projection := self.projection(shape):
            shortcut = sequence(projection, shape, generator)
        then = activation_module(self.then, after[-1]) if self.then else None
        return ResidualSum(body, shortcut, then, adds)


def _from_last(body: tuple[Layer, ...], kinds: tuple[type[Layer], ...]) -> tuple[Layer, ...]:
    """Return the last layer of these kinds and all layers after it; the body of an inner residual is searched too."""
    for place, layer in reversed(tuple(enumerate(body))):
        if isinstance(layer, kinds):
            return body[place:]
        if isinstance(layer, Residual) and (last := _from_last(layer.body, kinds)):
            return (*last, *body[place + 1 :])
    return ()


LAYERS = (Residual,)
