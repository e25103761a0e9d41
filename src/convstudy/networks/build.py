"""A network to a torch module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn

    from convstudy.networks.layers.layer import Layer
    from convstudy.networks.network import Network


def build_network(
    network: Network, input_shape: Shape, n_classes: int, generator: torch.Generator
) -> nn.Sequential:
    """Return the module: images ``(n, channels, height, width)`` to logits ``(n, n_classes)``.

    Args:
        network: the hidden layers.
        input_shape: ``(height, width, channels)`` of one image.
        n_classes: the number of outputs.
        generator: where the start weights are drawn from, layer by layer.

    Raises:
        NetworkError: where a layer does not fit the shape before it.
    """
    import torch

    for _ in network.walk(input_shape, n_classes):  # what does not fit is reported with its place
        pass
    module = sequence(network.complete(n_classes), input_shape, generator)
    # torch's own annotation of Module.to lacks this form of it.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def sequence(layers: tuple[Layer, ...], shape: Shape, generator: torch.Generator) -> nn.Sequential:
    """Return layers that follow each other as one module, for an input of ``shape``; each layer keeps its place."""
    from torch import nn

    parts: list[nn.Module] = []
    for layer in layers:
        parts.append(layer.module(shape, generator))
        shape = layer.output_shape(shape)
    return nn.Sequential(*_pooled_first(parts))


def _pooled_first(parts: list[nn.Module]) -> list[nn.Module]:
    """Return the parts with each relu that a max-pool follows moved behind it.

    relu never falls, so the largest value of a window stays the largest: values and gradients are the same to the last
    bit, and relu has a quarter of the work. A part keeps its place, and so do the names of its weights.
    """
    from torch import nn

    moved = list(parts)
    for place, following in enumerate(parts[1:], start=1):
        before = moved[place - 1]
        if not isinstance(before, nn.Sequential) or not isinstance(following, nn.MaxPool2d):
            continue
        if len(before) and isinstance(before[-1], nn.ReLU):
            moved[place - 1 : place + 1] = before[:-1], nn.Sequential(following, before[-1])
    return moved
