"""The two EXIF and MPF tags that decoding needs. Damaged metadata is no reason to refuse an image."""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
N_PICTURES = 0xB001
MAX_TAGS = 500
"""The number of tags that are examined; cameras write fewer than 50 into the first directory."""


def orientation(exif: bytes | None) -> int:
    """Return the orientation, 1 to 8, from the EXIF data of a file; 1 if it is missing, damaged or invalid."""
    found = first_value(exif.removeprefix(b"Exif\0\0"), ORIENTATION) if exif else None
    return found if found is not None and 1 <= found <= 8 else 1


def first_value(tiff: bytes, tag: int) -> int | None:
    """Return the first value of an integer tag in the first directory of TIFF-formatted metadata, or ``None``.

    The layout is that of TIFF 6.0: byte order, 42, the offset of the directory, then entries of 12 bytes.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(tiff[:4]))
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (n_tags,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * min(n_tags, MAX_TAGS), 12):
            found, kind, count = struct.unpack_from(order + "HHI", tiff, entry)
            if found == tag:
                form = {3: "H", 4: "I"}.get(kind)
                if form is None or count < 1:
                    return None
                value: int = struct.unpack_from(order + form, tiff, entry + 8)[0]
                return value
    except struct.error:
        return None
    return None
