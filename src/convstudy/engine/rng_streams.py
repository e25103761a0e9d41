"""Where augmentation and dropout of a fit draw from: not torch's own generator, which a process's fits share."""

from __future__ import annotations

import torch
from torch import nn

from convstudy.engine.randomness import stream
from convstudy.networks.modules.dropout import draw_dropout_from, seed_dropout


class RngStreams:
    """Two streams, one for augmentation and one for dropout, that start anew with each epoch.

    With a stream of its own for augmentation, two networks see the same images, whatever dropout they have. On a
    processor, dropout draws from SFC64, on a device from a generator there: a captured graph draws new numbers at
    each replay only from generators that are registered with it.

    Args:
        model: its dropout layers draw from here on.
        device: where the model lies.
        as_on_device: whether dropout draws from a generator of torch's; on a processor, tests ask for it.
    """

    def __init__(self, model: nn.Module, device: torch.device, as_on_device: bool | None = None) -> None:
        self.augmentation = torch.Generator(device)
        self._model = model
        if as_on_device is None:
            as_on_device = device.type != "cpu"
        self._dropout = torch.Generator(device) if as_on_device else None
        if self._dropout is not None:
            draw_dropout_from(model, self._dropout)

    @property
    def generators(self) -> tuple[torch.Generator, ...]:
        """The torch generators that a step draws from."""
        return (self.augmentation,) if self._dropout is None else (self.augmentation, self._dropout)

    def start(self, seed: int, epoch: int) -> None:
        """Begin the streams of an epoch; they follow from seed and epoch alone."""
        self.augmentation.manual_seed(stream(seed, "noise", epoch))
        if self._dropout is None:
            seed_dropout(self._model, stream(seed, "dropout", epoch))
        else:
            self._dropout.manual_seed(stream(seed, "dropout", epoch))
