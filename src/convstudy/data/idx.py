"""A strict reader of IDX files, the format of MNIST.

An IDX file is two zero bytes, a type byte, the number of dimensions, each dimension as a big-endian 32-bit integer, and
the values (Y. LeCun, C. Cortes, C. Burges, "The MNIST database"). The caller passes the expected shape, so the reader
does not rely on the header. The reader reads at most one byte more than this shape needs, and rejects any other file.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

UNSIGNED_BYTE = 0x08
"""The only supported type byte; image datasets use no other."""
HOW_TO_FIX = "delete the file, so that convstudy downloads it, or replace it by an undamaged copy"


@dataclass(frozen=True, eq=False)
class IdxFile:
    """The content of an IDX file.

    Attributes:
        values: uint8, of the expected shape.
        content_digest: the SHA-256 (hex) of the decompressed bytes, header included.
        archive_digest: the SHA-256 (hex) of the .gz file; ``None`` for an uncompressed file.
    """

    values: npt.NDArray[np.uint8]
    content_digest: str
    archive_digest: str | None


def content_size(shape: tuple[int, ...]) -> int:
    """Return the size in bytes of an IDX file of unsigned bytes with this shape, header included."""
    return 4 + 4 * len(shape) + prod(shape)


def read_idx(path: Path, shape: tuple[int, ...]) -> IdxFile:
    """Read one IDX file of unsigned bytes.

    Args:
        path: the file; it must be compressed with gzip if its name ends in ``.gz``.
        shape: the expected dimensions, such as (60000, 28, 28).

    Raises:
        DataError: if the file cannot be read, or is not an IDX file of this shape.
    """
    raw = _read_limited(path, _largest_archive(shape) if path.suffix == ".gz" else content_size(shape))
    if path.suffix == ".gz":
        content, archive_digest = _decompress(raw, content_size(shape), path), hashlib.sha256(raw).hexdigest()
    else:
        content, archive_digest = raw, None
    return IdxFile(_parse(content, shape, path), hashlib.sha256(content).hexdigest(), archive_digest)


def _largest_archive(shape: tuple[int, ...]) -> int:
    # A gzip file is never much larger than its content; the margin covers all programs that write gzip files.
    return content_size(shape) + content_size(shape) // 100 + 65_536


def _refusal(path: Path, what: str, got: str = "", expected: str = "") -> DataError:
    return DataError(Problem(what, Location(str(path)), got, expected, HOW_TO_FIX))


def _read_limited(path: Path, limit: int) -> bytes:
    try:
        with open_regular(path) as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise _refusal(path, f"cannot read the file: {error.strerror or error}") from error
    if len(raw) > limit:
        raise _refusal(path, "the file is too long", f"more than {limit:,} bytes", f"at most {limit:,} bytes")
    return raw


def _decompress(raw: bytes, limit: int, path: Path) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            content = file.read(limit + 1)  # one byte too many is an error, so a gzip bomb is never unpacked
    except EOFError as error:
        raise _refusal(path, "the gzip file ends too early", f"{len(raw):,} bytes") from error
    except (OSError, zlib.error) as error:
        raise _refusal(path, f"this is not a valid gzip file: {error}") from error
    if len(content) > limit:
        got = f"more than {limit:,} bytes when decompressed"
        raise _refusal(path, "the content is too long", got, f"exactly {limit:,} bytes")
    return content


def _parse(content: bytes, shape: tuple[int, ...], path: Path) -> npt.NDArray[np.uint8]:
    import numpy as np

    size, header = content_size(shape), 4 + 4 * len(shape)
    if len(content) < 4:
        raise _refusal(
            path, "the file is too short for an IDX file", f"{len(content)} bytes", "at least 4 bytes"
        )
    if content[:2] != b"\0\0":
        what = "this is not an IDX file, which starts with 00 00 08"
        raise _refusal(path, what, content[:4].hex(" "))
    if content[2] != UNSIGNED_BYTE:
        what = "the type of the values must be 0x08 (unsigned byte)"
        raise _refusal(path, what, f"0x{content[2]:02x}")
    if content[3] != len(shape):
        what = f"the file must have {len(shape)} dimensions, {_text(shape)}"
        raise _refusal(path, what, str(content[3]))
    if len(content) < header:
        raise _refusal(path, "the file ends within its header", f"{len(content)} bytes", f"{size:,} bytes")
    found = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    if found != shape:
        raise _refusal(path, f"the dimensions must be {_text(shape)}", _text(found))
    if len(content) != size:
        what = "the file ends too early" if len(content) < size else "bytes follow the last value"
        raise _refusal(path, what, f"{len(content):,} bytes", f"exactly {size:,} bytes for {_text(shape)}")
    # A copy, because frombuffer gives a read-only array that keeps all bytes of the file in memory.
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape).copy()


def _text(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{size:,}" for size in shape)
