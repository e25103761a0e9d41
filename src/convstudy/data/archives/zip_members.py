"""Lists and reads the files of a zip archive. Each file is read by its offset, so that processes share nothing."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from typing import IO

from convstudy.data.archives import members
from convstudy.data.archives.members import Collector
from convstudy.errors import DataError, Location, Problem

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
METHODS = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 98: "ppmd"}
"""Names of methods that are refused, for errors."""
_LOCAL_HEADER = struct.Struct("<4s5HLLL2H")  # 30 bytes; the last two are the lengths of name and extra field
_END = struct.Struct("<4s4H2LH")  # the end record: 22 bytes
_END_64 = struct.Struct("<4sQ2H2L4Q")  # the end record of large archives: 56 bytes
_LOCATOR_BYTES = 20
_MAX_COMMENT = 0xFFFF
_MAX_ENTRY_BYTES = (
    400  # of an entry of the directory on average: 46 bytes, the name, times and other extra fields
)


def list_zip(file: IO[bytes], n_bytes: int, path: str) -> Collector:
    """Collect the names and offsets of a zip archive.

    Args:
        file: the archive.
        n_bytes: its size.
        path: its path, for errors.

    Raises:
        DataError: if the archive is damaged, encrypted or has too many names.
    """
    _check_number(file, n_bytes, path)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except Exception as error:  # zipfile does not document what it raises for a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(Problem(f"this is not a valid zip archive: {reason}", Location(path))) from None
    if any(entry.flag_bits & 1 for entry in entries):
        hint = "decrypt it, and create the archive again without a password"
        raise DataError(Problem("the archive is encrypted", Location(path), hint=hint))
    if any(not 0 <= entry.header_offset < n_bytes for entry in entries):
        raise DataError(Problem("this is not a valid zip archive: files are outside of it", Location(path)))
    if sum(entry.compress_size for entry in entries) > n_bytes:
        raise DataError(
            Problem("files in this archive overlap, so it is no ordinary archive", Location(path))
        )
    collector = Collector(path)
    for entry in entries:
        name = _name(entry)
        if stat.S_ISLNK(entry.external_attr >> 16):
            collector.problem(name, "this is a symbolic link", hint="create the archive again without zip -y")
        elif entry.compress_type not in (STORED, DEFLATED) and not name.endswith("/"):
            got = METHODS.get(entry.compress_type, f"method {entry.compress_type}")
            collector.problem(name, "the compression is not supported", got, '"deflate" or "store"')
        else:
            collector.add(
                name,
                name.endswith("/"),
                entry.header_offset,
                entry.compress_size,
                entry.file_size,
                entry.compress_type,
                entry.CRC,
            )
    return collector


def read_zip(file: IO[bytes], offset: int, stored: int, size: int, method: int, checksum: int) -> bytes:
    """Return one file of a zip archive. Memory is bounded by its stored and its declared size.

    Raises:
        ValueError: if the file is damaged.
    """
    file.seek(offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
        raise ValueError("its header is damaged")
    *_, n_name, n_extra = _LOCAL_HEADER.unpack(header)
    file.seek(offset + _LOCAL_HEADER.size + n_name + n_extra)
    data = file.read(stored)
    if method == DEFLATED:
        decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # One byte more than declared shows a wrong size.
            data = decompressor.decompress(data, size + 1)
        except zlib.error as error:
            raise ValueError(f"its compressed data is damaged ({error})") from None
    if len(data) != size:
        raise ValueError(f"it has another size than the {size:,} bytes that the archive declares")
    if zlib.crc32(data) != checksum:
        raise ValueError("its checksum is wrong")
    return data


def _name(entry: zipfile.ZipInfo) -> str:
    """Return the name of a file. Programs of macOS write UTF-8 without the flag that says so."""
    name = entry.orig_filename
    if not entry.flag_bits & 0x800 and not name.isascii():
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name


def _check_number(file: IO[bytes], n_bytes: int, path: str) -> None:
    """Raise if the directory of the archive can have too many entries, before all of them are read into memory."""
    start = max(n_bytes - _END.size - _MAX_COMMENT, 0)
    file.seek(start)
    tail = file.read()
    at = len(tail) - _END.size
    if not (tail[at:].startswith(b"PK\5\6") and tail.endswith(b"\0\0")):
        at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END.size:
        return  # zipfile reports it
    _, _, _, _, n_entries, n_directory, _, _ = _END.unpack_from(tail, at)
    if start + at >= _LOCATOR_BYTES + _END_64.size:
        file.seek(start + at - _LOCATOR_BYTES - _END_64.size)
        record = file.read(_END_64.size)
        if record.startswith(b"PK\6\6"):
            *_, n_entries, n_directory, _ = _END_64.unpack(record)
    # The number of entries can be wrong; zipfile follows the size of the directory.
    if n_entries > members.MAX_NAMES or n_directory > members.MAX_NAMES * _MAX_ENTRY_BYTES:
        got, expected = f"{n_entries:,}", f"at most {members.MAX_NAMES:,}"
        raise DataError(Problem("there are too many names in this archive", Location(path), got, expected))
