"""Units that say nothing: those whose relu was 0 for every image, wherever in the picture.

Other activations keep a slope below 0, so that their units cannot die this way (Lu et al. 2020, section 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from convstudy.record import DeadUnits


@contextmanager
def watched_relus(model: nn.Module) -> Iterator[dict[int, torch.Tensor]]:
    """Yield the highest value of each relu's units, float ``(units,)`` by layer, as the model looks at images.

    A unit is a channel of ``(n, channels, height, width)`` or a value of ``(n, values)``. Its layer, counted from 1, is
    the one with the kernels that it comes from. The model is a row of layers, as ``build_network`` makes it.
    """
    highest: dict[int, torch.Tensor] = {}

    def watch(relu: nn.Module, layer: int) -> torch.utils.hooks.RemovableHandle:
        def look(_: nn.Module, inputs: object, values: torch.Tensor) -> None:
            found = values.amax(dim=[axis for axis in range(values.dim()) if axis != 1])
            highest[layer] = torch.maximum(highest[layer], found) if layer in highest else found

        return relu.register_forward_hook(look)

    parts = list(model.children())
    hooks = [
        watch(module, _with_weights(parts, place) + 1)
        for place, part in enumerate(parts)
        for module in part.modules()
        if isinstance(module, nn.ReLU)
    ]
    try:
        yield highest
    finally:
        for hook in hooks:
            hook.remove()


def dead_units(highest: dict[int, torch.Tensor]) -> tuple[DeadUnits, ...]:
    """Return the layers that have dead units, of the values that :func:`watched_relus` yielded."""
    counts = [(layer, int((values <= 0).sum()), len(values)) for layer, values in sorted(highest.items())]
    return tuple(DeadUnits(*each) for each in counts if each[1])


def _with_weights(parts: list[nn.Module], place: int) -> int:
    """Return where the weights are that a relu's values come from: at its place or before, its own if nowhere."""
    for before in range(place, -1, -1):
        if any(parameter.dim() > 1 for parameter in parts[before].parameters()):
            return before
    return place
