"""Fits an image to a size: crop, pad or stretch, with an antialiased linear filter.

The filter is Pillow's ``BILINEAR``: a triangle as wide as two pixels of the smaller image, which is "bilinear with
antialiasing" in torchvision. It has no negative weights, so that edges do not ring. An image that is four or more times
too large is first reduced by a whole number, with the mean of square blocks, so that a factor of at least 2 is left to
the filter. This takes two thirds of the time, and stripes too fine for the small image remain just as weak
(``benchmarks/data/decode_one.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.data.decoding.rotation import rotated, stored_box, swapped

if TYPE_CHECKING:
    from PIL import Image

    from convstudy.data.decoding.options import DecodeOptions


REDUCING_GAP = 2.0
"""The factor that is left to the filter after a division by a whole number; Pillow's ``reducing_gap``."""


def crop_box(source: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest centred part of an image with the aspect ratio of the target, in whole pixels.

    Args:
        source: (height, width) of the image.
        size: (height, width) of the target.

    Returns:
        (left, top, right, bottom).

    >>> crop_box((375, 500), (64, 64))
    (62, 0, 437, 375)
    """
    (height, width), (target_height, target_width) = source, size
    kept_width = min(width, max(1, _rounded(height * target_width, target_height)))
    kept_height = min(height, max(1, _rounded(width * target_height, target_width)))
    left, top = (width - kept_width) // 2, (height - kept_height) // 2
    return left, top, left + kept_width, top + kept_height


def padded_size(source: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) of the whole image inside the target, at least one pixel each.

    >>> padded_size((375, 500), (64, 64))
    (48, 64)
    """
    (height, width), (target_height, target_width) = source, size
    if width * target_height >= height * target_width:
        return max(1, _rounded(height * target_width, width)), target_width
    return target_height, max(1, _rounded(width * target_height, height))


def decoded_size(source: tuple[int, int], options: DecodeOptions) -> tuple[int, int]:
    """Return (height, width) at which the fitted part of an image has twice the target's height and width."""
    (height, width), (target_height, target_width) = source, options.size
    if options.fit == "crop":
        left, top, right, bottom = crop_box(source, options.size)
        return -(-2 * target_height * height // (bottom - top)), -(
            -2 * target_width * width // (right - left)
        )
    fitted = padded_size(source, options.size) if options.fit == "pad" else options.size
    return 2 * fitted[0], 2 * fitted[1]


def fitted(image: Image.Image, source: tuple[int, int], turn: int, options: DecodeOptions) -> Image.Image:
    """Return an upright image of the target's size.

    Args:
        image: mode L, RGB or F, as it is stored. An image that has the target's size already keeps its pixels.
        source: (height, width) of the whole upright image; ``image`` is smaller after a reduced decode.
        turn: the EXIF orientation, 1 to 8.
        options: size, fit and background.
    """
    from PIL import Image

    size, box = options.size, (0, 0, source[1], source[0])
    if options.fit == "crop":
        box = crop_box(source, options.size)
    elif options.fit == "pad":
        size = padded_size(source, options.size)
    height, width = swapped(source, turn)
    # A reduced image is cropped at the same place, which may be between two of its pixels.
    across, down = image.width / width, image.height / height
    left, top, right, bottom = stored_box(box, source, turn)
    inner_height, inner_width = swapped(size, turn)
    part = (left * across, top * down, right * across, bottom * down)
    inner = image.resize((inner_width, inner_height), Image.Resampling.BILINEAR, part, REDUCING_GAP)
    inner = rotated(inner, turn)
    if size == options.size:
        return inner
    colour = options.colour_background if image.mode == "RGB" else options.grey_background
    outer = Image.new(image.mode, (options.size[1], options.size[0]), colour)
    outer.paste(inner, ((outer.width - inner.width) // 2, (outer.height - inner.height) // 2))
    return outer


def _rounded(numerator: int, denominator: int) -> int:
    """Return the quotient of positive integers, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)
