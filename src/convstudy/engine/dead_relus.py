"""Find dead ReLUs: units whose activation is 0 at every position of every image, so that their gradient is 0 too.

ReLU6 for inputs below 0 and hardswish for inputs below -3 also have output 0 and gradient 0. Other activations have a
gradient for all inputs, so their units cannot die in this way (Lu et al. 2020, section 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from convstudy.networks.modules.concat import ChannelConcat
from convstudy.networks.modules.residual import ResidualSum
from convstudy.networks.modules.squeeze_excite import SqueezeExcitation
from convstudy.networks.tree import LayerPath
from convstudy.record import DeadRelus

CAN_DIE = (nn.ReLU, nn.ReLU6, nn.Hardswish)
ROUNDING = 1e-6
"""An output counts as 0 if it is at most this multiple of the unit's largest negative input.

Without a bias, the input of a unit is 0 where an image is blank. A convolution by spectrum returns up to 3e-7 times the
unit's largest values there (:mod:`convstudy.networks.modules.spectral`).
"""


@contextmanager
def watched_relus(model: nn.Module) -> Iterator[dict[LayerPath, torch.Tensor]]:
    """Yield a dict from layer to the maximum of each unit's ReLU output, float ``(units,)``.

    Each forward pass updates the dict. For a hardswish, the values are maxima of the absolute output, because inputs in
    (-3, 0) give negative outputs with a gradient. A unit is a channel of ``(n, channels, height, width)`` or a feature
    of ``(n, features)``. A unit belongs to the layer whose kernels compute it, or to the residual or concat layer whose
    output the ReLU receives. If two ReLUs of one layer have different numbers of units, for example because a flatten
    is between them, the second one counts as a separate layer.

    Args:
        model: a sequence of layers, as ``build_network`` returns it.
    """
    maxima: dict[LayerPath, torch.Tensor] = {}

    def watch(relu: nn.Module, own: LayerPath, layer: LayerPath) -> torch.utils.hooks.RemovableHandle:
        def record(_: nn.Module, inputs: tuple[torch.Tensor], values: torch.Tensor) -> None:
            axes = [axis for axis in range(values.dim()) if axis != 1]
            if isinstance(relu, nn.Hardswish):
                found = values.abs().amax(axes)
            else:
                found = values.amax(axes)
                found = found.masked_fill(found <= -ROUNDING * inputs[0].amin(axes), 0.0)
            # After a flatten, a ReLU has other units than the layer's first ReLU: their maxima cannot be merged.
            key = own if layer in maxima and maxima[layer].shape != found.shape else layer
            maxima[key] = torch.maximum(maxima[key], found) if key in maxima else found

        return relu.register_forward_hook(record)

    hooks = [watch(relu, own, layer) for relu, own, layer in _relus(model, (), None)]
    try:
        yield maxima
    finally:
        for hook in hooks:
            hook.remove()


def dead_relus(maxima: dict[LayerPath, torch.Tensor]) -> tuple[DeadRelus, ...]:
    """Return the layers with dead ReLUs, from the maxima that :func:`watched_relus` yielded."""
    counts = [(layer, int((values <= 0).sum()), len(values)) for layer, values in sorted(maxima.items())]
    return tuple(DeadRelus(*each) for each in counts if each[1])


def _relus(
    parts: nn.Module, prefix: LayerPath, before: LayerPath | None
) -> Iterator[tuple[nn.Module, LayerPath, LayerPath]]:
    """Yield each ReLU of a sequence of layers, the path of its layer, and the path of the layer that it belongs to.

    Args:
        parts: the modules, one per layer.
        prefix: the path of the sequence.
        before: the path of the layer with kernels in front of the sequence, if any.
    """
    for number, part in enumerate(parts.children(), start=1):
        path = (*prefix, number)
        if isinstance(part, ResidualSum):
            yield from _relus(part.body, path, before)
            if isinstance(part.then, CAN_DIE):
                yield part.then, path, path
        elif isinstance(part, ChannelConcat):
            for branch, inside in enumerate(part.branches.children(), start=1):
                yield from _relus(inside, (*path, branch), before)
        if isinstance(part, ResidualSum | ChannelConcat):
            before = path
            continue
        has_kernels = any(parameter.dim() > 1 for parameter in part.parameters())
        for module in part.modules():
            if isinstance(module, CAN_DIE):
                yield module, path, path if has_kernels else before or path
        if has_kernels and not isinstance(
            part, SqueezeExcitation
        ):  # squeeze-excitation scales channels and computes no new ones
            before = path
