"""Images to spectra and back, a few images at a time, so that the steps between stay in the cache of a core."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from convstudy.networks.modules.spectral import dft

COLUMNS = 512
"""Images × channels that a thread transforms at a time: about 1 MB in float32 for periods of 22."""


def _step(b: int) -> int:
    """Return the number of images or channels that all threads together transform at a time."""
    return max(1, COLUMNS * torch.get_num_threads() // b)


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


def to_spectrum(planes: torch.Tensor, period: Period, first: tuple[int, int] = (0, 0)) -> torch.Tensor:
    """Return the spectrum of images or kernels; see :class:`Period` for its form.

    Args:
        planes: ``(a, height, width, b)``, in any memory format; fastest if each ``(width, b)`` is contiguous.
        period: the period; at least as large as the images.
        first: the row and column of the first pixel; negative for the kernels of a convolution with padding.
    """
    a, height, width, b = planes.shape
    top, left = first
    half, dtype = period.height // 2, planes.dtype
    spectrum = period.empty(a, b, dtype)
    by_column = spectrum.view(2, period.columns, period.height, a * b)
    folded = height > half and not top
    rows = range(half) if folded else range(top, top + height)
    along_width = dft.along_width(period.width, range(left, left + width), dtype)
    step = _step(b)
    for start in range(0, a, step):
        part = planes[start : start + step].permute(2, 1, 0, 3)  # (width, height, n, b)
        n_columns = part.shape[2] * b
        halves = _folded(part, half) if folded else part.contiguous()[None]  # (2 or 1, width, rows, n, b)
        by_row = torch.bmm(
            along_width.expand(len(halves), -1, -1), halves.view(len(halves), width, -1)
        )  # (2 or 1, period.width, rows · n · b)
        frequencies = torch.empty(2, period.columns, period.height, n_columns, dtype=dtype)
        for parity in (0, 1):
            columns = by_row[parity if folded else 0].view(period.columns, 2 * len(rows), n_columns)
            matrix = dft.along_height(period.height, rows, parity, dtype)
            packed = dft.along_height_packed(period.height, rows, parity, dtype)
            torch.bmm(matrix.expand(period.columns - 1, -1, -1), columns[:-1], out=frequencies[parity, :-1])
            torch.mm(packed, columns[-1], out=frequencies[parity, -1])
        by_column[..., start * b : start * b + n_columns] = frequencies
    return spectrum


def from_spectrum(
    spectrum: torch.Tensor, period: Period, planes: torch.Tensor, first: tuple[int, int] = (0, 0)
) -> None:
    """Write the images or kernels of a spectrum into ``planes`` ``(a, height, width, b)``; the inverse of
    :func:`to_spectrum`. Pixels of the period outside ``planes`` are not computed.
    """
    a, height, width, b = planes.shape
    top, left = first
    half, dtype = period.height // 2, planes.dtype
    by_column = spectrum.view(2, period.columns, period.height, a * b)
    folded = height > half and not top
    rows = range(half) if folded else range(top, top + height)
    along_width = dft.back_along_width(period.width, range(left, left + width), dtype)
    n_halves = 2 if folded else 1
    step = _step(b)
    for start in range(0, a, step):
        part = planes[start : start + step].permute(2, 1, 0, 3)  # (width, height, n, b)
        n_columns = part.shape[2] * b
        by_row = torch.empty(n_halves, period.columns, 2 * len(rows), n_columns, dtype=dtype)
        for parity in (0, 1):
            frequencies = by_column[parity, :, :, start * b : start * b + n_columns]
            matrix = dft.back_along_height(period.height, rows, parity, dtype)
            matrices = matrix.expand(period.columns - 1, -1, -1)
            packed = dft.back_along_height_packed(period.height, rows, parity, dtype)
            if folded or not parity:
                columns = by_row[parity]
                torch.bmm(matrices, frequencies[:-1], out=columns[:-1])
                torch.mm(packed, frequencies[-1], out=columns[-1])
            else:  # no half to add to: odd and even frequencies have the same rows
                columns = by_row[0]
                torch.baddbmm(columns[:-1], matrices, frequencies[:-1], out=columns[:-1])
                torch.addmm(columns[-1], packed, frequencies[-1], out=columns[-1])
        halves = torch.bmm(along_width.expand(n_halves, -1, -1), by_row.view(n_halves, period.width, -1))
        halves = halves.view(n_halves, width, len(rows), -1, b)
        if folded:
            torch.add(halves[0], halves[1], out=part[:, :half])
            torch.sub(halves[0, :, : height - half], halves[1, :, : height - half], out=part[:, half:])
        else:
            part.copy_(halves[0])


def _folded(images: torch.Tensor, half: int) -> torch.Tensor:
    """Return sum and difference ``(2, width, half, n, b)`` of the upper and lower half of ``(width, height, n, b)``.

    Rows below the image are 0.
    """
    width, height, n, b = images.shape
    both = height - half  # the number of rows that have a lower row
    halves = torch.empty(2, width, half, n, b, dtype=images.dtype)
    torch.add(images[:, :both], images[:, half:], out=halves[0, :, :both])
    torch.sub(images[:, :both], images[:, half:], out=halves[1, :, :both])
    halves[:, :, both:] = images[:, both:half]
    return halves
