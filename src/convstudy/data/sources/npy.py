"""Four ``.npy`` files in a folder: those of a user, and those that a run writes into its runs folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.array_files.npy import LISTED_SOURCE
from convstudy.data.images import n_groups
from convstudy.data.parts import LABELS_FORM, PIXELS_FORM, checked_images, checked_n_classes
from convstudy.data.source import (
    Found,
    PartDigests,
    SourceKind,
    exists,
    from_json,
    path_from,
    path_within,
)
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part

MAX_BYTES_IN_MEMORY = 1 << 28
"""Larger images stay in their file, because each worker would hold all images and its training split in memory."""
PARTS: tuple[Part, Part] = ("train", "test")


@dataclass(frozen=True)
class NpySource(PartDigests):
    """Four ``.npy`` files in a folder.

    Their names are ``train-images.npy`` (uint8 of shape (n, height, width, channels) or (n, height, width)),
    ``train-labels.npy`` (integers of shape (n,) or (n, 1)), ``test-images.npy`` and ``test-labels.npy``. Images of more
    than ``MAX_BYTES_IN_MEMORY`` bytes stay in their file. Optional files ``train-groups.npy`` and ``test-groups.npy``
    (integers or texts of shape (n,)) have the group of each image, and ``train-weights.npy`` (positive numbers of shape
    (n,)) has the weight of each training image in the loss.

    Args:
        path: the folder.
        image_shape: (height, width, channels).
        n_train: the number of training images.
        n_test: the number of test images.
        train_digest: the SHA-256 (hex) of the training set, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: the SHA-256 (hex) of the test set.
        n_groups: the number of groups of the training images; 0 if they have no groups.
        has_times: whether the training images have times.
    """

    path: str
    image_shape: tuple[int, int, int]
    n_train: int
    n_test: int
    train_digest: str
    test_digest: str
    n_groups: int = 0
    has_times: bool = False

    def fetch(self, download: bool = True) -> None:
        """Check that the four files exist; they cannot be downloaded."""
        for part in PARTS:
            for kind in ("images", "labels"):
                _file(self.path, part, kind)

    def read(self, part: Part) -> Images:
        """Map the training or test images, or load them if they are small, and verify their digest."""
        images = read_part(self.path, part)
        return self.verified(
            images, part, Location(self.path), "restore the files, or use them as a new dataset"
        )

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        from convstudy.data.arrays import open_array
        from convstudy.data.parts import checked_labels

        path = _file(self.path, part, "labels")
        n_images = self.n_train if part == "train" else self.n_test
        return checked_labels(open_array(path, "iu", LABELS_FORM), n_images, Location(str(path)))

    def read_groups(self, part: Part) -> npt.NDArray[np.int64] | None:
        return _groups(self.path, part, self.n_train if part == "train" else self.n_test)

    def read_times(self, part: Part) -> npt.NDArray[np.int64] | None:
        return _times(self.path, self.n_train) if part == "train" else None

    @property
    def keys(self) -> Mapping[str, Any]:
        return {"source": "npy", "path": self.path}

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        values = {**asdict(self), "path": path_within(self.path, folder)}
        if not self.n_groups:  # datasets without groups keep their JSON values
            del values["n_groups"]
        if not self.has_times:
            del values["has_times"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> NpySource:
        """Create the source from JSON values; a relative path is relative to ``folder``."""
        read = from_json(cls, values)
        return replace(read, path=path_from(read.path, folder))


def has_four_arrays(path: Path) -> bool:
    """Return whether a folder has the four files, with images of uint8; other arrays are decoded first."""
    from convstudy.data.arrays import open_array

    try:
        paths = [_file(str(path), part, kind) for part in PARTS for kind in ("images", "labels")]
        return all(open_array(each, "iufb", PIXELS_FORM).dtype == "uint8" for each in paths[::2])
    except DataError:
        return False


def find(path: Path) -> Found:
    """Return the source of the files in a folder; all files are read once to compute the digests."""
    if not exists(path) or not path.is_dir():
        what = "this must be a folder" if exists(path) else "there is no such folder"
        raise DataError(Problem(what, Location(str(path)), expected=PATH_FORM))
    train, test = (read_part(str(path), part) for part in PARTS)
    n_classes = checked_n_classes(train, test, Location(str(path)))
    shape, counts, digests = train.image_shape, (len(train), len(test)), (train.digest(), test.digest())
    source = NpySource(
        str(path.absolute()), shape, *counts, *digests, n_groups(train), train.times is not None
    )
    return Found(source, shape, *counts, n_classes)


def read_part(folder: str, part: Part) -> Images:
    """Map the training or test images, or load them if they are small. Check types and shapes, not digests."""
    import numpy as np

    from convstudy.data.arrays import PixelFile, open_array

    path, labels_path = _file(folder, part, "images"), _file(folder, part, "labels")
    where = Location(str(path)), Location(str(labels_path))
    pixels, labels = open_array(path, "iufb", PIXELS_FORM), open_array(labels_path, "iufb", LABELS_FORM)
    # np.array copies the map into memory.
    if pixels.nbytes <= MAX_BYTES_IN_MEMORY:
        images = checked_images(np.array(pixels), labels, where)
    else:
        images = checked_images(pixels, labels, where)
        assert isinstance(images.pixels, np.memmap)  # a view of the map, with an axis for a single channel
        images = replace(images, file=PixelFile.of(images.pixels, path))
    weights = _weights(folder, len(images)) if part == "train" else None
    times = _times(folder, len(images)) if part == "train" else None
    return replace(images, groups=_groups(folder, part, len(images)), weights=weights, times=times)


def _groups(folder: str, part: Part, n_images: int) -> npt.NDArray[np.int64] | None:
    """Return the groups of a part, or ``None`` if the folder has no file of groups."""
    from convstudy.data.arrays import open_array
    from convstudy.data.parts import GROUPS_FORM, checked_groups

    path = Path(folder) / f"{part}-groups.npy"
    if not exists(path):
        return None
    return checked_groups(open_array(path, "iubU", GROUPS_FORM), n_images, Location(str(path)))


def _times(folder: str, n_images: int) -> npt.NDArray[np.int64] | None:
    """Return the ranks of the times of the training images, or ``None`` if the folder has no file of times."""
    from convstudy.data.arrays import open_array
    from convstudy.data.times import checked_times

    path = Path(folder) / "train-times.npy"
    if not exists(path):
        return None
    return checked_times(open_array(path, "iufM", "numbers or datetime64"), n_images, Location(str(path)))


def _weights(folder: str, n_images: int) -> npt.NDArray[np.float32] | None:
    """Return the weights of the training images, or ``None`` if the folder has no file of weights."""
    from convstudy.data.arrays import open_array
    from convstudy.data.parts import WEIGHTS_FORM, checked_weights

    path = Path(folder) / "train-weights.npy"
    if not exists(path):
        return None
    return checked_weights(open_array(path, "iuf", WEIGHTS_FORM), n_images, Location(str(path)))


def _file(folder: str, part: Part, kind: str) -> Path:
    """Return the path of one of the four files; raise :class:`DataError` if it does not exist."""
    path = Path(folder) / f"{part}-{kind}.npy"
    if not exists(path):
        raise DataError(Problem(f"there is no {path.name}", where=Location(folder), expected=PATH_FORM))
    return path


PATH_FORM = "a folder with train-images.npy, train-labels.npy, test-images.npy and test-labels.npy"
SOURCE = SourceKind("npy", NpySource, find, PATH_FORM)

__all__ = ["LISTED_SOURCE", "SOURCE", "NpySource"]
