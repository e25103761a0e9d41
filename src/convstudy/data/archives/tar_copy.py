"""An uncompressed copy of a compressed tar archive in the cache.

Images are read in any order and by several processes, but compressed data can only be read from its start.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from convstudy.atomic_write import atomic_write
from convstudy.data.archives.tar_members import BLOCK
from convstudy.data.files import cache_folder
from convstudy.data.folders.image_files import reason
from convstudy.data.listing import Stamp
from convstudy.errors import DataError, Location, Problem
from convstudy.numbers import counted

FOLDER = "tar-copies"
MAX_COPY_BYTES = 64 << 30
"""The largest size of a copy in bytes, because a small file can unpack to any size."""
MIN_FREE_BYTES = 1 << 30
"""The free space in bytes that a copy leaves on the disk."""
MAX_DECODER_BYTES = 256 << 20
"""The largest memory of the xz decoder in bytes. The strongest preset of xz needs 65 MB."""
CHUNK_BYTES = 1 << 20
CHECK_BYTES = 64 << 20
"""The number of bytes between two checks of the free space."""

GZIP, BZIP2, XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
MAGICS = (GZIP, BZIP2, XZ)
HINT = "decompress the archive to a .tar file, or unpack it"


def unpacked_copy(file: IO[bytes], path: str, stamp: Stamp) -> Path:
    """Return the path of the uncompressed copy of an archive. It is written if there is none of this stamp.

    Args:
        file: the archive.
        path: its absolute path; copies of earlier content of this path are removed.
        stamp: its stamp.

    Raises:
        DataError: if the archive is damaged or too large, or the copy cannot be written.
    """
    key = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    copy = cache_folder() / FOLDER / f"{key}-{'-'.join(map(str, stamp))}.tar"
    try:
        if copy.is_file():
            # Its last use. The modification time stays, because readers compare it.
            os.utime(copy, ns=(time.time_ns(), copy.stat().st_mtime_ns))
            return copy
        for old in copy.parent.glob(f"{key}-*.tar"):
            with contextlib.suppress(OSError):  # another process can have removed it
                old.unlink()
        with atomic_write(copy) as partial:
            _write(file, partial, path)
    except OSError as error:
        what = f"cannot write an uncompressed copy to {copy.parent}: {reason(error)}"
        raise DataError(Problem(what, Location(path), hint=HINT)) from None
    return copy


def first_block(file: IO[bytes]) -> bytes:
    """Return the first 512 bytes of the content of a compressed file; nothing if it is damaged."""
    block = b""
    with contextlib.suppress(OSError, EOFError, ValueError, lzma.LZMAError, zlib.error):
        for chunk in _chunks(file):
            block += chunk
            if len(block) >= BLOCK:
                break
    return block[:BLOCK]


def _write(file: IO[bytes], copy: Path, path: str) -> None:
    n_bytes = unchecked = 0
    with copy.open("wb") as output:
        for chunk in _readable(_chunks(file), path):
            n_bytes += len(chunk)
            unchecked += len(chunk)
            if n_bytes > MAX_COPY_BYTES:
                what = f"the archive has more than {counted(MAX_COPY_BYTES, 'byte')} of files"
                raise DataError(Problem(what, Location(path), hint=HINT))
            if unchecked >= CHECK_BYTES or n_bytes == len(chunk):
                unchecked = 0
                if shutil.disk_usage(copy.parent).free < MIN_FREE_BYTES:
                    what = f"the disk of {copy.parent} has too little space for an uncompressed copy"
                    raise DataError(
                        Problem(what, Location(path), hint=f"set CONVSTUDY_CACHE to a larger disk; or {HINT}")
                    )
            output.write(chunk)


def _readable(chunks: Iterator[bytes], path: str) -> Iterator[bytes]:
    """Yield the chunks; raise :class:`DataError` if the compressed data is damaged."""
    try:
        yield from chunks
    except (gzip.BadGzipFile, EOFError, ValueError, lzma.LZMAError, zlib.error, OSError) as error:
        why = "it ends too early" if isinstance(error, EOFError) else reason(error)
        raise DataError(
            Problem(f"the compressed data of this archive is damaged: {why}", Location(path))
        ) from None


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the content of a compressed file in pieces of up to :data:`CHUNK_BYTES`."""
    file.seek(0)
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(GZIP):
        with gzip.GzipFile(fileobj=file) as unpacked:
            while chunk := unpacked.read(CHUNK_BYTES):
                yield chunk
        return
    decoder, data = _decoder(magic), b""
    while True:
        if decoder.needs_input and not data:
            data = file.read(CHUNK_BYTES)
            if not data:
                raise EOFError
        yield decoder.decompress(data, CHUNK_BYTES)
        data = b""
        if decoder.eof:
            # Parallel compressors write several streams, and xz can add zeros.
            data = (decoder.unused_data or file.read(CHUNK_BYTES)).lstrip(b"\0")
            if not data:
                return
            decoder = _decoder(magic)


def _decoder(magic: bytes) -> bz2.BZ2Decompressor | lzma.LZMADecompressor:
    if magic.startswith(BZIP2):
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(memlimit=MAX_DECODER_BYTES)
