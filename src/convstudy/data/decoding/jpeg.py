"""JPEG files, decoded by Pillow: reduced decoding, several scans, several pictures.

Pillow's class is created directly, without its search for other pictures in the file.
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

from convstudy.data.decoding.exif import N_PICTURES, first_value, orientation
from convstudy.data.decoding.fitting import decoded_size
from convstudy.data.decoding.header import ImageHeader
from convstudy.data.decoding.pillow_files import damage, eight_bit
from convstudy.data.decoding.pixels import Opened
from convstudy.data.decoding.rotation import swapped
from convstudy.data.decoding.undecodable import Undecodable, check_size

if TYPE_CHECKING:
    from PIL import Image
    from PIL.JpegImagePlugin import JpegImageFile

    from convstudy.data.decoding.options import DecodeOptions

MAX_SCANS = 100
"""The largest number of scans of a file. Progressive files have about 10; each costs a pass over all pixels."""


def open_jpeg(data: bytes) -> Opened:
    """Read the header of a JPEG file.

    Raises:
        Undecodable: if the header is damaged, or the image is too large or has too many scans.
    """
    with damage(data):
        image = _reader()(io.BytesIO(data), "")
    if not image.tile:
        raise Undecodable("damaged: a JPEG without pixels")
    width, height = image.size
    check_size(height, width)
    if not _has_one_scan(image, data) and data.count(b"\xff\xda") > MAX_SCANS:
        raise Undecodable(f"too many scans: more than {MAX_SCANS} in a JPEG")
    turn = orientation(image.info.get("exif"))
    height, width = swapped((height, width), turn)
    pictures = image.info.get("mp")
    header = ImageHeader(
        height=height,
        width=width,
        mode=image.mode,
        channels=1 if image.mode == "L" else 3,
        format="JPEG",
        n_frames=max(1, (first_value(pictures, N_PICTURES) or 1) if isinstance(pictures, bytes) else 1),
        is_rotated=turn != 1,
    )

    def load(options: DecodeOptions) -> Image.Image:
        if options.decode == "reduced" and options.value_range is None:
            wanted_height, wanted_width = swapped(decoded_size((height, width), options), turn)
            if min(image.width // wanted_width, image.height // wanted_height) >= 2:
                # Grey is the luma of the file then: chroma need not be decoded, which saves a fifth of the time.
                mode = "L" if image.mode == "RGB" and options.channels == 1 else None
                image.draft(mode, (wanted_width, wanted_height))
        if image.mode == "RGB" and _writes_four_bytes():
            # Pillow has four bytes per pixel in memory. libjpeg-turbo writes them without a copy from three: 3 to 6 %.
            image.tile = [image.tile[0]._replace(args=("RGBX", ""))]
        with damage(data):
            image.load()
        return eight_bit(image)

    return Opened(header, load, turn)


@cache
def _reader() -> type[JpegImageFile]:
    from PIL.JpegImagePlugin import JpegImageFile

    class WithoutDpi(JpegImageFile):
        """Pillow parses all EXIF data to find the resolution in dpi, and warns if they are damaged."""

        def _read_dpi_from_exif(self) -> None:
            pass

    return WithoutDpi


@cache
def _writes_four_bytes() -> bool:
    """Return whether Pillow has libjpeg-turbo; other libraries do not know the order RGBX."""
    from PIL import features

    return bool(features.check_feature("libjpeg_turbo"))


def _has_one_scan(image: Any, data: bytes) -> bool:
    """Return whether libjpeg reads one scan only: not progressive, and the first scan has all components.

    Scans are not counted in such files: a search for their marker takes 4 % of the time of a whole decode.
    """
    components = image.layers
    # Pillow stops behind the header of the first scan: marker, length, number of components, two bytes for each, ...
    length = 6 + 2 * components
    expected = bytes((0xFF, 0xDA, 0, length, components))
    return "progressive" not in image.info and data.startswith(expected, image.fp.tell() - length - 2)
