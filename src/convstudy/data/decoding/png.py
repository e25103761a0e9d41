"""PNG files. Pillow decompresses and unfilters them; chunks, 16-bit values and transparent colours are read here.

Pillow keeps 8 of 16 bits of colour images and of images with transparency, so that these are decoded twice: the high
bytes, then the low bytes. Chunks without influence on pixels never reach Pillow: their size and damage do not matter.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convstudy.data.decoding.exif import orientation
from convstudy.data.decoding.header import ImageHeader
from convstudy.data.decoding.pillow_files import damage, uses_only_greys
from convstudy.data.decoding.pixels import Opened, Samples
from convstudy.data.decoding.rotation import swapped
from convstudy.data.decoding.undecodable import MAX_FRAMES, Undecodable, check_size

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

    from convstudy.data.decoding.options import DecodeOptions

MAX_CHUNKS = 100_000
"""The largest number of chunks of a file; an image of 100 MB has about 12,000."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
BIT_DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    COLOUR: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    COLOUR_ALPHA: (8, 16),
}
"""Colour type -> the bit depths that the PNG specification allows."""

STORED = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
"""Colour type -> the number of stored channels."""

ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""(first row, first column, step of rows, step of columns) of the seven passes of an interlaced file."""

MODES = {GREY: "L", COLOUR: "RGB", PALETTE: "P", GREY_ALPHA: "LA", COLOUR_ALPHA: "RGBA"}
PLANES_16 = {
    COLOUR: ("RGB;16B", "RGB;16L"),
    COLOUR_ALPHA: ("RGBA;16B", "RGBA;16L"),
    GREY_ALPHA: ("RGBA",),
}
"""Colour type -> the raw modes of Pillow that give the high and low bytes of 16-bit values, or both."""


@dataclass(frozen=True, eq=False)
class _Chunks:
    """The chunks that matter: their data, and the whole chunks that Pillow reads."""

    header: tuple[int, int, int, int, int]  # width, height, bit depth, colour type, interlace method
    palette: bytes
    transparent: bytes | None
    exif: bytes | None
    n_frames: int
    has_gamma: bool
    pixels: tuple[memoryview, ...]


def open_png(data: bytes) -> Opened:
    """Read the header of a PNG file.

    Raises:
        Undecodable: if a chunk that pixels depend on is damaged or missing, or the image is too large.
    """
    chunks = _read(data)
    width, height, bits, colour_type, _ = chunks.header
    check_size(height, width)
    if bits not in BIT_DEPTHS.get(colour_type, ()):
        raise Undecodable(f"damaged: {bits} bits of colour type {colour_type}")
    if colour_type == PALETTE and not chunks.palette:
        raise Undecodable("damaged: no chunk PLTE")
    turn = orientation(chunks.exif)
    stored = STORED[colour_type]
    mode = "1" if (bits, colour_type) == (1, GREY) else MODES[colour_type]
    if bits == 16:
        mode = "uint16" + (f"x{stored}" if stored > 1 else "")
    is_grey = colour_type in (GREY, GREY_ALPHA) or (colour_type == PALETTE and _uses_only_greys(chunks, data))
    height, width = swapped((height, width), turn)
    header = ImageHeader(
        height=height,
        width=width,
        mode=mode,
        channels=1 if is_grey else 3,
        format="PNG",
        bits=bits,
        has_alpha=colour_type in (GREY_ALPHA, COLOUR_ALPHA) or chunks.transparent is not None,
        n_frames=chunks.n_frames,
        has_gamma=chunks.has_gamma,
        is_rotated=turn != 1,
    )

    def load(options: DecodeOptions) -> Image.Image | Samples:
        with damage(data):
            if bits == 16:
                values, has_alpha = _with_key(_values_16(chunks), chunks)
                return Samples(values, (0, 65535), has_alpha)
            return _image_8(chunks)

    return Opened(header, load, turn)


def _read(data: bytes) -> _Chunks:
    """Read all chunks; those that pixels depend on must have a valid checksum."""
    view = memoryview(data)
    found: dict[bytes, bytes] = {}
    pixels: list[memoryview] = []
    place, is_cut = len(SIGNATURE), False
    for _ in range(MAX_CHUNKS):
        if place + 8 > len(data):
            break
        length, kind = int.from_bytes(view[place : place + 4], "big"), bytes(view[place + 4 : place + 8])
        end = place + 12 + length
        if end > len(data):
            is_cut = kind == b"IDAT" or not pixels
            break
        content = view[place + 8 : end - 4]
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT"):
            if zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
                raise Undecodable(f"damaged: wrong checksum of the chunk {kind.decode()}")
            if kind == b"IDAT":
                pixels.append(view[place:end])
            else:
                found.setdefault(kind, bytes(content))
        elif kind in (b"eXIf", b"acTL"):
            found.setdefault(kind, bytes(content))
        elif kind in (b"gAMA", b"sRGB"):
            found.setdefault(b"gamma", b"")
        place = end
        if kind == b"IEND":
            break
    else:
        raise Undecodable(f"too many chunks: more than {MAX_CHUNKS:,}")
    if is_cut or not pixels:
        raise Undecodable(f"truncated after {len(data):,} bytes")
    if len(found.get(b"IHDR", b"")) != 13:
        raise Undecodable("damaged: no chunk IHDR")
    width, height, bits, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", found[b"IHDR"])
    n_frames = int.from_bytes(found.get(b"acTL", b"\0\0\0\1")[:4], "big")
    return _Chunks(
        header=(width, height, bits, colour_type, interlaced),
        palette=found.get(b"PLTE", b""),
        transparent=found.get(b"tRNS"),
        exif=found.get(b"eXIf"),
        n_frames=min(max(1, n_frames), MAX_FRAMES),
        has_gamma=b"gamma" in found,
        pixels=tuple(pixels),
    )


def _uses_only_greys(chunks: _Chunks, data: bytes) -> bool:
    """Return whether an image with a palette is grey; its pixels are decoded only if the palette has colours."""
    from PIL.PngImagePlugin import PngImageFile

    if chunks.palette[0::3] == chunks.palette[1::3] == chunks.palette[2::3]:
        return True
    with damage(data):
        image = PngImageFile(_file(chunks))
        image.load()
        return uses_only_greys(image)


def _file(chunks: _Chunks) -> io.BytesIO:
    """Return a PNG file of the chunks that pixels depend on. Transparency is left to palettes."""
    width, height, bits, colour_type, interlaced = chunks.header
    parts: list[bytes | memoryview] = [SIGNATURE]
    content = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    parts.append(_chunk(b"IHDR", content))
    if colour_type == PALETTE:
        parts.append(_chunk(b"PLTE", chunks.palette))
        if chunks.transparent is not None:
            parts.append(_chunk(b"tRNS", chunks.transparent))
    return io.BytesIO(b"".join([*parts, *chunks.pixels, _chunk(b"IEND", b"")]))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _image_8(chunks: _Chunks) -> Image.Image:
    """Return an image of up to 8 bits per value as mode L, LA, RGB or RGBA."""
    import numpy as np
    from PIL import Image
    from PIL.PngImagePlugin import PngImageFile

    image: Image.Image = PngImageFile(_file(chunks))
    image.load()
    _check_length(chunks, np.asarray(image.crop((0, image.height - 1, image.width, image.height))))
    if image.mode == "P":
        return image.convert("RGB" if chunks.transparent is None else "RGBA")
    if image.mode == "1":
        image = image.convert("L")
    if chunks.transparent is None or image.mode in ("LA", "RGBA"):
        return image
    values, _ = _with_key(np.asarray(image).reshape(image.height, image.width, -1), chunks)
    return Image.fromarray(values)


def _values_16(chunks: _Chunks) -> npt.NDArray[Any]:
    """Return uint16, shape (height, width, stored channels), without loss."""
    import numpy as np
    from PIL.PngImagePlugin import PngImageFile

    def decoded(raw_mode: str | None) -> npt.NDArray[Any]:
        image = PngImageFile(_file(chunks))
        if raw_mode is not None:
            image.tile = [image.tile[0]._replace(args=raw_mode)]
        image.load()
        values = np.asarray(image)
        _check_length(chunks, values[-1])
        return values

    colour_type = chunks.header[3]
    if colour_type == GREY:
        return decoded(None)[..., None].astype(np.uint16)
    raw_modes = PLANES_16[colour_type]
    high = decoded(raw_modes[0])
    # Without a second raw mode, the channels are the bytes of a pixel, high bytes first.
    values = (high[..., 0::2] if len(raw_modes) == 1 else high).astype(np.uint16)
    values <<= 8
    values |= high[..., 1::2] if len(raw_modes) == 1 else decoded(raw_modes[1])
    return values


def _check_length(chunks: _Chunks, last_row: npt.NDArray[Any]) -> None:
    """Check that pixels are complete. Pillow leaves rows that a complete zlib stream lacks at 0, without an error.

    Only images whose last row is 0 are decompressed again.
    """
    width, height, bits, colour_type, interlaced = chunks.header
    if last_row.any() and not interlaced:
        return
    bits_per_pixel = bits * STORED[colour_type]
    expected = 0
    for top, left, down, across in ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            expected += rows * (1 + -(-columns * bits_per_pixel // 8))
    stream, found = zlib.decompressobj(), 0
    for pixels in chunks.pixels:
        rest: bytes | memoryview = pixels[8:-4]
        while rest and found < expected:
            found += len(stream.decompress(rest, 1 << 20))
            rest = stream.unconsumed_tail
    if found < expected and found + len(stream.flush()) < expected:
        raise Undecodable(f"truncated: {found:,} of {expected:,} bytes of pixels")


def _with_key(values: npt.NDArray[Any], chunks: _Chunks) -> tuple[npt.NDArray[Any], bool]:
    """Return values with a channel of transparency, if the file has transparent pixels, and whether it is there."""
    import numpy as np

    bits, colour_type = chunks.header[2:4]
    if colour_type in (GREY_ALPHA, COLOUR_ALPHA) or chunks.transparent is None:
        return values, colour_type in (GREY_ALPHA, COLOUR_ALPHA)
    stored = values.shape[2]
    if len(chunks.transparent) < 2 * stored:
        raise Undecodable("damaged: the chunk tRNS is too short")
    key = np.frombuffer(chunks.transparent, ">u2", stored) & ((1 << bits) - 1)
    top = 65535 if bits == 16 else 255
    shown = key * (top // ((1 << bits) - 1))  # Pillow spreads 1, 2 and 4 bits over 0 to 255
    alpha = np.where((values == shown).all(axis=2, keepdims=True), 0, top)
    return np.concatenate([values, alpha.astype(values.dtype)], axis=2), True
