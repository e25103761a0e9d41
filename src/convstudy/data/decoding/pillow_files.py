"""WebP, GIF, BMP and AVIF files, decoded by Pillow; and what is common to all formats that Pillow decodes.

The plugins are created directly, not by ``Image.open``: no other format can be chosen, the limits here apply before
Pillow's own, and no warning is printed.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING

from convstudy.data.decoding import gif
from convstudy.data.decoding.exif import orientation
from convstudy.data.decoding.header import ImageHeader
from convstudy.data.decoding.pixels import Opened
from convstudy.data.decoding.rotation import swapped
from convstudy.data.decoding.undecodable import MAX_FRAMES, MAX_PIXELS, Undecodable, check_size, shortened

if TYPE_CHECKING:
    from PIL import Image, ImageFile

    from convstudy.data.decoding.options import DecodeOptions

PLUGINS = {
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
}
"""Format -> the module and class of Pillow that reads it."""

MAX_WEBP_PIXELS = MAX_PIXELS // 3
"""The largest number of pixels of a WebP file: its decoder keeps three more copies of the canvas."""


def open_file(data: bytes, file_format: str) -> Opened:
    """Read the header of a file of one of the formats of :data:`PLUGINS`.

    Raises:
        Undecodable: if the header is damaged, or too large.
    """
    if file_format == "WEBP":
        check_size(*_webp_size(data), limit=MAX_WEBP_PIXELS)
    # AVIF: Pillow parses EXIF data when it opens a file, and warns.
    with damage(data), silence() if file_format == "AVIF" else nullcontext():
        image = _plugin(file_format)(io.BytesIO(data), "")
    width, height = image.size
    check_size(height, width)
    if image.mode == "P" and _channels(image) == 3:
        # Only the pixels show whether a palette with colours is used for greys alone.
        with damage(data):
            image.load()
    turn = orientation(image.info.get("exif"))
    height, width = swapped((height, width), turn)
    header = ImageHeader(
        height=height,
        width=width,
        mode=image.mode,
        channels=_channels(image),
        format=file_format,
        bits=1 if image.mode == "1" else 8,
        has_alpha=_has_alpha(image),
        n_frames=_n_frames(image, data),
        is_rotated=turn != 1,
    )

    def load(options: DecodeOptions) -> Image.Image:
        with damage(data):
            image.load()
        return eight_bit(image)

    return Opened(header, load, turn)


def eight_bit(image: Image.Image) -> Image.Image:
    """Return an image of mode L, LA, RGB or RGBA."""
    if "transparency" in image.info:
        return image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image
    if image.mode == "P":
        # A palette of Pillow can have transparency of its own.
        has_alpha = image.palette is not None and image.palette.mode == "RGBA"
        return image.convert("RGBA" if has_alpha else "RGB")
    if image.mode in ("PA", "La"):
        return image.convert("RGBA" if image.mode == "PA" else "LA")
    return image.convert("L" if image.mode == "1" else "RGB")


_one_at_a_time = threading.Lock()


@contextmanager
def silence() -> Iterator[None]:
    """Suppress warnings. Their filters belong to the whole process: two threads must not restore each other's."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def damage(data: bytes) -> Iterator[None]:
    """Turn what a decoder raises for a damaged file into a reason. Pillow does not document what it raises.

    Raises:
        Undecodable: instead of any exception of the decoder.
    """
    try:
        yield
    except Undecodable:
        raise
    except MemoryError:
        raise Undecodable("not enough memory") from None
    except Exception as error:
        text = shortened(error)
        # The texts are those of Pillow and of tifffile.
        if any(each in text.lower() for each in ("truncated", "failed to read")) or isinstance(
            error, EOFError
        ):
            raise Undecodable(f"truncated after {len(data):,} bytes") from None
        # The text of a TypeError or an IndexError says something about the decoder, and nothing about the file.
        is_about_file = isinstance(error, OSError | ValueError | SyntaxError | RuntimeError)
        raise Undecodable(f"damaged: {text}" if is_about_file else "damaged: impossible values") from None


def _plugin(file_format: str) -> type[ImageFile.ImageFile]:
    """Return the class of Pillow that reads a format."""
    module, name = PLUGINS[file_format]
    found: type[ImageFile.ImageFile] = getattr(import_module(module), name)
    return found


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return (height, width) of the canvas; the decoder allocates it when a file is opened (RFC 9649)."""
    kind = data[12:16]
    try:
        if kind == b"VP8X":
            return int.from_bytes(data[27:30], "little") + 1, int.from_bytes(data[24:27], "little") + 1
        if kind == b"VP8L":
            (packed,) = struct.unpack_from("<I", data, 21)
            return (packed >> 14 & 0x3FFF) + 1, (packed & 0x3FFF) + 1
        width, height = struct.unpack_from("<HH", data, 26)
    except struct.error:
        raise Undecodable(f"truncated after {len(data):,} bytes") from None
    return height & 0x3FFF, width & 0x3FFF


def _channels(image: ImageFile.ImageFile) -> int:
    """Return 1 for a grey image, also one with a palette of greys, and 3 for a colour image."""
    if image.mode in ("1", "L", "LA", "La", "I", "I;16", "F"):
        return 1
    if image.mode == "P" and (palette := image.palette) is not None:
        if not image.tile:
            return 1 if uses_only_greys(image) else 3
        colours, size = (
            bytes(palette.palette),
            len(palette.rawmode or palette.mode),
        )  # 3, or 4 for RGBA and BGRX
        return 1 if colours[0::size] == colours[1::size] == colours[2::size] else 3
    return 3


def uses_only_greys(image: Image.Image) -> bool:
    """Return whether all pixels of a loaded image of mode P are grey."""
    colours = image.getpalette("RGB") or []
    used = [3 * index for index, count in enumerate(image.histogram()) if count]
    return all(colours[place : place + 1] * 3 == colours[place : place + 3] for place in used)


def _has_alpha(image: Image.Image) -> bool:
    if image.mode == "P" and image.palette is not None and image.palette.mode == "RGBA":
        return True
    return "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA")


def _n_frames(image: ImageFile.ImageFile, data: bytes) -> int:
    return (
        gif.n_frames(data) if image.format == "GIF" else min(int(getattr(image, "n_frames", 1)), MAX_FRAMES)
    )
