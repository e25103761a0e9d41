"""Images and their labels, in memory or, where that is too small for them, in a file: uint8, scaled only when used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from convstudy.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.arrays import PixelFile

DIGESTED_AT_ONCE = 1 << 24
"""So many bytes of pixels are read at a time where all of them are wanted."""

Part = Literal["train", "test"]
"""The two parts of every dataset."""


@dataclass(frozen=True, eq=False)
class Images:
    """Some images with their labels.

    Args:
        pixels: uint8, shape (n, height, width, channels), 0 to 255.
        labels: int64, shape (n,), the index of each image's class.
        file: where the pixels stay, if they are not in memory; ``pixels`` then is a memory map of all of them, to look
            at a few. Whoever needs many has them read, by :meth:`take` or from the file.

    Raises:
        DataError: if a type or a shape is another one, or there are not as many labels as images.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    file: PixelFile | None = None

    def __post_init__(self) -> None:
        if str(self.pixels.dtype) != "uint8" or self.pixels.ndim != 4:
            raise _wrong("pixels", self.pixels, "uint8 of shape (n, height, width, channels)")
        if str(self.labels.dtype) != "int64" or self.labels.ndim != 1:
            raise _wrong("labels", self.labels, "int64 of shape (n,)")
        if len(self.pixels) != len(self.labels):
            raise DataError(
                Problem(
                    "there are not as many labels as images",
                    got=f"{len(self.labels):,} labels for {len(self.pixels):,} images",
                    expected="one label for each image",
                )
            )

    def __len__(self) -> int:
        """Return how many images these are."""
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image: (height, width, channels)."""
        _, height, width, channels = self.pixels.shape
        return height, width, channels

    def digest(self) -> str:
        """Return the SHA-256 (hex) of shape, pixels and labels; it is the same on every machine."""
        header = "images " + " ".join(str(size) for size in self.pixels.shape) + "\n"
        whole = hashlib.sha256(header.encode("ascii"))
        for piece in self.pieces():
            whole.update(piece.tobytes())
        whole.update(self.labels.astype("<i8").tobytes())  # little-endian, whatever this machine is
        return whole.hexdigest()

    def take(self, indices: npt.NDArray[np.int64]) -> Images:
        """Return the images at ``indices``, in that order, as a copy in memory.

        Args:
            indices: integers, shape (m,), each from 0 to ``len(self) - 1``; they may repeat.

        Raises:
            DataError: if an index lies outside (a negative one does not count from the end).
        """
        if len(indices) and (indices.min() < 0 or indices.max() >= len(self)):
            raise DataError(
                Problem(
                    "an index lies outside the images",
                    got=f"{indices.min()} to {indices.max()}",
                    expected=f"0 to {len(self) - 1}",
                )
            )
        pixels = self.pixels[indices] if self.file is None else self.file.read(indices)
        return Images(pixels, self.labels[indices])

    def pieces(self, n_bytes: int = DIGESTED_AT_ONCE) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield all pixels in order, about so many bytes of them at a time and one image at least."""
        import numpy as np

        n_images = max(1, n_bytes // max(1, self.pixels[:1].nbytes))
        for start in range(0, len(self), n_images):
            end = min(start + n_images, len(self))
            yield self.pixels[start:end] if self.file is None else self.file.read(np.arange(start, end))


def _wrong(what: str, array: npt.NDArray[Any], expected: str) -> DataError:
    return DataError(
        Problem(
            f"{what} of the wrong type or shape",
            got=f"{array.dtype} of shape {array.shape}",
            expected=expected,
        )
    )
