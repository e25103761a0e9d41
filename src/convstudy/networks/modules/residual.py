"""The sum of a body and its shortcut, and the shortcut without parameters."""

from __future__ import annotations

import torch
from torch import nn


class ResidualSum(nn.Module):
    """``then(body(x) + shortcut(x))`` (He et al. 2016).

    Args:
        body: the layers that are learnt.
        shortcut: from the input to the shape of the body's output; ``None`` is the identity.
        then: the activation after the sum, if there is one.
        adds: whether there is a shortcut at all.
    """

    def __init__(
        self, body: nn.Sequential, shortcut: nn.Module | None, then: nn.Module | None, adds: bool = True
    ) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.then = then
        self.adds = adds

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum for ``(n, c, h, w)`` or ``(n, features)``."""
        total: torch.Tensor = self.body(values)
        if self.adds:
            total = total + (values if self.shortcut is None else self.shortcut(values))
        return total if self.then is None else self.then(total)


class PadShortcut(nn.Module):
    """Every ``stride``-th row and column, and ``n_more`` channels of zeros after the own ones: no parameters.

    Args:
        stride: 1 keeps all rows and columns.
        n_more: the number of channels, or features, to add.
    """

    def __init__(self, stride: int, n_more: int) -> None:
        super().__init__()
        self.stride = stride
        self.n_more = n_more

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return ``(n, c + n_more, ⌈h / stride⌉, ⌈w / stride⌉)`` or ``(n, features + n_more)``."""
        if values.ndim == 2:
            return nn.functional.pad(values, (0, self.n_more))
        # A strided view is no channels-last image to torch: without the copy, the padded one would have another layout.
        values = values[:, :, :: self.stride, :: self.stride].contiguous(memory_format=torch.channels_last)
        return nn.functional.pad(values, (0, 0, 0, 0, 0, self.n_more))

    def extra_repr(self) -> str:
        """Return the settings, for the module's printed form."""
        return f"stride={self.stride}, n_more={self.n_more}"
