"""The reason why an image cannot be decoded, and the limits that protect time and memory."""

from __future__ import annotations

MAX_PIXELS = 89_478_485
"""The largest number of pixels of an image: Pillow's own limit, 358 MB in memory. It is compared with the header."""

MAX_VALUES = 4 * MAX_PIXELS
"""The largest number of values (pixels × channels) of an image."""

MAX_FRAMES = 10_000
"""Frames and pages are counted up to this number. Only the first one is decoded."""


class Undecodable(Exception):
    """An image that cannot be decoded, with a reason for the list of bad images, such as ``"empty file"``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_size(height: int, width: int, channels: int = 1, limit: int | None = None) -> None:
    """Check the size in a header before memory is allocated.

    Args:
        height: in pixels.
        width: in pixels.
        channels: the number of channels.
        limit: the largest number of pixels; default: :data:`MAX_PIXELS`.

    Raises:
        Undecodable: if the image has no pixels or too many.
    """
    if height < 1 or width < 1 or channels < 1:
        raise Undecodable(f"no pixels: {width:,} × {height:,}")
    limit = MAX_PIXELS if limit is None else limit
    if height * width > limit or height * width * channels > MAX_VALUES:
        depth = f" × {channels:,} channels" if channels > 4 else ""
        reason = f"too large: {width:,} × {height:,} pixels{depth}; the limit is {limit:,} pixels"
        raise Undecodable(reason)


def shortened(error: BaseException) -> str:
    """Return the text of a decoder's exception as one line of at most 100 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 100 else text[:97] + "..."
