"""Images as NumPy arrays, in memory or as the bytes of a ``.npy`` file."""

from __future__ import annotations

import io
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from convstudy.data.arrays import read_header
from convstudy.data.decoding.header import ImageHeader
from convstudy.data.decoding.pixels import Opened, Samples
from convstudy.data.decoding.undecodable import Undecodable, check_size, shortened

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoding.options import DecodeOptions


def open_array(values: npt.NDArray[Any], file_format: str = "array") -> Opened:
    """Describe an array as an image.

    Args:
        values: shape (height, width) or (height, width, channels); bool, integers or floats in any order of bytes and
            axes in memory.
        file_format: the format in the header.

    Raises:
        Undecodable: if the type or shape is not that of an image.
    """
    if values.dtype.kind not in "buif":
        raise Undecodable(f"{values.dtype.name} values; pixels must be bool, integers or floats")
    if values.ndim not in (2, 3):
        raise Undecodable(
            f"shape {values.shape}; one image must have (height, width) or (height, width, channels)"
        )
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    check_size(height, width, channels)
    if values.ndim == 3 and height in (1, 3, 4) and channels > 16:
        reason = f"shape {values.shape} looks like (channels, height, width)"
        raise Undecodable(f"{reason}; save it as (height, width, channels)")
    header = ImageHeader(
        height=height,
        width=width,
        mode=values.dtype.name + (f"x{channels}" if channels > 1 else ""),
        channels=channels,
        format=file_format,
        bits=1 if values.dtype.kind == "b" else 8 * values.dtype.itemsize,
    )
    header = with_bounds(header, values)

    def load(options: DecodeOptions) -> Samples:
        return Samples(values.reshape(height, width, channels), default_limits(values.dtype))

    return Opened(header, load)


def open_npy(data: bytes) -> Opened:
    """Read the header of a ``.npy`` file of one image. Objects are refused: reading them would run code.

    Raises:
        Undecodable: if the header is damaged, the type or shape is not that of an image, or bytes are missing.
    """
    import numpy as np

    file = io.BytesIO(data)
    try:
        found = read_header(file)
    except Exception as error:  # NumPy does not document what it raises for a damaged header
        raise Undecodable(f"damaged: {shortened(error)}") from None
    if found.dtype.kind not in "buif":
        raise Undecodable(f"{found.dtype.name} values; pixels must be bool, integers or floats")
    offset = file.tell()
    count = 1
    for side in found.shape:
        count *= side
    expected = offset + count * found.dtype.itemsize
    if len(data) < expected:
        raise Undecodable(f"truncated after {len(data):,} bytes; {expected:,} expected")
    if len(data) > expected:
        raise Undecodable(f"damaged: {len(data) - expected:,} bytes follow the last value")
    flat = np.frombuffer(data, dtype=found.dtype, count=count, offset=offset)
    values = flat.reshape(found.shape, order="F" if found.is_fortran else "C")
    return open_array(values, "NPY")


def with_bounds(header: ImageHeader, values: npt.NDArray[Any]) -> ImageHeader:
    """Return a header with the lowest and highest value, if the type of the values has no fixed meaning."""
    if values.dtype.kind == "b" or (values.dtype.kind == "u" and values.dtype.itemsize <= 2):
        return header
    low, high = float(values.min()), float(values.max())
    return replace(header, low=low, high=high) if isfinite(low) and isfinite(high) else header


def default_limits(dtype: np.dtype[Any]) -> tuple[float, float] | None:
    """Return the values of a type that become 0 and 255; ``None`` for types whose values could mean anything."""
    if dtype.kind == "b" or dtype.kind == "f":
        return (0, 1)
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return (0, 255 if dtype.itemsize == 1 else 65535)
    return None
