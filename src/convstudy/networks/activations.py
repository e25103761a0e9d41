"""The activation functions by name. A new one is one entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

# Name -> class in torch.nn. LeakyReLU's slope is set below; gelu is the exact one, as in Keras.
ACTIVATIONS: dict[str, str] = {
    "relu": "ReLU",
    "tanh": "Tanh",
    "gelu": "GELU",
    "silu": "SiLU",
    "leaky-relu": "LeakyReLU",
    "sigmoid": "Sigmoid",
    "elu": "ELU",
}
# What Keras 3 means by activation="leaky_relu" (its LeakyReLU layer has 0.3, torch 0.01).
LEAKY_RELU_SLOPE = 0.2


def activation_module(name: str) -> nn.Module:
    """Return a new torch module for the activation called ``name`` (a key of :data:`ACTIVATIONS`)."""
    from torch import nn

    if name == "leaky-relu":
        return nn.LeakyReLU(LEAKY_RELU_SLOPE)
    module: nn.Module = getattr(nn, ACTIVATIONS[name])()
    return module
