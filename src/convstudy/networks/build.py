"""Builds the torch module of a network."""

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
    """Return the module that maps images ``(n, channels, height, width)`` to logits ``(n, n_classes)``.

    Args:
        network: the hidden layers.
        input_shape: ``(height, width, channels)`` of one image.
        n_classes: the number of outputs.
        generator: the source of the initial weights, which are drawn layer by layer.

    Raises:
        NetworkError: if a layer does not fit its input.
    """
    import torch

    for _ in network.walk(input_shape, n_classes):  # raises errors that name the layer
        pass
    module = sequence(network.complete(n_classes), input_shape, generator)
    # torch's annotation of Module.to has no overload with memory_format alone.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def sequence(layers: tuple[Layer, ...], shape: Shape, generator: torch.Generator) -> nn.Sequential:
    """Return the module of a sequence of layers for an input shape; child ``i`` is layer ``i``."""
    from torch import nn

    parts: list[nn.Module] = []
    for layer in layers:
        parts.append(layer.module(shape, generator))
        shape = layer.output_shape(shape)
    return nn.Sequential(*_relu_after_max_pool(parts))


def use_direct_convolutions(model: nn.Module) -> None:
    """Let all convolutions of a model use torch's kernels (the recipe's ``conv_algorithm = "direct"``)."""
    from convstudy.networks.modules.first_conv import FirstConv
    from convstudy.networks.modules.spectral.conv import SpectralConv
    from convstudy.networks.modules.winograd_conv import WinogradConv

    for module in model.modules():
        if isinstance(module, (FirstConv, SpectralConv, WinogradConv)):
            module.direct = True


def _relu_after_max_pool(parts: list[nn.Module]) -> list[nn.Module]:
    """Return the modules; move each relu that precedes a max-pool behind the pool.

    relu is monotonic, so it commutes with the maximum: values and gradients are bit-identical. After a 2 × 2 pool, relu
    computes a quarter of the values. The number of modules does not change, so the weights keep their names.
    """
    from torch import nn

    from convstudy.networks.modules.relu_pool import PoolThenRelu

    moved = list(parts)
    for place, following in enumerate(parts[1:], start=1):
        before = moved[place - 1]
        if not isinstance(before, nn.Sequential) or not isinstance(following, nn.MaxPool2d):
            continue
        if len(before) and isinstance(before[-1], nn.ReLU):
            moved[place - 1 : place + 1] = before[:-1], PoolThenRelu(following, before[-1])
    return moved
