"""Images to spectra and back, a few images at a time, so that the steps between stay in the cache of a core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from convstudy.networks.modules.spectral import dft

COLUMNS = 512
"""Images × channels that a thread transforms at a time: about 1 MB in float32 for periods of 22."""


@dataclass(frozen=True)
class Period:
    """The period of a circular convolution: an even number of rows and of columns.

    A spectrum is a tensor ``(blocks, 2, height / 2, a, b)`` of ``height · width`` planes ``(a, b)``. A block has the
    even or the odd frequencies of one complex column, as real and imaginary parts; its last dimension before the planes
    is the frequency along the height. There are ``width`` blocks: those of even frequencies, then those of odd ones.
    The last block of each parity is packed (:mod:`convstudy.networks.modules.spectral.dft`).
    """

    height: int
    width: int

    @property
    def columns(self) -> int:
        """The number of complex columns."""
        return self.width // 2

    def n_real(self, block: int) -> int:
        """Return the number of places of a block, the last ones, that hold two real frequencies each."""
        parity, column = divmod(block, self.columns)
        return dft.n_real(self.height, parity) if column == self.columns - 1 else 0

    def empty(self, a: int, b: int, dtype: torch.dtype) -> torch.Tensor:
        """Return an uninitialised spectrum with planes ``(a, b)``."""
        return torch.empty(self.width, 2, self.height // 2, a, b, dtype=dtype)

    def sum_of(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Return the view ``(a, b)`` of a spectrum that holds the sum of all pixels: frequency 0."""
        # The first real frequency of even parity is 0; the first column of the pair is that of frequency 0.
        return spectrum[self.columns - 1, 0, self.height // 2 - dft.n_real(self.height, 0)]


def to_spectrum(
    views: Sequence[torch.Tensor], period: Period, first: tuple[int, int] = (0, 0)
) -> torch.Tensor:
    """Return the spectrum of images, tiles or kernels; see :class:`Period` for its form.

    Args:
        views: tensors ``(n, tiles, height, width, b)``, in any memory format; fastest if each ``(width, b)`` is
            contiguous. The planes of the spectrum have the rows ``a`` of all views: ``n · tiles`` of each.
        period: the period; at least as large as the images.
        first: the row and column of the first pixel; negative for the kernels of a convolution with padding.
    """
    height, width, b = views[0].shape[2:]
    top, left = first
    half, dtype = period.height // 2, views[0].dtype
    a = sum(view.shape[0] * view.shape[1] for view in views)
    spectrum = period.empty(a, b, dtype)
    by_column = spectrum.view(2, period.columns, period.height, a * b)
    folded = height > half and not top
    rows = range(half) if folded else range(top, top + height)
    along_width = dft.along_width(period.width, range(left, left + width), dtype)
    for part, columns in _parts(views):  # (width, height, n, tiles, b)
        n_columns = columns.stop - columns.start
        halves = (
            _folded(part, half) if folded else part.contiguous()[None]
        )  # (2 or 1, width, rows, n, tiles, b)
        by_row = torch.bmm(
            along_width.expand(len(halves), -1, -1), halves.view(len(halves), width, -1)
        )  # (2 or 1, period.width, rows · n · tiles · b)
        frequencies = torch.empty(2, period.columns, period.height, n_columns, dtype=dtype)
        for parity in (0, 1):
            complex_columns = by_row[parity if folded else 0].view(period.columns, 2 * len(rows), n_columns)
            matrix = dft.along_height(period.height, rows, parity, dtype)
            packed = dft.along_height_packed(period.height, rows, parity, dtype)
            matrices = matrix.expand(period.columns - 1, -1, -1)
            torch.bmm(matrices, complex_columns[:-1], out=frequencies[parity, :-1])
            torch.mm(packed, complex_columns[-1], out=frequencies[parity, -1])
        by_column[..., columns] = frequencies
    return spectrum


def from_spectrum(
    spectrum: torch.Tensor,
    period: Period,
    views: Sequence[torch.Tensor],
    first: tuple[int, int] = (0, 0),
    add: Callable[[torch.Tensor, torch.Tensor], None] | None = None,
) -> None:
    """Write the images, tiles or kernels of a spectrum into views; the inverse of :func:`to_spectrum`.

    Pixels of the period outside the views are not computed.

    Args:
        spectrum: the spectrum.
        period: its period.
        views: tensors ``(n, tiles, height, width, b)`` to write to.
        first: the row and column of the first pixel.
        add: adds pixels to a part of a view, both ``(width, rows, n, tiles, b)``; without it, they are overwritten.
    """
    height, width = views[0].shape[2:4]
    top, left = first
    half, dtype = period.height // 2, views[0].dtype
    by_column = spectrum.view(2, period.columns, period.height, -1)
    folded = height > half and not top
    rows = range(half) if folded else range(top, top + height)
    along_width = dft.back_along_width(period.width, range(left, left + width), dtype)
    n_halves = 2 if folded else 1
    for part, columns in _parts(views):  # (width, height, n, tiles, b)
        by_row = torch.empty(
            n_halves, period.columns, 2 * len(rows), columns.stop - columns.start, dtype=dtype
        )
        for parity in (0, 1):
            frequencies = by_column[parity, :, :, columns]
            matrix = dft.back_along_height(period.height, rows, parity, dtype)
            matrices = matrix.expand(period.columns - 1, -1, -1)
            packed = dft.back_along_height_packed(period.height, rows, parity, dtype)
            if folded or not parity:
                complex_columns = by_row[parity]
                torch.bmm(matrices, frequencies[:-1], out=complex_columns[:-1])
                torch.mm(packed, frequencies[-1], out=complex_columns[-1])
            else:  # no half to add to: odd and even frequencies have the same rows
                complex_columns = by_row[0]
                torch.baddbmm(complex_columns[:-1], matrices, frequencies[:-1], out=complex_columns[:-1])
                torch.addmm(complex_columns[-1], packed, frequencies[-1], out=complex_columns[-1])
        halves = torch.bmm(along_width.expand(n_halves, -1, -1), by_row.view(n_halves, period.width, -1))
        halves = halves.view(n_halves, width, len(rows), *part.shape[2:])
        below = height - half
        if folded and add is None:
            torch.add(halves[0], halves[1], out=part[:, :half])
            torch.sub(halves[0, :, :below], halves[1, :, :below], out=part[:, half:])
        elif add is None:
            part.copy_(halves[0])
        elif folded:
            add(part[:, :half], halves[0] + halves[1])
            add(part[:, half:], halves[0, :, :below] - halves[1, :, :below])
        else:
            add(part, halves[0])


def _parts(views: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, slice]]:
    """Yield parts ``(width, height, n, tiles, b)`` of views, and their columns of the spectrum.

    All threads together transform a part at a time.
    """
    start = 0
    for view in views:
        n, tiles, b = view.shape[0], view.shape[1], view.shape[4]
        step = max(1, COLUMNS * torch.get_num_threads() // (tiles * b))
        for first in range(0, n, step):
            part = view[first : first + step].permute(3, 2, 0, 1, 4)
            stop = start + part.shape[2] * tiles * b
            yield part, slice(start, stop)
            start = stop


def _folded(images: torch.Tensor, half: int) -> torch.Tensor:
    """Return sum and difference ``(2, width, half, ...)`` of the upper and lower half of ``(width, height, ...)``.

    Rows below the image are 0.
    """
    both = images.shape[1] - half  # the number of rows that have a lower row
    halves = torch.empty(2, images.shape[0], half, *images.shape[2:], dtype=images.dtype)
    torch.add(images[:, :both], images[:, half:], out=halves[0, :, :both])
    torch.sub(images[:, :both], images[:, half:], out=halves[1, :, :both])
    halves[:, :, both:] = images[:, both:half]
    return halves
