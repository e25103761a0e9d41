"""One ``.npz`` file with four arrays, as ``np.savez`` writes it and Keras publishes MNIST."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from convstudy.data.arrays import read_header
from convstudy.data.source import (
    Found,
    PartDigests,
    SourceKind,
    from_json,
    is_there,
    path_from,
    path_within,
)
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part

MOST_BYTES = 1 << 32
"""Of one array. All of it is in memory; larger arrays stay in their file as ``.npy``."""
READ_AT_ONCE = 1 << 20
PATH_WORDS = "a .npz file with x_train, y_train, x_test and y_test"
HINT = 'save it again with np.savez, or the four arrays apart for source = "npy"'


@dataclass(frozen=True)
class NpzSource(PartDigests):
    """One ``.npz`` file with ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Images are uint8 of shape (n, height, width) or (n, height, width, channels), labels integers of shape (n,) or
    (n, 1). No array of Python objects is ever read.

    Args:
        path: the file.
        train_digest: SHA-256 (hex) of the training part, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: that of the test part.
    """

    path: str
    train_digest: str
    test_digest: str

    def fetch(self, download: bool = True) -> None:
        """Find the file; there is no place to download it from."""
        if not is_there(Path(self.path)):
            raise DataError(Problem("there is no such file", Location(self.path), expected=PATH_WORDS))

    def read(self, part: Part) -> Images:
        """Read one part and verify its digest; see :meth:`.Source.read`."""
        return self.verified(read_part(self.path, part), part, Location(self.path), "restore the file")

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        """Read the labels of one part; see :meth:`.Source.read_labels`."""
        from convstudy.data.parts import checked_labels

        labels = read_array(self.path, f"y_{part}")
        return checked_labels(labels, len(labels) if labels.ndim else 0, _place(self.path, f"y_{part}"))

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back; a path in ``folder`` is relative to it."""
        return {**asdict(self), "path": path_within(self.path, folder)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> NpzSource:
        """Return the source of these plain values; raise ``ValueError`` where they are of no such source."""
        read = from_json(cls, values)
        return replace(read, path=path_from(read.path, folder))


def find(path: Path) -> Found:
    """Return what a file holds; both parts are read once, for their digests."""
    from convstudy.data.parts import n_classes_of

    if not is_there(path):
        raise DataError(Problem("there is no such file", Location(str(path)), expected=PATH_WORDS))
    train, test = read_part(str(path), "train"), read_part(str(path), "test")
    n_classes = n_classes_of(train, test, Location(str(path)))
    source = NpzSource(str(path.absolute()), train.digest(), test.digest())
    return Found(source, train.image_shape, len(train), len(test), n_classes)


def read_part(path: str, part: Part) -> Images:
    """Return one part of a file, with types and shapes checked and nothing verified."""
    from convstudy.data.parts import images_of

    pixels, labels = (read_array(path, f"{kind}_{part}") for kind in "xy")
    return images_of(pixels, labels, (_place(path, f"x_{part}"), _place(path, f"y_{part}")))


def read_array(path: str, name: str) -> npt.NDArray[Any]:
    """Return one array of a file.

    Raises:
        DataError: where there is none of that name, or it is damaged, has objects, or is larger than ``MOST_BYTES``.
    """
    where = _place(path, name)
    try:
        with open_regular(Path(path)) as file, zipfile.ZipFile(file) as archive:
            if f"{name}.npy" not in archive.namelist():
                found = ", ".join(archive.namelist()[:10])
                raise DataError(Problem(f"there is no array {name}", Location(path), found, PATH_WORDS))
            with archive.open(f"{name}.npy") as member:
                return _read(member, archive.getinfo(f"{name}.npy").file_size, where)
    except DataError:
        raise
    except OSError as error:
        what = "cannot read the file"
        raise DataError(Problem(what, where, error.strerror or str(error), PATH_WORDS)) from None
    except Exception as error:  # what zipfile, zlib and NumPy raise over a damaged file is not documented
        got = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(Problem("this is not a sound .npz file", where, got, PATH_WORDS, HINT)) from None


def _read(member: IO[bytes], size: int, where: Location) -> npt.NDArray[Any]:
    """Return the array of one member, read a piece at a time and never more than its header says."""
    import numpy as np

    header = read_header(member)
    shape, dtype, got = header.shape, header.dtype, header.description
    if dtype.kind not in "biuf" or not shape or min(shape) < 1 or header.is_fortran:
        expected = "an array of numbers that is not empty, in C order"
        raise DataError(Problem("this array cannot be used", where, got, expected, HINT))
    n_bytes = prod(shape) * dtype.itemsize
    if n_bytes > MOST_BYTES:
        expected, hint = f"at most {MOST_BYTES:,} bytes", 'the four arrays apart, for source = "npy"'
        raise DataError(Problem("this array is too large", where, f"{n_bytes:,} bytes", expected, hint))
    values = np.empty(n_bytes, dtype=np.uint8)
    n_read = 0
    while piece := member.read(min(READ_AT_ONCE, n_bytes - n_read + 1)):
        if n_read + len(piece) > n_bytes:
            raise DataError(
                Problem("bytes follow the last value", where, f"{size:,} bytes in all", hint=HINT)
            )
        values[n_read : n_read + len(piece)] = np.frombuffer(piece, np.uint8)
        n_read += len(piece)
    if n_read < n_bytes:
        raise DataError(
            Problem("the array ends too early", where, f"{n_read:,} bytes", f"{n_bytes:,} bytes", HINT)
        )
    return values.view(dtype).reshape(shape)


def _place(path: str, name: str) -> Location:
    """Return where an array of a file is."""
    return Location(path, key=(name,))


SOURCE = SourceKind("npz", NpzSource, find, PATH_WORDS)
