"""The activation functions by name. A new one is one entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

# Name -> class in torch.nn. The slopes of LeakyReLU and PReLU are set below; gelu is the exact one, as in Keras.
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
# What Keras 3 means by activation="leaky_relu" (its LeakyReLU layer has 0.3, torch 0.01).
LEAKY_RELU_SLOPE = 0.2
PRELU = "prelu"
"""The activation with weights, a slope for each channel (He et al. 2015). As in the paper, they do not decay."""
PRELU_SLOPE = 0.25


def activation_module(name: str, n_channels: int) -> nn.Module:
    """Return a new torch module for an activation.

    Args:
        name: a key of :data:`ACTIVATIONS`.
        n_channels: the channels of its images, or the values of its rows.
    """
    from torch import nn

    if name == "leaky-relu":
        return nn.LeakyReLU(LEAKY_RELU_SLOPE)
    if name == PRELU:
        return nn.PReLU(n_channels, PRELU_SLOPE)
    module: nn.Module = getattr(nn, ACTIVATIONS[name])()
    return module


def n_activation_parameters(name: str | None, n_channels: int) -> int:
    """Return the number of weights of an activation; ``None`` is no activation."""
    return n_channels if name == PRELU else 0
