"""The IDX file format (MNIST and its kin), read strictly.

An IDX file is two zero bytes, a type byte, the number of dimensions, each dimension as a big-endian
32-bit integer, and then the values (Y. LeCun, C. Cortes, C. Burges, "The MNIST database"). The reader is
told the shape it has to find, so it never believes a header: it reads at most one byte more than that
shape needs, and refuses everything that is not exactly it.
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
"""The only type byte that is read; image sets use no other."""
HOW_TO_FIX = "delete the file; convstudy then downloads it, or put a sound copy there"


@dataclass(frozen=True, eq=False)
class IdxFile:
    """What an IDX file holds.

    ``values`` is uint8 of the shape that was asked for; ``content_digest`` is the SHA-256 (hex) of the
    decompressed bytes, header included; ``archive_digest`` that of the .gz, None for a plain file.
    """

    values: npt.NDArray[np.uint8]
    content_digest: str
    archive_digest: str | None


def content_size(shape: tuple[int, ...]) -> int:
    """Return how many bytes an IDX file of bytes with this shape has, header included."""
    return 4 + 4 * len(shape) + prod(shape)


def read_idx(path: Path, shape: tuple[int, ...]) -> IdxFile:
    """Read one IDX file of unsigned bytes; it is gzip if its name ends in ``.gz``.

    Args:
        path: the file.
        shape: the dimensions that it must have, such as (60000, 28, 28).

    Raises:
        DataError: if the file cannot be read, or is anything but a file of that shape.
    """
    raw = _read_limited(path, _largest_archive(shape) if path.suffix == ".gz" else content_size(shape))
    if path.suffix == ".gz":
        content, archive_digest = _decompress(raw, content_size(shape), path), hashlib.sha256(raw).hexdigest()
    else:
        content, archive_digest = raw, None
    return IdxFile(_parse(content, shape, path), hashlib.sha256(content).hexdigest(), archive_digest)


def _largest_archive(shape: tuple[int, ...]) -> int:
    # gzip never makes a file much larger than its content, whatever wrote it
    return content_size(shape) + content_size(shape) // 100 + 65_536


def _refusal(path: Path, what: str, got: str, expected: str = "") -> DataError:
    return DataError(Problem(what, Location(str(path)), got, expected, HOW_TO_FIX))


def _read_limited(path: Path, limit: int) -> bytes:
    try:
        with open_regular(path) as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise _refusal(path, "cannot read the file", error.strerror or str(error)) from error
    if len(raw) > limit:
        raise _refusal(path, "the file is too long", f"more than {limit:,} bytes", f"at most {limit:,} bytes")
    return raw


def _decompress(raw: bytes, limit: int, path: Path) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            content = file.read(limit + 1)  # one byte too many is enough to know; a bomb is never unpacked
    except EOFError as error:
        raise _refusal(
            path, "the gzip file ends too early", f"{len(raw):,} bytes", "a whole gzip file"
        ) from error
    except (OSError, zlib.error) as error:
        raise _refusal(path, "this is not a sound gzip file", str(error), "gzip") from error
    if len(content) > limit:
        got = f"more than {limit:,} bytes when decompressed"
        raise _refusal(path, "the content is too long", got, f"exactly {limit:,} bytes")
    return content


def _parse(content: bytes, shape: tuple[int, ...], path: Path) -> npt.NDArray[np.uint8]:
    import numpy as np

    size, header = content_size(shape), 4 + 4 * len(shape)
    if len(content) < 4:
        raise _refusal(path, "too short for an IDX file", f"{len(content)} bytes", "at least 4 bytes")
    if content[:2] != b"\0\0":
        raise _refusal(path, "this is not an IDX file", f"it starts with {content[:4].hex(' ')}", "00 00 08")
    if content[2] != UNSIGNED_BYTE:
        got = f"type 0x{content[2]:02x}"
        raise _refusal(path, "values of a type that is not read", got, "0x08 (unsigned byte)")
    if content[3] != len(shape):
        expected = f"{len(shape)}, for {_text(shape)}"
        raise _refusal(path, "the wrong number of dimensions", str(content[3]), expected)
    if len(content) < header:
        raise _refusal(path, "the file ends within its header", f"{len(content)} bytes", f"{size:,} bytes")
    found = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    if found != shape:
        raise _refusal(path, "the wrong dimensions", _text(found), _text(shape))
    if len(content) != size:
        what = "the file ends too early" if len(content) < size else "bytes follow the last value"
        raise _refusal(path, what, f"{len(content):,} bytes", f"exactly {size:,} bytes, for {_text(shape)}")
    # a copy, so that the array can be written to and the file's bytes can be let go
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape).copy()


def _text(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{size:,}" for size in shape)
