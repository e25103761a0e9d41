"""Examines the directories of a TIFF file before a library reads them: the number of pages, and impossible counts."""

from __future__ import annotations

import struct

from convstudy.data.decoding.undecodable import MAX_FRAMES, Undecodable

MAX_SEGMENTS = 1_000_000
"""The largest number of values of a number tag in the first page, such as the offsets of its strips or tiles."""

MAX_TAGS = 4_096
"""The largest number of tags of the first page."""

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
"""The type of a tag -> the size of a value in bytes (TIFF 6.0, BigTIFF)."""
_TEXT_OR_BYTES = (1, 2, 6, 7)


def n_pages(data: bytes) -> int:
    """Return the number of pages, counted up to the limit and up to a directory that is damaged or repeats.

    Raises:
        Undecodable: if the first directory is damaged, or its tags have more values than the file has room for.
    """
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    count_form, offset_form, entry_size = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    entry_form = order + ("HHQ" if is_big else "HHI")
    offset_size, count_size = struct.calcsize(offset_form), struct.calcsize("<" + count_form)
    seen: set[int] = set()
    place = 8 if is_big else 4
    try:
        (start,) = struct.unpack_from(order + offset_form, data, place)
        while start and start not in seen and len(seen) < MAX_FRAMES:
            (n_tags,) = struct.unpack_from(order + count_form, data, start)
            first = start + count_size
            if not seen:
                _check_tags(
                    data, entry_form, [first + entry_size * each for each in range(min(n_tags, MAX_TAGS + 1))]
                )
            seen.add(start)
            (start,) = struct.unpack_from(order + offset_form, data, first + entry_size * n_tags)
            if start + offset_size > len(data):
                break
    except (struct.error, OverflowError):  # an offset of 64 bits may be too large for Python's buffers
        if not seen:
            raise Undecodable(f"truncated after {len(data):,} bytes") from None
    if not seen:
        raise Undecodable("damaged: a TIFF without a page")
    return len(seen)


def _check_tags(data: bytes, entry_form: str, entries: list[int]) -> None:
    if len(entries) > MAX_TAGS:
        raise Undecodable(f"too many tags: more than {MAX_TAGS:,}")
    for entry in entries:
        tag, kind, count = struct.unpack_from(entry_form, data, entry)
        if kind in _SIZES and count * _SIZES[kind] > len(data):
            raise Undecodable(
                f"truncated after {len(data):,} bytes, or damaged: tag {tag} has {count:,} values"
            )
        if kind not in _TEXT_OR_BYTES and count > MAX_SEGMENTS:
            raise Undecodable(f"too many values of tag {tag}: {count:,}; the limit is {MAX_SEGMENTS:,}")


def jpeg_size(data: bytes | memoryview) -> tuple[int, int]:
    """Return (height, width) of a JPEG stream, or (0, 0) if it has no frame header."""
    place = 2
    while place + 9 <= len(data):
        marker, length = struct.unpack_from(">HH", data, place)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack_from(">HH", data, place + 5)
            return height, width
        if marker == 0xFFDA or marker < 0xFFC0:
            break
        place += 2 + length
    return 0, 0
