"""Lists the files of an uncompressed tar archive. They are stored without change, one after another.

A reader of its own, because tarfile keeps an object per file and reads extended headers of any size into memory. It
understands the formats that tarfile, GNU tar and bsdtar write: v7, ustar, GNU (long names) and pax.
"""

from __future__ import annotations

from typing import IO

from convstudy.data.archives.members import Collector
from convstudy.errors import DataError, Location, Problem

BLOCK = 512
MAX_HEADER_BYTES = 1 << 16
"""The largest size of an extended header, which has the long name of a file."""
LINKS = {b"1": "a hard link", b"2": "a symbolic link"}
NO_FILES = {b"3": "a device", b"4": "a device", b"6": "a FIFO"}
HINT_LINKS = "create the archive again with tar --dereference --hard-dereference"


def list_tar(file: IO[bytes], n_bytes: int, path: str) -> Collector:
    """Collect the names and offsets of a tar archive.

    Args:
        file: the archive, without compression.
        n_bytes: its size.
        path: its path, for errors.

    Raises:
        DataError: if the archive is damaged or has too many names.
    """
    collector, position = Collector(path), 0
    extended: dict[str, str] = {}  # of the next file
    while True:
        file.seek(position)
        header = file.read(BLOCK)
        if len(header) < BLOCK:
            # All formats end with blocks of zeros. Without them, files at the end can be missing.
            raise _damaged(path, "it ends too early")
        if not header.strip(b"\0"):
            break  # the end of the archive
        if not is_header(header):
            raise _damaged(path, f"there is no file header at byte {position:,}")
        kind = header[156:157]
        size = _size(header, extended.pop("size", ""), path, position)
        start, position = position + BLOCK, position + BLOCK + -(-size // BLOCK) * BLOCK
        if start + size > n_bytes:
            raise _damaged(path, "it ends too early")
        if kind in b"LKxg" and kind:
            if size > MAX_HEADER_BYTES:
                raise _damaged(path, f"a header has {size:,} bytes")
            extended |= _extended(kind, file.read(size))
            continue
        name = extended.get("path") or _name(header)
        if kind in LINKS:
            collector.problem(name, f"this is {LINKS[kind]}", hint=HINT_LINKS)
        elif kind in NO_FILES:
            collector.problem(
                name, f"this is {NO_FILES[kind]}, and no file", hint="create the archive without it"
            )
        elif kind == b"S" or any(key.startswith("GNU.sparse") for key in extended):
            collector.problem(
                name, "this file is stored with gaps", hint="create the archive again without --sparse"
            )
        elif kind in (b"0", b"\0", b"7", b"5"):
            collector.add(name, kind == b"5" or name.endswith("/"), start, size, size)
        extended = {}
    return collector


def is_header(block: bytes) -> bool:
    """Return whether 512 bytes are the header of a file in a tar archive, from their checksum."""
    if len(block) != BLOCK:
        return False
    try:
        expected = int(block[148:156].strip(b" \0") or b"-1", 8)
    except ValueError:
        return False
    # The checksum itself counts as eight spaces.
    return sum(block) - sum(block[148:156]) + 8 * ord(" ") == expected


def _size(header: bytes, extended: str, path: str, position: int) -> int:
    """Return the size of a file: from the extended header, or in octal digits, or in base 256 for 8 GB and more."""
    field = header[124:136]
    try:
        if extended:
            return _natural(int(extended))
        if field[0] == 0x80:
            return int.from_bytes(field[1:], "big")
        return _natural(int(field.strip(b" \0") or b"0", 8))
    except ValueError:
        raise _damaged(path, f"the size of the file at byte {position:,} is wrong") from None


def _natural(number: int) -> int:
    if number < 0:
        raise ValueError(number)
    return number


def _name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape")


def _extended(kind: bytes, data: bytes) -> dict[str, str]:
    """Return the values of an extended header: records such as ``30 path=cat/1.png``, or the long name of GNU tar."""
    if kind == b"L":
        return {"path": data.partition(b"\0")[0].decode("utf-8", "surrogateescape")}
    values: dict[str, str] = {}
    while kind == b"x" and data:
        length, _, _ = data.partition(b" ")
        if not length.isdigit() or not len(length) < int(length) <= len(data):
            break
        key, _, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        values[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[int(length) :]
    return values


def _damaged(path: str, reason: str) -> DataError:
    return DataError(Problem(f"this is not a valid tar archive: {reason}", Location(path)))
