"""The activation functions by name. To add one, add an entry to :data:`ACTIVATIONS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

# Name -> class in torch.nn. The slopes of LeakyReLU and PReLU are set below; gelu is exact, as in Keras.
ACTIVATIONS: dict[str, str] = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "gelu": "GELU",
    "silu": "SiLU",
    "leaky-relu": "LeakyReLU",
    "sigmoid": "Sigmoid",
    "elu": "ELU",
    "relu6": "ReLU6",
    "hardswish": "Hardswish",
    "mish": "Mish",
    "prelu": "PReLU",
}
# The slope of activation="leaky_relu" in Keras 3. The LeakyReLU layer of Keras has 0.3, that of torch 0.01.
LEAKY_RELU_SLOPE = 0.2
PRELU = "prelu"
"""The activation with one trainable slope per channel (He et al. 2015). As in the paper, weight decay does not change
the slopes."""
PRELU_SLOPE = 0.25


def activation_module(name: str, n_channels: int) -> nn.Module:
    """Return a new torch module for an activation.

    Args:
        name: a key of :data:`ACTIVATIONS`.
        n_channels: the number of channels of the input images, or of features of a flat input.
    """
    from torch import nn

    if name == "leaky-relu":
        return nn.LeakyReLU(LEAKY_RELU_SLOPE)
    if name == PRELU:
        return nn.PReLU(n_channels, PRELU_SLOPE)
    module: nn.Module = getattr(nn, ACTIVATIONS[name])()
    return module


def n_activation_parameters(name: str | None, n_channels: int) -> int:
    """Return the number of trainable values of an activation; ``None`` means no activation."""
    return n_channels if name == PRELU else 0
