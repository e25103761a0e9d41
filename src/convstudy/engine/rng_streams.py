"""The RNG streams of augmentation and dropout. Each fit has its own, because fits in threads share torch's default."""

from __future__ import annotations

import torch
from torch import nn

from convstudy.engine.randomness import stream_seed
from convstudy.networks.modules.dropout import draw_dropout_from, seed_dropout


class RngStreams:
    """Two RNG streams, one for augmentation and one for dropout, seeded again for each epoch.

    The streams are separate, so two networks see the same augmented images even if their dropout differs. On a CPU,
    dropout draws from NumPy's SFC64. On a GPU, dropout draws from a torch generator, because a CUDA graph draws new
    numbers at each replay only from generators that are registered with the graph.

    Args:
        model: the network whose dropout layers use the stream.
        device: the device of the model.
        torch_dropout: whether dropout draws from a torch generator; by default on GPUs only. Tests set it on a CPU.
    """

    def __init__(self, model: nn.Module, device: torch.device, torch_dropout: bool | None = None) -> None:
        self.augmentation = torch.Generator(device)
        self._model = model
        if torch_dropout is None:
            torch_dropout = device.type != "cpu"
        self._dropout = torch.Generator(device) if torch_dropout else None
        if self._dropout is not None:
            draw_dropout_from(model, self._dropout)

    @property
    def generators(self) -> tuple[torch.Generator, ...]:
        """The torch generators that a step draws from."""
        return (self.augmentation,) if self._dropout is None else (self.augmentation, self._dropout)

    def start(self, seed: int, epoch: int) -> None:
        """Seed both streams for an epoch, from the fit's seed and the epoch alone."""
        self.augmentation.manual_seed(stream_seed(seed, "noise", epoch))
        if self._dropout is None:
            seed_dropout(self._model, stream_seed(seed, "dropout", epoch))
        else:
            self._dropout.manual_seed(stream_seed(seed, "dropout", epoch))
