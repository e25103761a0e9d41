"""Counts the frames of a GIF file without decoding them (GIF89a specification, sections 18 to 27)."""

from __future__ import annotations

from convstudy.data.decoding.undecodable import MAX_FRAMES

EXTENSION, FRAME = 0x21, 0x2C


def n_frames(data: bytes) -> int:
    """Return the number of frames, at least 1; counting stops at the limit, and where the file is damaged."""
    found = 0
    try:
        place = 13 + _table_size(data[10])
        while found < MAX_FRAMES:
            block = data[place]
            if block == EXTENSION:
                place += 2
            elif block == FRAME:
                found += 1
                place += 11 + _table_size(data[place + 9])
            else:
                break
            while size := data[place]:
                place += 1 + size
            place += 1
    except IndexError:
        pass
    return max(1, found)


def _table_size(flags: int) -> int:
    """Return the size of a colour table in bytes from the flags before it."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
