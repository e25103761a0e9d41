"""TIFF files, decoded by tifffile: any type and number of channels, tiles, planes, both byte orders.

Compressed files need imagecodecs (extra ``[data]``). Without it, Pillow decodes those of up to 8 bits per value.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from convstudy.data.decoding.header import ImageHeader
from convstudy.data.decoding.numpy_arrays import with_bounds
from convstudy.data.decoding.pillow_files import damage, eight_bit, silence
from convstudy.data.decoding.pixels import Opened, Samples
from convstudy.data.decoding.rotation import rotated, swapped
from convstudy.data.decoding.tiff_directory import jpeg_size, n_pages
from convstudy.data.decoding.undecodable import MAX_VALUES, Undecodable, check_size

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image


WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, INK, YCBCR = 0, 1, 2, 3, 5, 6
STORED = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, INK: 4, YCBCR: 3}
"""Photometric interpretation -> the number of channels without extra ones (TIFF 6.0)."""

NONE, JPEG = 1, 7
COMPRESSIONS = {
    NONE: "no compression",
    2: "CCITT",
    3: "CCITT",
    4: "CCITT",
    5: "LZW",
    JPEG: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
    34925: "LZMA",
    50000: "Zstandard",
}
"""The compressions that are decoded. Their output is limited by the size in the header."""

PREMULTIPLIED, STRAIGHT = 1, 2
"""Extra channels that are transparency: colours are multiplied by it, or not."""


@dataclass(frozen=True, eq=False)
class _Form:
    """What the tags of the first page say."""

    height: int
    width: int
    channels: int
    bits: int
    kind: str  # the kind of a NumPy dtype
    type_name: str
    photometric: int
    compression: int
    extra: tuple[int, ...]
    turn: int
    colours: npt.NDArray[Any] | None  # of a palette: uint16, shape (3, n)

    @property
    def has_alpha(self) -> bool:
        is_one = self.channels == STORED[self.photometric] + 1 and len(self.extra) == 1
        return is_one and self.photometric != INK and self.extra[0] in (PREMULTIPLIED, STRAIGHT)

    @property
    def natural_channels(self) -> int:
        if self.colours is not None:
            return 1 if (self.colours == self.colours[:1]).all() else 3
        return 3 if self.photometric in (INK, YCBCR) else self.channels - self.has_alpha

    @property
    def limits(self) -> tuple[float, float] | None:
        """The values that become 0 and 255 by default."""
        if self.kind == "u" and self.bits <= 16:
            return (0, (1 << self.bits) - 1)
        return (0, 1) if self.kind in "bf" else None

    @property
    def mode(self) -> str:
        if self.bits > 8 or self.kind not in "bu" or self.channels > 4:
            return self.type_name + (f"x{self.channels}" if self.channels > 1 else "")
        if self.photometric in (PALETTE, INK, YCBCR):
            return {PALETTE: "P", INK: "CMYK", YCBCR: "YCbCr"}[self.photometric]
        if self.bits == 1 and self.channels == 1:
            return "1"
        modes = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
        is_named = self.channels in (1, 3) or self.has_alpha
        return modes[self.channels] if is_named else f"{self.type_name}x{self.channels}"


def open_tiff(data: bytes) -> Opened:
    """Read the header of the first page.

    Raises:
        Undecodable: if the header is damaged, the image is too large, or its form is not supported.
    """
    import numpy as np

    pages = n_pages(data)
    form = _form(data)
    height, width = swapped((form.height, form.width), form.turn)
    header = ImageHeader(
        height=height,
        width=width,
        mode=form.mode,
        channels=form.natural_channels,
        format="TIFF",
        bits=form.bits,
        has_alpha=form.has_alpha,
        n_frames=pages,
        is_rotated=form.turn != 1,
    )
    if form.colours is not None and form.natural_channels == 3:
        # Only the pixels show whether a palette with colours is used for greys alone.
        image = _loaded(data, form)
        colours = np.asarray(image)
        is_grey = (colours == colours[..., :1]).all()
        return Opened(replace(header, channels=1 if is_grey else 3), lambda options: image, form.turn)
    if form.kind in "fi" or form.bits > 16:
        # Only the values show which range they need, so that the header needs them too.
        loaded = _loaded(data, form)
        if isinstance(loaded, Samples):
            header = with_bounds(header, loaded.values[..., : form.natural_channels])
        return Opened(header, lambda options: loaded, form.turn)
    return Opened(header, lambda options: _loaded(data, form), form.turn)


def _form(data: bytes) -> _Form:
    """Read and check the tags of the first page."""
    with _page(data) as page:
        form = _Form(
            height=page.imagelength,
            width=page.imagewidth,
            channels=page.samplesperpixel,
            bits=page.bitspersample,
            kind=page.dtype.kind if page.dtype is not None else "",
            type_name=page.dtype.name if page.dtype is not None else "",
            photometric=int(page.photometric),
            compression=int(page.compression),
            extra=tuple(int(each) for each in page.extrasamples),
            turn=turn if (turn := page.tags.valueof(274, 1)) in range(1, 9) else 1,
            colours=page.colormap if int(page.photometric) == PALETTE else None,
        )
        check_size(form.height, form.width, form.channels)
        if form.photometric not in STORED or page.imagedepth != 1:
            raise Undecodable(f"not a supported image: TIFF with colours of type {form.photometric}")
        if form.compression not in COMPRESSIONS:
            raise Undecodable(f"not a supported image: TIFF with compression {form.compression}")
        if not isinstance(form.bits, int) or form.kind not in ("b", "u", "i", "f"):
            raise Undecodable(f"not a supported image: TIFF with {form.bits} bits per value")
        if form.channels < STORED[form.photometric] or (form.colours is not None and form.channels != 1):
            raise Undecodable(f"damaged: {form.channels} channels of type {form.photometric}")
        if form.colours is not None and (form.bits > 8 or form.colours.shape != (3, 1 << form.bits)):
            raise Undecodable("damaged: the colours of the palette are missing")
        if page.is_tiled:
            across, down = -(-form.width // page.tilewidth), -(-form.height // page.tilelength)
            if across * down * page.tilewidth * page.tilelength * form.channels > 4 * MAX_VALUES:
                raise Undecodable(f"too large: tiles of {page.tilewidth:,} × {page.tilelength:,} pixels")
        parts = zip(page.dataoffsets, page.databytecounts, strict=False)
        # JPEG and LZMA decoders accept a part that lacks its end.
        if form.compression != NONE and any(start + size > len(data) for start, size in parts):
            raise Undecodable(f"truncated after {len(data):,} bytes")
        if form.compression == JPEG:
            _check_jpeg(data, page)
    return form


def _check_jpeg(data: bytes, page: Any) -> None:
    """Check that no JPEG stream in the file is larger than its strip or tile."""
    height, width = (
        (page.tilelength, page.tilewidth) if page.is_tiled else (page.imagelength, page.imagewidth)
    )
    view = memoryview(data)
    for start, size in zip(page.dataoffsets, page.databytecounts, strict=False):
        found_height, found_width = jpeg_size(view[start : start + size])
        if found_height > height + 16 or found_width > width + 16:
            raise Undecodable(f"damaged: a part of {found_width:,} × {found_height:,} pixels in a TIFF")


def _loaded(data: bytes, form: _Form) -> Image.Image | Samples:
    import numpy as np
    from PIL import Image

    is_raw_ycbcr = form.photometric == YCBCR and form.compression != JPEG
    needs_codecs = form.compression != NONE or form.bits not in (1, 8, 16, 32, 64)
    if is_raw_ycbcr or (needs_codecs and find_spec("imagecodecs") is None):
        if form.bits <= 8 and form.kind in "bu" and form.channels <= 4:
            return _by_pillow(data, form.turn)
        what = COMPRESSIONS[form.compression] if form.compression != NONE else f"{form.bits} bits"
        raise Undecodable(f'a TIFF with {what} needs imagecodecs: pip install "convstudy[data]"')
    with _page(data) as page:
        values = np.asarray(page.asarray(maxworkers=1))
        if page.axes not in ("YX", "YXS", "SYX"):
            raise Undecodable(f"not a supported image: TIFF with axes {page.axes}")
        values = np.moveaxis(values, 0, 2) if page.axes == "SYX" else values
    values = values.reshape(form.height, form.width, form.channels)
    if form.colours is not None:
        palette = (form.colours >> 8).astype(np.uint8)
        return Image.fromarray(np.moveaxis(palette[:, values[..., 0]], 0, 2).copy())
    limits = form.limits
    if form.photometric == INK:
        if limits is None or form.kind != "u":
            raise Undecodable(f"not a supported image: CMYK as {form.type_name}")
        # Inks are converted with 8 bits each, by the rule of Pillow.
        inks = np.rint(values[..., :4] * (255 / limits[1])).astype(np.uint8)
        return Image.fromarray(inks, "CMYK").convert("RGB")
    if form.photometric == WHITE_IS_ZERO and limits is not None:
        values = ~values if form.kind == "b" else (limits[1] - values).astype(values.dtype)
    is_premultiplied = form.has_alpha and form.extra[0] == PREMULTIPLIED
    return Samples(values, limits, form.has_alpha, is_premultiplied)


def _by_pillow(data: bytes, turn: int) -> Image.Image:
    """Return an image of up to 8 bits per value as it is stored. Pillow makes it upright, which is undone."""
    from PIL.TiffImagePlugin import TiffImageFile

    with silence(), damage(data):
        image = TiffImageFile(io.BytesIO(data), "")
        check_size(image.height, image.width)
        image.load()
        return rotated(eight_bit(image), {6: 8, 8: 6}.get(turn, turn))


_quiet = threading.local()


class _QuietHere(logging.Filter):
    """Drops what tifffile logs about a file that is being decoded in this thread; its exceptions say enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_quiet, "is_on", False)


logging.getLogger("tifffile").addFilter(_QuietHere())


@contextmanager
def _page(data: bytes) -> Iterator[Any]:
    """Open the first page of a file in tifffile."""
    from tifffile import TiffFile

    _quiet.is_on = True
    try:
        with damage(data), TiffFile(io.BytesIO(data)) as file:
            yield file.pages.first
    finally:
        _quiet.is_on = False
