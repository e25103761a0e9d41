"""The sum of a residual's body and shortcut, and the shortcut without parameters."""

from __future__ import annotations

import torch
from torch import nn


class ResidualSum(nn.Module):
    """Compute ``then(body(x) + shortcut(x))`` (He et al. 2016).

    Args:
        body: the layers inside the residual.
        shortcut: maps the input to the shape of the body's output; ``None`` is the identity.
        then: the activation after the sum, or ``None``.
        adds: whether there is a shortcut; without one, the output is ``then(body(x))``.
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
        total: torch.Tensor = self.body(values)
        if self.adds:  # not in place: the body's output may be needed for its gradient
            total = total + (values if self.shortcut is None else self.shortcut(values))
        return total if self.then is None else self.then(total)


class PadShortcut(nn.Module):
    """Keep every ``stride``-th row and column, and append ``n_more`` channels of zeros; there are no parameters.

    Args:
        stride: the distance between the kept rows and columns in pixels.
        n_more: the number of channels, or features, to append.
    """

    def __init__(self, stride: int, n_more: int) -> None:
        super().__init__()
        self.stride = stride
        self.n_more = n_more

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return ``(n, c + n_more, ⌈h / stride⌉, ⌈w / stride⌉)`` or ``(n, features + n_more)``."""
        if values.ndim == 2:
            return nn.functional.pad(values, (0, self.n_more))
        # torch does not see a strided view as channels-last: without the copy, pad would return another layout.
        values = values[:, :, :: self.stride, :: self.stride].contiguous(memory_format=torch.channels_last)
        return nn.functional.pad(values, (0, 0, 0, 0, 0, self.n_more))

    def extra_repr(self) -> str:
        """Return the arguments for ``repr``."""
        return f"stride={self.stride}, n_more={self.n_more}"
