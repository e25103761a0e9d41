"""The kinds of places that a dataset can come from; a new kind is one more class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from convstudy.data.files import PublishedFile, find, locate
from convstudy.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part


class Source(Protocol):
    """Where a dataset comes from."""

    @property
    def digest(self) -> str:
        """One SHA-256 (hex) that stands for the content of the whole dataset."""
        ...

    def fetch(self, dataset: str, download: bool = True) -> None:
        """See to it that both parts can be read later on, without looking into either; ``download`` allows to.

        Raises:
            DataError: if something is missing and cannot be had.
        """
        ...

    def read(self, dataset: str, part: Part) -> Images:
        """Read one part, verify its digest, and touch nothing of the other one.

        Raises:
            DataError: if it is missing, damaged or not what it should be.
        """
        ...

    def read_labels(self, dataset: str, part: Part) -> npt.NDArray[np.int64]:
        """Read the labels of one part, shape (n,), and no image.

        Where only the digest of the whole part is known, the labels are not verified: :meth:`read` does that.

        Raises:
            DataError: if they are missing, damaged or not what they should be.
        """
        ...


@dataclass(frozen=True)
class IdxSource:
    """Four IDX files, published under some mirrors.

    Args:
        train: the files of the training images and labels.
        test: those of the test set.
        mirrors: URLs ending in ``/``, under which the files lie with ``.gz`` appended to their names.
    """

    train: tuple[PublishedFile, PublishedFile]
    test: tuple[PublishedFile, PublishedFile]
    mirrors: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the identities of train images, train labels, test images, test labels."""
        return combine(file.identity for file in (*self.train, *self.test))

    def fetch(self, dataset: str, download: bool = True) -> None:
        """Find the four files or download them; see :func:`convstudy.data.files.locate`."""
        locate(dataset, (*self.train, *self.test), self.mirrors, download)

    def read(self, dataset: str, part: Part) -> Images:
        """Read the two files of one part; see :meth:`Source.read`."""
        import numpy as np

        from convstudy.data.images import Images

        files = self.train if part == "train" else self.test
        pixels, labels = (self._values(dataset, file) for file in files)
        return Images(pixels[..., np.newaxis], labels.astype(np.int64))

    def read_labels(self, dataset: str, part: Part) -> npt.NDArray[np.int64]:
        """Read and verify the file of one part's labels; see :meth:`Source.read_labels`."""
        import numpy as np

        _, file = self.train if part == "train" else self.test
        return self._values(dataset, file).astype(np.int64)

    def _values(self, dataset: str, file: PublishedFile) -> npt.NDArray[np.uint8]:
        """Return the values of one file, verified."""
        from convstudy.data.idx import read_idx

        (path,) = locate(dataset, (file,), self.mirrors)
        found = read_idx(path, file.shape)
        file.verify(path, found)
        return found.values


@dataclass(frozen=True)
class DigitsSource:
    """The images that come with scikit-learn, see :mod:`convstudy.data.digits`.

    Args:
        train_digest: SHA-256 (hex) of the training part, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: that of the test part.
    """

    train_digest: str
    test_digest: str

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of both parts."""
        return combine((f"content {self.train_digest}", f"content {self.test_digest}"))

    def fetch(self, dataset: str, download: bool = True) -> None:
        """Do nothing: the images are embedded in scikit-learn."""

    def read(self, dataset: str, part: Part) -> Images:
        """Scale and return one part; see :meth:`Source.read`."""
        from convstudy.data.digits import read_digits

        expected = self.train_digest if part == "train" else self.test_digest
        mend = "reinstall scikit-learn, or tell us which version of it you have"
        return _verified(read_digits(part), expected, part, dataset, mend)

    def read_labels(self, dataset: str, part: Part) -> npt.NDArray[np.int64]:
        """Return the labels of one part; see :meth:`Source.read_labels`."""
        from convstudy.data.digits import read_digit_labels

        return read_digit_labels(part)


MOST_BYTES_IN_MEMORY = 1 << 28
"""Arrays of more pixels stay in their file: each worker would hold them, and its training part a second time."""


@dataclass(frozen=True)
class ArraySource:
    """Four arrays that somebody put into the dataset's folder, as ``np.save`` writes them.

    They are called ``train-images.npy`` (uint8, (n, height, width, channels)), ``train-labels.npy`` (int64, (n,)),
    ``test-images.npy`` and ``test-labels.npy``. More pixels than ``MOST_BYTES_IN_MEMORY`` are not held in memory.

    Args:
        image_shape: (height, width, channels).
        n_train: how many training images there are.
        n_test: how many test images there are.
        train_digest: SHA-256 (hex) of the training part, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: that of the test part.
    """

    image_shape: tuple[int, int, int]
    n_train: int
    n_test: int
    train_digest: str
    test_digest: str

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of both parts."""
        return combine((f"content {self.train_digest}", f"content {self.test_digest}"))

    def fetch(self, dataset: str, download: bool = True) -> None:
        """Find the four files; there is nowhere to download them from."""
        for part in ("train", "test"):
            for kind in ("images", "labels"):
                _found(dataset, f"{part}-{kind}.npy")

    def read(self, dataset: str, part: Part) -> Images:
        """Map one part, or read it if it is small, and verify its digest; see :meth:`Source.read`."""
        import numpy as np

        from convstudy.data.arrays import PixelFile, map_array
        from convstudy.data.images import Images

        n_images = self.n_train if part == "train" else self.n_test
        path = _found(dataset, f"{part}-images.npy")
        pixels = map_array(path, "|u1", (n_images, *self.image_shape))
        labels = self.read_labels(dataset, part)
        if pixels.nbytes > MOST_BYTES_IN_MEMORY:
            images = Images(pixels, labels, PixelFile.of(pixels, path))
        else:
            images = Images(np.array(pixels), labels)
        expected = self.train_digest if part == "train" else self.test_digest
        return _verified(images, expected, part, str(path.parent), "put a sound copy there")

    def read_labels(self, dataset: str, part: Part) -> npt.NDArray[np.int64]:
        """Read the file of one part's labels; see :meth:`Source.read_labels`."""
        import numpy as np

        from convstudy.data.arrays import map_array

        shape = (self.n_train if part == "train" else self.n_test,)
        return np.array(map_array(_found(dataset, f"{part}-labels.npy"), "<i8", shape), dtype=np.int64)


def _verified(images: Images, expected: str, part: Part, where: str, mend: str) -> Images:
    """Return the images of a part, if their digest is the expected one."""
    got = images.digest()
    if got != expected:
        what = f"the {part} part is not the known one"
        raise DataError(Problem(what, where, f"SHA-256 {got}", f"SHA-256 {expected}", mend))
    return images


def _found(dataset: str, name: str) -> Path:
    """Return where a file of a dataset lies."""
    path = find(dataset, name)
    if path is None:
        mend = f"put it into FOLDER/{dataset}/ and set CONVSTUDY_DATA=FOLDER"
        raise DataError(Problem(f"there is no {name}", where=dataset, mend=mend))
    return path


def combine(identities: Iterable[str]) -> str:
    """Return one SHA-256 (hex) over several identities, one a line, in their order."""
    return hashlib.sha256("".join(f"{identity}\n" for identity in identities).encode("ascii")).hexdigest()
