"""Four arrays in a folder, as ``np.save`` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.source import SourceKind, combine, from_plain, verified
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part

MOST_BYTES_IN_MEMORY = 1 << 28
"""Arrays of more pixels stay in their file: each worker would hold them, and its training part a second time."""


@dataclass(frozen=True)
class NpySource:
    """Four arrays in a folder.

    They are called ``train-images.npy`` (uint8, (n, height, width, channels)), ``train-labels.npy`` (int64, (n,)),
    ``test-images.npy`` and ``test-labels.npy``. More pixels than ``MOST_BYTES_IN_MEMORY`` are not held in memory.

    Args:
        folder: the path of the folder.
        image_shape: (height, width, channels).
        n_train: the number of training images.
        n_test: the number of test images.
        train_digest: SHA-256 (hex) of the training part, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: that of the test part.
    """

    folder: str
    image_shape: tuple[int, int, int]
    n_train: int
    n_test: int
    train_digest: str
    test_digest: str

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of both parts."""
        return combine((f"content {self.train_digest}", f"content {self.test_digest}"))

    def fetch(self, download: bool = True) -> None:
        """Find the four files; there is no place to download them from."""
        for part in ("train", "test"):
            for kind in ("images", "labels"):
                self._found(f"{part}-{kind}.npy")

    def read(self, part: Part) -> Images:
        """Map one part, or read it if it is small, and verify its digest; see :meth:`.Source.read`."""
        import numpy as np

        from convstudy.data.arrays import PixelFile, map_array
        from convstudy.data.images import Images

        n_images = self.n_train if part == "train" else self.n_test
        path = self._found(f"{part}-images.npy")
        pixels = map_array(path, "|u1", (n_images, *self.image_shape))
        labels = self.read_labels(part)
        if pixels.nbytes > MOST_BYTES_IN_MEMORY:
            images = Images(pixels, labels, PixelFile.of(pixels, path))
        else:
            images = Images(np.array(pixels), labels)
        expected = self.train_digest if part == "train" else self.test_digest
        return verified(
            images, expected, part, self.folder, "restore the files, or use them as a new dataset"
        )

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        """Read the file of one part's labels; see :meth:`.Source.read_labels`."""
        import numpy as np

        from convstudy.data.arrays import map_array

        shape = (self.n_train if part == "train" else self.n_test,)
        return np.array(map_array(self._found(f"{part}-labels.npy"), "<i8", shape), dtype=np.int64)

    def as_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> NpySource:
        """Return the source of these plain values; raise ``ValueError`` where they are of no such source."""
        read = from_plain(cls, values)
        return cls(**{**asdict(read), "folder": str(folder / read.folder)})

    def _found(self, name: str) -> Path:
        """Return the path of a file."""
        path = Path(self.folder) / name
        if not path.exists():
            raise DataError(
                Problem(f"there is no {name}", where=Location(self.folder), mend="restore the file")
            )
        return path


SOURCE = SourceKind("npy", NpySource)
