"""The index of decoded images: which row of the pixel file has which image, and what is known about each image.

The index is one file, which is replaced as a whole (:mod:`convstudy.atomic_write`). It begins with the SHA-256 of the
rest, so a damaged index is recognised and never used. It contains arrays and one JSON value, and no code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.atomic_write import atomic_write
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAGIC = b"convstudy index 1\n"
DIGEST_BYTES = 32
"""The size of a SHA-256."""
EXACT_BYTES = 16
"""The size of the hash of an image's pixels, see :class:`~convstudy.data.audit.perceptual_hashes.PerceptualHashes`."""

_COLUMNS: dict[str, tuple[str, tuple[int, ...]]] = {
    "stamps": ("<i8", (3,)),
    "rows": ("<i8", ()),
    "digests": ("|u1", (DIGEST_BYTES,)),
    "exact": ("|u1", (EXACT_BYTES,)),
    "constant": ("|u1", ()),
    "header_ids": ("<i4", ()),
    "failure_ids": ("<i4", ()),
}
"""The arrays of an index: dtype, and the shape of one image's value."""


@dataclass(frozen=True, eq=False)
class Index:
    """What is known about n images of one source.

    Attributes:
        names: the names of the images, see :func:`joined`.
        stamps: int64 (n, 3), the stamp of each image at the time when it was read.
        rows: int64 (n,), the row of each image in the pixel file; -1 for an image that cannot be decoded.
        digests: uint8 (n, 32), the SHA-256 of the content of each image.
        exact: uint8 (n, 16), the BLAKE2b hash of the pixels of each image; it also verifies the pixel file.
        constant: uint8 (n,), 1 if all pixels of an image are equal.
        header_ids: int32 (n,), the number of each image's header in ``headers``; -1 without a header.
        failure_ids: int32 (n,), the number of the reason in ``failures``; -1 for a decoded image.
        headers: the different headers, as JSON text.
        failures: the different reasons why images cannot be decoded.
        n_rows: the number of rows of the pixel file that are in use or were used.
        generation: the number of the pixel file.
        libraries: the versions of the image libraries; with others, a failure is tried again.
    """

    names: bytes
    stamps: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    digests: npt.NDArray[np.uint8]
    exact: npt.NDArray[np.uint8]
    constant: npt.NDArray[np.uint8]
    header_ids: npt.NDArray[np.int32]
    failure_ids: npt.NDArray[np.int32]
    headers: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    n_rows: int = 0
    generation: int = 0
    libraries: str = ""

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.rows)


def joined(names: Sequence[str]) -> bytes:
    """Return names as one value that is quick to compare; a path cannot contain the separator."""
    return "\0".join(names).encode("utf-8", "surrogatepass")


def split(names: bytes) -> list[str]:
    """Return the names of :func:`joined`."""
    return names.decode("utf-8", "surrogatepass").split("\0") if names else []


def empty_columns(n_images: int) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an index of images about which nothing is known: -1 and 0."""
    import numpy as np

    unknown = {"stamps", "rows", "header_ids", "failure_ids"}
    return {
        name: np.full((n_images, *shape), -1 if name in unknown else 0, dtype=dtype)
        for name, (dtype, shape) in _COLUMNS.items()
    }


def write_index(index: Index, path: Path) -> None:
    """Write an index atomically.

    Raises:
        OSError: if the file cannot be written.
    """
    import numpy as np

    about = {
        "n": len(index),
        "n_name_bytes": len(index.names),
        "headers": index.headers,
        "failures": index.failures,
        "n_rows": index.n_rows,
        "generation": index.generation,
        "libraries": index.libraries,
    }
    text = json.dumps(about).encode("ascii")
    pieces: list[bytes | memoryview] = [len(text).to_bytes(8, "little"), text, index.names]
    pieces += [
        np.ascontiguousarray(getattr(index, name), dtype).data for name, (dtype, _) in _COLUMNS.items()
    ]
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    with atomic_write(path) as partial, partial.open("wb") as file:
        file.write(MAGIC + digest.digest())
        for piece in pieces:
            file.write(piece)


def read_index(path: Path) -> Index | None:
    """Return the index of a file; ``None`` if there is none, it is damaged, or another version wrote it."""
    import numpy as np

    try:
        with open_regular(path) as file:
            content = memoryview(file.read())
    except OSError:
        return None
    start = len(MAGIC) + DIGEST_BYTES
    is_whole = len(content) > start + 8 and content[: len(MAGIC)] == MAGIC
    if not is_whole or hashlib.sha256(content[start:]).digest() != content[len(MAGIC) : start]:
        return None
    # The digest is right, so convstudy wrote all of the rest.
    end = start + 8 + int.from_bytes(content[start : start + 8], "little")
    about = json.loads(bytes(content[start + 8 : end]))
    n, names = about.pop("n"), bytes(content[end : end + about["n_name_bytes"]])
    end += about.pop("n_name_bytes")
    columns: dict[str, Any] = {}
    for name, (dtype, shape) in _COLUMNS.items():
        n_values = n * int(np.prod(shape, dtype=int))
        columns[name] = np.frombuffer(content, dtype, n_values, end).reshape(n, *shape)
        end += columns[name].nbytes
    about["headers"], about["failures"] = tuple(about["headers"]), tuple(about["failures"])
    return Index(names, **columns, **about)
