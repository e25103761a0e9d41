"""Units that say nothing: those whose relu was 0 for every image, wherever in the picture.

relu6 and hardswish are 0 without a slope too, below 0 and below -3. Other activations keep a slope there, so that their
units cannot die this way (Lu et al. 2020, section 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from convstudy.networks.modules.concat import ChannelConcat
from convstudy.networks.modules.residual import ResidualSum
from convstudy.networks.modules.squeeze_excite import ChannelWeighing
from convstudy.networks.tree import LayerPath
from convstudy.record import DeadRelus

DYING = (nn.ReLU, nn.ReLU6, nn.Hardswish)


@contextmanager
def watched_relus(model: nn.Module) -> Iterator[dict[LayerPath, torch.Tensor]]:
    """Yield the highest value of each relu's units, float ``(units,)`` by layer, as the model looks at images.

    Of a hardswish it is the highest absolute value, because values from -3 to 0 are below 0 there and have a slope.
    A unit is a channel of ``(n, channels, height, width)`` or a value of ``(n, values)``. Its layer is the one with the
    kernels that it comes from, or the residual or concat where it comes from a sum or a concatenation. A relu that has
    more or fewer units than one before it of the same layer, as after a flatten, counts as a layer. The model is a
    sequence of layers, as ``build_network`` makes it.
    """
    highest: dict[LayerPath, torch.Tensor] = {}

    def watch(relu: nn.Module, own: LayerPath, layer: LayerPath) -> torch.utils.hooks.RemovableHandle:
        def look(_: nn.Module, inputs: object, values: torch.Tensor) -> None:
            values = values.abs() if isinstance(relu, nn.Hardswish) else values
            found = values.amax(dim=[axis for axis in range(values.dim()) if axis != 1])
            place = own if layer in highest and highest[layer].shape != found.shape else layer
            highest[place] = torch.maximum(highest[place], found) if place in highest else found

        return relu.register_forward_hook(look)

    hooks = [watch(relu, own, layer) for relu, own, layer in _relus(model, (), None)]
    try:
        yield highest
    finally:
        for hook in hooks:
            hook.remove()


def dead_relus(highest: dict[LayerPath, torch.Tensor]) -> tuple[DeadRelus, ...]:
    """Return the layers that have dead units, of the values that :func:`watched_relus` yielded."""
    counts = [(layer, int((values <= 0).sum()), len(values)) for layer, values in sorted(highest.items())]
    return tuple(DeadRelus(*each) for each in counts if each[1])


def _relus(
    parts: nn.Module, prefix: LayerPath, before: LayerPath | None
) -> Iterator[tuple[nn.Module, LayerPath, LayerPath]]:
    """Yield each relu of a sequence of layers, with its own layer and the one that its values come from.

    Args:
        parts: one module for each layer, in their places.
        prefix: the path to them.
        before: the layer that their input comes from, if there is one.
    """
    for number, part in enumerate(parts.children(), start=1):
        path = (*prefix, number)
        if isinstance(part, ResidualSum):
            yield from _relus(part.body, path, before)
            if isinstance(part.then, DYING):
                yield part.then, path, path
        elif isinstance(part, ChannelConcat):
            for branch, inside in enumerate(part.branches.children(), start=1):
                yield from _relus(inside, (*path, branch), before)
        if isinstance(part, ResidualSum | ChannelConcat):
            before = path
            continue
        from_here = any(parameter.dim() > 1 for parameter in part.parameters())
        for module in part.modules():
            if isinstance(module, DYING):
                yield module, path, path if from_here else before or path
        if from_here and not isinstance(part, ChannelWeighing):  # it multiplies channels, and makes no others
            before = path
