"""One ``.npz`` file with four arrays of uint8 images and integer labels, which a runs folder can refer to.

Datasets of this form need no decoding. :mod:`convstudy.data.sources.npz` reads all forms of ``.npz`` files.
"""

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
    WithoutGroups,
    exists,
    from_json,
    path_from,
    path_within,
)
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part

MAX_BYTES = 1 << 32
"""The largest size of one array in bytes. Arrays are loaded into memory; use ``.npy`` files for larger arrays."""
CHUNK_SIZE = 1 << 20
PATH_FORM = "a .npz file with x_train, y_train, x_test and y_test"
HINT = 'save it again with np.savez, or save four .npy files for source = "npy"'


@dataclass(frozen=True)
class NpzSource(WithoutGroups, PartDigests):
    """One ``.npz`` file with ``x_train``, ``y_train``, ``x_test`` and ``y_test``.

    Images are uint8 of shape (n, height, width) or (n, height, width, channels); labels are integers of shape (n,) or
    (n, 1). Arrays of Python objects are never read.

    Args:
        path: the file.
        train_digest: the SHA-256 (hex) of the training set, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: the SHA-256 (hex) of the test set.
    """

    path: str
    train_digest: str
    test_digest: str

    def fetch(self, download: bool = True) -> None:
        """Check that the file exists; it cannot be downloaded."""
        if not exists(Path(self.path)):
            raise DataError(Problem("there is no such file", Location(self.path), expected=PATH_FORM))

    def read(self, part: Part) -> Images:
        return self.verified(read_part(self.path, part), part, Location(self.path), "restore the file")

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        from convstudy.data.parts import checked_labels

        labels = read_array(self.path, f"y_{part}")
        return checked_labels(labels, len(labels) if labels.ndim else 0, _place(self.path, f"y_{part}"))

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        return {**asdict(self), "path": path_within(self.path, folder)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> NpzSource:
        """Create the source from JSON values; a relative path is relative to ``folder``."""
        read = from_json(cls, values)
        return replace(read, path=path_from(read.path, folder))


def find(path: Path) -> Found:
    """Return the source of a file; all arrays are read once to compute the digests."""
    from convstudy.data.parts import checked_n_classes

    if not exists(path):
        raise DataError(Problem("there is no such file", Location(str(path)), expected=PATH_FORM))
    train, test = read_part(str(path), "train"), read_part(str(path), "test")
    n_classes = checked_n_classes(train, test, Location(str(path)))
    source = NpzSource(str(path.absolute()), train.digest(), test.digest())
    return Found(source, train.image_shape, len(train), len(test), n_classes)


def read_part(path: str, part: Part) -> Images:
    """Return the training or test images of a file. Check types and shapes, not digests."""
    from convstudy.data.parts import checked_images

    pixels, labels = (read_array(path, f"{kind}_{part}") for kind in "xy")
    return checked_images(pixels, labels, (_place(path, f"x_{part}"), _place(path, f"y_{part}")))


def read_array(path: str, name: str) -> npt.NDArray[Any]:
    """Return one array of a file.

    Raises:
        DataError: if there is no such array, or it is damaged, contains objects or is larger than ``MAX_BYTES``.
    """
    where = _place(path, name)
    try:
        with open_regular(Path(path)) as file, zipfile.ZipFile(file) as archive:
            if f"{name}.npy" not in archive.namelist():
                found = ", ".join(archive.namelist()[:10])
                raise DataError(Problem(f"there is no array {name}", Location(path), found, PATH_FORM))
            with archive.open(f"{name}.npy") as member:
                return _read(member, archive.getinfo(f"{name}.npy").file_size, where)
    except DataError:
        raise
    except OSError as error:
        what = f"cannot read the file: {error.strerror or error}"
        raise DataError(Problem(what, where, expected=PATH_FORM)) from None
    except Exception as error:  # zipfile, zlib and NumPy do not document what they raise for a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(Problem(f"this is not a valid .npz file: {reason}", where, hint=HINT)) from None


def _read(member: IO[bytes], size: int, where: Location) -> npt.NDArray[Any]:
    """Return the array of one member.

    It is read in pieces and never beyond the size in its header, because a small archive can unpack to any size.
    """
    import numpy as np

    header = read_header(member)
    shape, dtype, got = header.shape, header.dtype, header.description
    if dtype.kind not in "biuf" or not shape or min(shape) < 1 or header.is_fortran:
        raise DataError(
            Problem("this must be a non-empty array of numbers in C order", where, got, hint=HINT)
        )
    n_bytes = prod(shape) * dtype.itemsize
    if n_bytes > MAX_BYTES:
        expected, hint = f"at most {MAX_BYTES:,} bytes", 'save four .npy files for source = "npy"'
        raise DataError(Problem("this array is too large", where, f"{n_bytes:,} bytes", expected, hint))
    values = np.empty(n_bytes, dtype=np.uint8)
    n_read = 0
    # One byte more than expected is read, to notice extra bytes.
    while piece := member.read(min(CHUNK_SIZE, n_bytes - n_read + 1)):
        if n_read + len(piece) > n_bytes:
            raise DataError(
                Problem("bytes follow the last value", where, f"{size:,} bytes", f"{n_bytes:,} bytes", HINT)
            )
        values[n_read : n_read + len(piece)] = np.frombuffer(piece, np.uint8)
        n_read += len(piece)
    if n_read < n_bytes:
        raise DataError(
            Problem("the array ends too early", where, f"{n_read:,} bytes", f"{n_bytes:,} bytes", HINT)
        )
    return values.view(dtype).reshape(shape)


def _place(path: str, name: str) -> Location:
    return Location(path, key=(name,))


SOURCE = SourceKind("npz", NpzSource, find, PATH_FORM)
