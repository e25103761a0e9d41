"""The residual connection: layers whose output is added to their input (He et al. 2016)."""

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
from convstudy.networks.layers.layer import Layer, argument, one_of
from convstudy.networks.layers.norm import BatchNorm, GroupNorm, LayerNorm
from convstudy.networks.layers.plain import Activation
from convstudy.networks.layers.stochastic_depth import never_dropped
from convstudy.networks.shapes import Shape, shape_text
from convstudy.networks.tree import SHORTCUT, Branch, mapped, shape_after

if TYPE_CHECKING:
    import torch
    from torch import nn

CONVOLUTIONS = (Conv, DepthwiseConv, ExpandConv)
# Each is the identity where the shapes agree; elsewhere "identity" is an error.
SHORTCUTS = ("projection", "pad", "identity", "identity-or-none")


@dataclass(frozen=True)
class Residual(Layer):
    """``residual``: the layers inside, the body, plus a shortcut from their input.

    Where input and output of the body have one shape the shortcut is the identity. Elsewhere ``shortcut`` decides:

    - ``projection``: a 1 × 1 convolution with the body's stride (He et al. 2016, option B; a dense layer for flat
      inputs). It ends as the body does: with a bias if the last convolution of the body has one, and with the
      normalisation that follows that convolution, if there is one.
    - ``pad``: every other row and column of the input (or every third, ...), and zeros for the channels that it lacks,
      after its own; no parameters (option A, in the order of fb.resnet.torch).
    - ``identity-or-none``: no shortcut (Sandler et al. 2018, MobileNetV2).
    - ``identity``: refused.

    ``then`` is the activation after the sum. ``init`` is how the projection's weights are drawn.

    >>> layer = Residual((Conv(16, 3, padding="same", stride=2),), then="relu")
    >>> layer.output_shape((8, 8, 16)), layer.projection((8, 8, 16))[0].text
    ((4, 4, 16), 'conv 16 1 stride=2')
    """

    word: ClassVar[str] = "residual"
    usage: ClassVar[str] = (
        "residual BLOCK [xN] [KEY=VALUE ...] [then=ACTIVATION] "
        "[shortcut=projection|pad|identity|identity-or-none] [init=NAME]"
    )
    holds: ClassVar[str] = "layers"

    body: tuple[Layer, ...]
    shortcut: str = argument("key", one_of(SHORTCUTS), ", ".join(SHORTCUTS), "projection")
    then: str | None = argument("key", one_of(ACTIVATIONS), ", ".join(ACTIVATIONS), None)
    init: str | None = argument("key", one_of(INITIALISERS), ", ".join(INITIALISERS), None)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The body."""
        return (Branch((), self.body),)

    def with_branches(self, sequences: tuple[tuple[Layer, ...], ...]) -> Layer:
        """Return the residual with another body."""
        (body,) = sequences
        return replace(self, body=body)

    def inside(self, shape: Shape) -> Iterator[Branch]:
        """Yield the body, and the layers of a projection."""
        yield Branch((), self.body)
        if projection := self.projection(shape):
            yield Branch((SHORTCUT,), projection)

    def left_out(self) -> tuple[Layer, ...]:
        """Return the body without the shortcut, and the activation: the plain network of He et al. 2016."""
        stays = mapped(self.body, lambda layer: () if layer.only_inside == self.word else (layer,))
        return (*stays, Activation(self.then)) if self.then else stays

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape after the body; the shortcut must be able to have it."""
        after = shape_after(self.body, shape)
        if after == shape or self.shortcut == "identity-or-none":
            return after
        if self.shortcut == "identity":
            raise self.misfit(
                shape,
                f"the identity cannot be added to {shape_text(after)}",
                "a body that keeps the shape, or shortcut=projection, pad, identity-or-none",
            )
        if len(after) != len(shape) or (len(shape) == 3 and self.stride(shape) is None):
            raise self.misfit(
                shape,
                f"no shortcut leads to {shape_text(after)}: the height and width of the body's output must be those of "
                "its input divided by one stride",
                "a body with padding=same, or shortcut=identity-or-none",
            )
        if self.shortcut == "pad" and after[-1] < shape[-1]:
            raise self.misfit(
                shape,
                f"shortcut=pad cannot take channels away: the body has {after[-1]}",
                f"a body with {shape[-1]} channels or more, or shortcut=projection",
            )
        return after

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return what the activation after the sum has."""
        return (n_activation_parameters(self.then, shape_after(self.body, shape)[-1]), 0)

    def stride(self, shape: Shape) -> int | None:
        """Return the smallest stride that gives an image the body's height and width; None where none does."""
        after = shape_after(self.body, shape)
        for stride in range(1, max(shape[:2]) + 1):
            if all(-(-size // stride) == wanted for size, wanted in zip(shape[:2], after[:2], strict=True)):
                return stride
        return None

    def projection(self, shape: Shape) -> tuple[Layer, ...]:
        """Return the layers of the projection for an input; none where the shortcut is another one."""
        after = shape_after(self.body, shape)
        if self.shortcut != "projection" or after == shape or len(after) != len(shape):
            return ()
        last = _from_last(self.body, (Dense,) if len(shape) == 1 else CONVOLUTIONS)
        bias = bool(getattr(last[0], "bias")) if last else True  # noqa: B009
        norm = next((layer for layer in last if isinstance(layer, (BatchNorm, LayerNorm, GroupNorm))), None)
        if len(shape) == 1:
            projected: Layer = Dense(after[-1], init=self.init, bias=bias)
        else:
            projected = Conv(after[-1], 1, stride=self.stride(shape) or 1, init=self.init, bias=bias)
        return (projected, norm) if norm else (projected,)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the sum; start weights are drawn for the body first."""
        from convstudy.networks.build import sequence
        from convstudy.networks.modules.residual import PadShortcut, ResidualSum

        after = self.output_shape(shape)
        adds = after == shape or self.shortcut != "identity-or-none"
        # Without a shortcut nothing would be left of an image whose body is left out.
        body = sequence(self.body if adds else never_dropped(self.body), shape, generator)
        shortcut: nn.Module | None = None
        if self.shortcut == "pad" and after != shape:
            stride = 1 if len(shape) == 1 else self.stride(shape) or 1
            shortcut = PadShortcut(stride, after[-1] - shape[-1])
        elif projection := self.projection(shape):
            shortcut = sequence(projection, shape, generator)
        then = activation_module(self.then, after[-1]) if self.then else None
        return ResidualSum(body, shortcut, then, adds)


def _from_last(body: tuple[Layer, ...], kinds: tuple[type[Layer], ...]) -> tuple[Layer, ...]:
    """Return the layers from the last one of these kinds on, also where it is inside another residual's body."""
    for place, layer in reversed(tuple(enumerate(body))):
        if isinstance(layer, kinds):
            return body[place:]
        if isinstance(layer, Residual) and (last := _from_last(layer.body, kinds)):
            return (*last, *body[place + 1 :])
    return ()


LAYERS = (Residual,)
