"""A large image as overlapping tiles, whose convolutions are joined without a seam (overlap-save).

Transforms of small tiles cost less and need less memory than those of a large image. A tile of the input has the pixels
of its tile of the output and ``kernel - 1`` more in each direction, which the next tile also has. The tiles of a row
of tiles are one view of the image; only an image with padding or an incomplete last tile is copied first.

A whole image is one tile. Its period is smaller, because it needs no zeros for its padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from convstudy.networks.modules.spectral.rule import ConvShape, Tiling, tile_sizes


@dataclass(frozen=True)
class Tiles:
    """The tiles of a convolution.

    Attributes:
        shape: the convolution.
        tiling: the number of tiles, and their period.
        size: the rows and columns of a tile of the output.
        input_size: the rows and columns of a tile of the input.
        zeros: the zeros around the input: (top, bottom, left, right); none for a whole image.
        first_of_kernel: the row and column of the first weight of a kernel, relative to a tile of the output.
    """

    shape: ConvShape
    tiling: Tiling
    size: tuple[int, int]
    input_size: tuple[int, int]
    zeros: tuple[int, int, int, int]
    first_of_kernel: tuple[int, int]

    @classmethod
    def of(cls, shape: ConvShape, tiling: Tiling) -> Tiles:
        """Return the tiles of a convolution for a tiling of the rule."""
        input_size, size = tile_sizes(shape, tiling)
        top, bottom, left, right = shape.padding
        if tiling.n == 1:
            return cls(shape, tiling, size, input_size, (0, 0, 0, 0), (-top, -left))
        # Zeros complete the last row and the last column of tiles.
        below = bottom + tiling.rows * size[0] - shape.output[0]
        after = right + tiling.columns * size[1] - shape.output[1]
        return cls(shape, tiling, size, input_size, (top, below, left, after), (0, 0))

    @property
    def output_size(self) -> tuple[int, int]:
        """The rows and columns of all tiles of the output."""
        return (self.tiling.rows * self.size[0], self.tiling.columns * self.size[1])

    @property
    def padded_size(self) -> tuple[int, int]:
        """The rows and columns of the input with its zeros."""
        top, bottom, left, right = self.zeros
        return (self.shape.height + top + bottom, self.shape.width + left + right)

    def padded_input(self, images: torch.Tensor) -> torch.Tensor:
        """Return images ``(n, c, h, w)`` with zeros, as ``(n, rows, columns, c)``."""
        if any(self.zeros):
            top, bottom, left, right = self.zeros
            images = torch.nn.functional.pad(images, (left, right, top, bottom))
        return images.permute(0, 2, 3, 1)

    def empty_input(self, dtype: torch.dtype) -> torch.Tensor:
        """Return ``(n, rows, columns, c)`` for the input's gradient: zeros if several tiles are added to it."""
        new = torch.zeros if self.tiling.n > 1 else torch.empty
        return new(self.shape.n, *self.padded_size, self.shape.channels, dtype=dtype)

    def without_zeros(self, padded: torch.Tensor) -> torch.Tensor:
        """Return the pixels of the images, ``(n, c, h, w)``, from ``(n, rows, columns, c)``."""
        top, _, left, _ = self.zeros
        rows, columns = slice(top, top + self.shape.height), slice(left, left + self.shape.width)
        return padded[:, rows, columns].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

    def empty_output(self, dtype: torch.dtype) -> torch.Tensor:
        """Return uninitialised tiles of the output, ``(n, rows, columns, filters)``."""
        return torch.empty(self.shape.n, *self.output_size, self.shape.filters, dtype=dtype)

    def without_excess(self, output: torch.Tensor) -> torch.Tensor:
        """Return the output ``(n, filters, h', w')`` from all tiles."""
        rows, columns = self.shape.output
        cut = output[:, :rows, :columns].permute(0, 3, 1, 2)
        return cut.contiguous(memory_format=torch.channels_last)

    def with_excess(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return a gradient of the output as all tiles ``(n, rows, columns, filters)``; the excess is 0."""
        rows, columns = self.output_size
        below, after = rows - self.shape.output[0], columns - self.shape.output[1]
        if below or after:
            gradient = torch.nn.functional.pad(gradient, (0, after, 0, below))
        return gradient.permute(0, 2, 3, 1)

    def of_input(self, padded: torch.Tensor) -> list[torch.Tensor]:
        """Return views ``(n, tiles, rows, columns, c)`` of the tiles of the input, one for each row of tiles."""
        return self._views(padded, self.input_size)

    def of_output(self, output: torch.Tensor) -> list[torch.Tensor]:
        """Return views ``(n, tiles, rows, columns, filters)`` of the tiles of the output."""
        return self._views(output, self.size)

    def _views(self, pixels: torch.Tensor, size: tuple[int, int]) -> list[torch.Tensor]:
        """Return the tiles of this size of ``(n, rows, columns, b)``; they start at the tiles of the output."""
        rows, columns = size
        by_column = pixels.unfold(2, columns, self.size[1]).permute(
            0, 2, 1, 4, 3
        )  # (n, tiles, rows, columns, b)
        starts = range(0, self.tiling.rows * self.size[0], self.size[0])
        return [by_column[:, :, start : start + rows] for start in starts]

    def add(self, target: torch.Tensor, pixels: torch.Tensor) -> None:
        """Add the pixels of tiles to a view, both ``(columns, rows, n, tiles, b)``. Tiles of the view overlap."""
        step = -(-self.input_size[1] // self.size[1])  # tiles at this distance do not overlap
        for first in range(min(step, self.tiling.columns)):
            target[:, :, :, first::step] += pixels[:, :, :, first::step]
