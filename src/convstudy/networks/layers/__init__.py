"""The layers by the word that a study file uses. A new layer is one class in one file here, and its line below."""

from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.dense import Dense
from convstudy.networks.layers.layer import Layer
from convstudy.networks.layers.norm import BatchNorm, GroupNorm, LayerNorm
from convstudy.networks.layers.plain import Activation, Dropout, Flatten
from convstudy.networks.layers.pool import AveragePool, GlobalAveragePool, MaxPool

LAYERS: dict[str, type[Layer]] = {
    layer.word: layer
    for layer in (
        Conv,
        MaxPool,
        AveragePool,
        GlobalAveragePool,
        BatchNorm,
        LayerNorm,
        GroupNorm,
        Dropout,
        Flatten,
        Dense,
        Activation,
    )
}

__all__ = [
    "LAYERS",
    "Activation",
    "AveragePool",
    "BatchNorm",
    "Conv",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "MaxPool",
]
