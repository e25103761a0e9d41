"""The constant matrices of the discrete Fourier transform (DFT) of real images, for even periods.

The transform along the width maps each row of pixels to ``L`` real numbers: real and imaginary part of the frequencies
1 to ``L/2 - 1``, then the frequencies 0 and ``L/2``, which are real. The transform along the height maps each of these
columns to frequencies. A pair of columns, real and imaginary part, is a *complex column*. The two real columns at the
end share a *packed* column: each of them has half the frequencies, because the others are symmetric.

Along the height, even and odd frequencies have their own matrices (see :mod:`convstudy.networks.modules.spectral`).
Matrices are computed in float64 and rounded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

Positions = range
"""The rows or columns of the pixels, relative to the period; negative for a kernel with padding."""
Matrix = npt.NDArray[np.float64]
CACHED = 256


def n_real(period: int, parity: int) -> int:
    """Return how many of the even (``parity`` 0) or odd (1) frequencies of a real column are real.

    >>> [n_real(22, 0), n_real(22, 1), n_real(24, 0), n_real(24, 1)]
    [1, 1, 2, 0]
    """
    return sum(frequency % 2 == parity for frequency in (0, period // 2))


def along_width(period: int, positions: Positions, dtype: torch.dtype) -> torch.Tensor:
    """Return the matrix ``(period, len(positions))`` from pixels of a row to its frequencies."""
    return _matrix(_along_width, dtype, period, positions)


def back_along_width(period: int, positions: Positions, dtype: torch.dtype) -> torch.Tensor:
    """Return the matrix ``(len(positions), period)`` from the frequencies of a row to these pixels."""
    return _matrix(_back_along_width, dtype, period, positions)


def along_height(period: int, positions: Positions, parity: int, dtype: torch.dtype) -> torch.Tensor:
    """Return the matrix ``(period, 2 · len(positions))`` from a complex column to its even or odd frequencies.

    Rows are the real parts of the ``period / 2`` frequencies, then the imaginary parts.
    """
    return _matrix(_along_height, dtype, period, positions, parity)


def back_along_height(period: int, positions: Positions, parity: int, dtype: torch.dtype) -> torch.Tensor:
    """Return the matrix ``(2 · len(positions), period)`` from these frequencies to their part of the column."""
    return _matrix(_back_along_height, dtype, period, positions, parity)


def along_height_packed(period: int, positions: Positions, parity: int, dtype: torch.dtype) -> torch.Tensor:
    """Return the matrix ``(period, 2 · len(positions))`` from two real columns to their packed frequencies.

    The "real parts" and "imaginary parts" have the complex frequencies of the first column, then those of the second,
    then :func:`n_real` places with two real frequencies each: the first column's and the second column's.
    """
    return _matrix(_along_height_packed, dtype, period, positions, parity)


def back_along_height_packed(
    period: int, positions: Positions, parity: int, dtype: torch.dtype
) -> torch.Tensor:
    """Return the matrix ``(2 · len(positions), period)`` from packed frequencies to their part of both columns."""
    return _matrix(_back_along_height_packed, dtype, period, positions, parity)


def _angles(frequencies: Iterable[int], positions: Positions, period: int) -> Matrix:
    """Return the angles ``(frequencies, positions)``. The product is reduced first, so that large angles stay exact."""
    angles: Matrix = (
        2.0 * np.pi / period * (np.outer(np.array(list(frequencies), np.int64), np.array(positions)) % period)
    )
    return angles


def _along_width(period: int, positions: Positions) -> Matrix:
    angles = _angles(range(1, period // 2), positions, period)
    complex_rows = np.stack([np.cos(angles), -np.sin(angles)], axis=1).reshape(-1, len(positions))
    real_rows: Matrix = np.cos(_angles((0, period // 2), positions, period))
    return np.concatenate([complex_rows, real_rows])


def _back_along_width(period: int, positions: Positions) -> Matrix:
    # The matrix forward is orthogonal up to these factors. A frequency between 0 and L/2 counts twice, because its
    # mirror image is not stored.
    factors = np.full(period, 2.0)
    factors[-2:] = 1.0
    back: Matrix = (_along_width(period, positions) * factors[:, None] / period).T
    return back


def _along_height(period: int, positions: Positions, parity: int) -> Matrix:
    angles = _angles(range(parity, period, 2), positions, period)
    cos, sin = np.cos(angles), np.sin(angles)
    return np.block([[cos, sin], [-sin, cos]])


def _back_along_height(period: int, positions: Positions, parity: int) -> Matrix:
    return _along_height(period, positions, parity).T / period


def _along_height_packed(period: int, positions: Positions, parity: int) -> Matrix:
    half, zeros = period // 2, np.zeros(len(positions))
    parts: tuple[list[Matrix], list[Matrix]] = ([], [])  # the rows of the real and of the imaginary parts
    for column in (0, 1):
        for angles in _angles([f for f in range(1, half) if f % 2 == parity], positions, period):
            for rows, values in zip(parts, (np.cos(angles), -np.sin(angles)), strict=True):
                rows.append(np.concatenate([zeros, values] if column else [values, zeros]))
    for angles in _angles([f for f in (0, half) if f % 2 == parity], positions, period):
        parts[0].append(np.concatenate([np.cos(angles), zeros]))
        parts[1].append(np.concatenate([zeros, np.cos(angles)]))
    return np.array(parts[0] + parts[1]).reshape(period, 2 * len(positions))


def _back_along_height_packed(period: int, positions: Positions, parity: int) -> Matrix:
    factors = np.full((2, period // 2), 2.0)
    factors[:, period // 2 - n_real(period, parity) :] = 1.0
    back: Matrix = (_along_height_packed(period, positions, parity) * factors.reshape(-1, 1) / period).T
    return back


@lru_cache(CACHED)
def _matrix(make: Callable[..., Matrix], dtype: torch.dtype, *arguments: int | range) -> torch.Tensor:
    return torch.from_numpy(make(*arguments)).to(dtype).contiguous()
