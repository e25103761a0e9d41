"""Decodes one image: the bytes of a file, or an array, to uint8 pixels of a given size.

Training, prediction and exports use this one path. It depends on its arguments alone.

======================  =========================================================
:mod:`.options`         the form that every image receives
:mod:`.header`          what a header says
:mod:`.undecodable`     the reason why an image cannot be decoded; limits of size
:mod:`.file_kinds`      what a file is, from its first bytes
:mod:`.jpeg`            JPEG
:mod:`.pillow_files`    WebP, GIF, BMP and AVIF
:mod:`.png`             PNG, also with 16 bits
:mod:`.gif`             the number of frames of a GIF
:mod:`.pnm`             PBM, PGM and PPM
:mod:`.tiff`            TIFF
:mod:`.tiff_directory`  the number of pages of a TIFF, and impossible counts
:mod:`.numpy_arrays`    arrays and ``.npy`` files
:mod:`.exif`            the orientation in EXIF data
:mod:`.rotation`        the eight orientations
:mod:`.pixels`          decoded pixels before they are fitted
:mod:`.bands`           value range, transparency, grey and colour
:mod:`.fitting`         crop, pad, stretch
======================  =========================================================

``docs/decoding.md`` has the table of what each kind of file becomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convstudy.data.decoding.header import ImageHeader
from convstudy.data.decoding.options import BACKGROUND, DECODER_VERSION, DecodeOptions
from convstudy.data.decoding.undecodable import Undecodable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoding.pixels import Opened

__all__ = [
    "BACKGROUND",
    "DECODER_VERSION",
    "DecodeOptions",
    "Decoded",
    "ImageHeader",
    "Undecodable",
    "decode",
    "probe",
]


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded image.

    Attributes:
        pixels: uint8, shape (height, width, channels) of the options.
        header: the header of the original.
    """

    pixels: npt.NDArray[np.uint8]
    header: ImageHeader


def probe(data: bytes | npt.NDArray[Any]) -> ImageHeader:
    """Return the header of an image. Pixels are decoded only for TIFF files whose values need a range.

    Args:
        data: the bytes of an image file, or an array of shape (height, width) or (height, width, channels).

    Raises:
        Undecodable: if the header shows that the image cannot be decoded.
    """
    return _opened(data).header


def decode(data: bytes | npt.NDArray[Any], options: DecodeOptions) -> Decoded:
    """Return the pixels of an image in the form of the options.

    Args:
        data: the bytes of an image file, or an array of shape (height, width) or (height, width, channels).
        options: size, channels, fit and the other rules.

    Raises:
        Undecodable: if the image cannot be decoded in this form; the reason is short enough for a list.

    >>> import numpy as np
    >>> image = np.array([[0, 65535], [257, 514]], dtype=np.uint16)
    >>> decode(image, DecodeOptions(size=(2, 2), channels=1)).pixels.reshape(2, 2).tolist()
    [[0, 255], [1, 2]]
    """
    from convstudy.data.decoding.bands import pixels_of

    opened = _opened(data)
    header = opened.header
    try:
        pixels = pixels_of(opened.load(options), (header.height, header.width), opened.turn, options)
    except MemoryError:
        raise Undecodable("not enough memory") from None
    return Decoded(pixels, header)


def _opened(data: bytes | npt.NDArray[Any]) -> Opened:
    from convstudy.data.decoding.file_kinds import format_of
    from convstudy.data.decoding.jpeg import open_jpeg
    from convstudy.data.decoding.numpy_arrays import open_array, open_npy
    from convstudy.data.decoding.pillow_files import open_file
    from convstudy.data.decoding.png import open_png
    from convstudy.data.decoding.pnm import open_pnm
    from convstudy.data.decoding.tiff import open_tiff

    if not isinstance(data, bytes):
        return open_array(data)
    file_format = format_of(data)
    if file_format == "JPEG":
        return open_jpeg(data)
    if file_format == "NPY":
        return open_npy(data)
    if file_format == "PNG":
        return open_png(data)
    if file_format == "PNM":
        return open_pnm(data)
    if file_format == "TIFF":
        return open_tiff(data)
    return open_file(data, file_format)
