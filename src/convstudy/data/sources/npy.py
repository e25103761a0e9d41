"""Four arrays in a folder, as ``np.save`` writes them: those of a user, and those that a run keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.parts import LABELS_WORDS, PIXELS_WORDS, images_of, n_classes_of
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

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part

MOST_BYTES_IN_MEMORY = 1 << 28
"""Arrays of more pixels stay in their file: each worker would hold them, and its training part a second time."""
PARTS: tuple[Part, Part] = ("train", "test")


@dataclass(frozen=True)
class NpySource(PartDigests):
    """Four arrays in a folder.

    They are called ``train-images.npy`` (uint8, (n, height, width, channels) or (n, height, width)),
    ``train-labels.npy`` (integers, (n,) or (n, 1)), ``test-images.npy`` and ``test-labels.npy``. More pixels than
    ``MOST_BYTES_IN_MEMORY`` are not held in memory.

    Args:
        path: the folder.
        image_shape: (height, width, channels).
        n_train: the number of training images.
        n_test: the number of test images.
        train_digest: SHA-256 (hex) of the training part, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: that of the test part.
    """

    path: str
    image_shape: tuple[int, int, int]
    n_train: int
    n_test: int
    train_digest: str
    test_digest: str

    def fetch(self, download: bool = True) -> None:
        """Find the four files; there is no place to download them from."""
        for part in PARTS:
            for kind in ("images", "labels"):
                _file(self.path, part, kind)

    def read(self, part: Part) -> Images:
        """Map one part, or read it if it is small, and verify its digest; see :meth:`.Source.read`."""
        images = read_part(self.path, part)
        return self.verified(
            images, part, Location(self.path), "restore the files, or use them as a new dataset"
        )

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        """Read the file of one part's labels; see :meth:`.Source.read_labels`."""
        from convstudy.data.arrays import open_array
        from convstudy.data.parts import checked_labels

        path = _file(self.path, part, "labels")
        n_images = self.n_train if part == "train" else self.n_test
        return checked_labels(open_array(path, "iu", LABELS_WORDS), n_images, Location(str(path)))

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back; a path in ``folder`` is relative to it."""
        return {**asdict(self), "path": path_within(self.path, folder)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> NpySource:
        """Return the source of these plain values; raise ``ValueError`` where they are of no such source."""
        read = from_json(cls, values)
        return replace(read, path=path_from(read.path, folder))


def find(path: Path) -> Found:
    """Return what the files in a folder hold; both parts are read once, for their digests."""
    if not is_there(path) or not path.is_dir():
        what = "this must be a folder with four arrays" if is_there(path) else "there is no such folder"
        raise DataError(Problem(what, Location(str(path)), expected=PATH_WORDS))
    train, test = (read_part(str(path), part) for part in PARTS)
    n_classes = n_classes_of(train, test, Location(str(path)))
    shape, counts, digests = train.image_shape, (len(train), len(test)), (train.digest(), test.digest())
    return Found(NpySource(str(path.absolute()), shape, *counts, *digests), shape, *counts, n_classes)


def read_part(folder: str, part: Part) -> Images:
    """Map one part of a folder, or read it if it is small; nothing is verified but types and shapes."""
    import numpy as np

    from convstudy.data.arrays import PixelFile, open_array

    path, labels_path = _file(folder, part, "images"), _file(folder, part, "labels")
    where = Location(str(path)), Location(str(labels_path))
    pixels, labels = open_array(path, "iufb", PIXELS_WORDS), open_array(labels_path, "iufb", LABELS_WORDS)
    if pixels.nbytes <= MOST_BYTES_IN_MEMORY:
        return images_of(np.array(pixels), labels, where)
    images = images_of(pixels, labels, where)
    assert isinstance(images.pixels, np.memmap)  # a view of it, with a last axis for one channel
    return replace(images, file=PixelFile.of(images.pixels, path))


def _file(folder: str, part: Part, kind: str) -> Path:
    """Return the path of a file."""
    path = Path(folder) / f"{part}-{kind}.npy"
    if not is_there(path):
        raise DataError(Problem(f"there is no {path.name}", where=Location(folder), expected=PATH_WORDS))
    return path


PATH_WORDS = "a folder with train-images.npy, train-labels.npy, test-images.npy and test-labels.npy"
SOURCE = SourceKind("npy", NpySource, find, PATH_WORDS)
