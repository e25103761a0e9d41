"""PBM, PGM and PPM files, binary or text, with any largest value (netpbm's definition of 2020).

Pillow reads them too, but rounds 16-bit colour to 8 bits, value by value in Python.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from convstudy.data.decoding.header import ImageHeader
from convstudy.data.decoding.pixels import Opened, Samples
from convstudy.data.decoding.undecodable import Undecodable, check_size

if TYPE_CHECKING:
    import numpy.typing as npt

    from convstudy.data.decoding.options import DecodeOptions

_SPACE = rb"(?:\s|#[^\r\n]*[\r\n])"
_BITMAP = re.compile(rb"P[14]" + _SPACE + rb"+(\d{1,9})" + _SPACE + rb"+(\d{1,9})\s")
_OTHER = re.compile(
    rb"P[2356]" + _SPACE + rb"+(\d{1,9})" + _SPACE + rb"+(\d{1,9})" + _SPACE + rb"+(\d{1,5})\s"
)


def open_pnm(data: bytes) -> Opened:
    """Read the header of a PNM file.

    Raises:
        Undecodable: if the header is damaged, the image too large, or pixels are missing.
    """
    is_bitmap = data[1:2] in b"14"
    found = (_BITMAP if is_bitmap else _OTHER).match(data[:10_000])
    if found is None:
        raise Undecodable(
            "not a supported image: a text file" if data[:1000].isascii() else "damaged: PNM header"
        )
    width, height, largest = (int(group) for group in (*found.groups(), b"1")[:3])
    channels = 3 if data[1:2] in b"36" else 1
    check_size(height, width, channels)
    if not 1 <= largest <= 65535:
        raise Undecodable(f"damaged: largest value {largest:,}")
    mode = "1" if is_bitmap else {1: "L", 3: "RGB"}[channels]
    if largest > 255:
        mode = "uint16" + (f"x{channels}" if channels > 1 else "")
    bits = 1 if is_bitmap else largest.bit_length()
    header = ImageHeader(height, width, mode, channels, "PNM", bits)

    def load(options: DecodeOptions) -> Samples:
        import numpy as np

        values = _values(data, found.end(), (height, width, channels), largest)
        values = values.reshape(height, width, channels)
        return Samples(values * np.uint8(255), (0, 255)) if largest == 1 else Samples(values, (0, largest))

    return Opened(header, load)


def _values(data: bytes, start: int, shape: tuple[int, int, int], largest: int) -> npt.NDArray[Any]:
    import numpy as np

    height, width, channels = shape
    count = height * width * channels
    kind = data[1:2]
    truncated = Undecodable(f"truncated after {len(data):,} bytes")
    dtype = np.dtype("u1" if largest < 256 else ">u2")
    if kind == b"4":
        row = -(-width // 8)
        if len(data) - start < row * height:
            raise truncated
        packed = np.frombuffer(data, np.uint8, row * height, start).reshape(height, row)
        return 1 - np.unpackbits(packed, axis=1, count=width)  # 1 is black
    if kind in b"56":
        if len(data) - start < count * dtype.itemsize:
            raise truncated
        values = np.frombuffer(data, dtype, count, start)
    else:
        text = re.sub(rb"#[^\r\n]*", b"", data[start:])
        if not re.fullmatch(rb"[\d\s]*", text):
            raise Undecodable("damaged: a value is not a number")
        if kind == b"1":
            digits = np.frombuffer(text, np.uint8)
            wide: npt.NDArray[Any] = digits[(digits >= ord("0")) & (digits <= ord("9"))][:count] - ord("0")
        else:
            wide = np.fromstring(text, dtype=np.int64, count=-1, sep=" ")[:count]
        if len(wide) < count:
            raise truncated
        if wide.max() > largest:
            raise Undecodable(f"damaged: a value is above {largest:,}")
        values = 1 - wide if kind == b"1" else wide.astype(dtype)
    if values.max() > largest:
        raise Undecodable(f"damaged: a value is above {largest:,}")
    return values
