"""Images and their labels as uint8 and int64, in memory or, if they are too large, in a file."""

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

CHUNK_BYTES = 1 << 24
"""The number of bytes of pixels that are read at a time by :meth:`Images.digest`: 16 MiB."""

TIMES_AND_GROUPS = "images must not have both groups and times, because a group can be both early and late"
HOW_TO_CHOOSE = "remove the groups; or remove the times, and declare periods such as days as groups"

Part = Literal["train", "test"]
"""The two parts of every dataset: the training set and the test set."""


@dataclass(frozen=True, eq=False)
class Images:
    """Images with their labels.

    Args:
        pixels: uint8, shape (n, height, width, channels), 0 to 255.
        labels: int64, shape (n,), the class number of each image.
        file: the file of the pixels, if they are not in memory. ``pixels`` is then a memory map, for access to a few
            images; for many images, use :meth:`take` or ``file.read``.
        groups: int64, shape (n,), the group of each image, such as its patient; images of one group have equal numbers.
            ``None`` if there are no groups. Splits keep groups whole; the numbers have no meaning.
        weights: float32, shape (n,), positive, the weight of each image in the training loss; ``None``: equal weights.
            Only proportions count. Scores are not weighted.
        times: int64, shape (n,), the rank of each image in time; equal times have equal ranks. ``None`` if images have
            no times. With times, splits train on the past; images then have no groups.

    Raises:
        DataError: if a type or shape is wrong, there is not one label (or group, weight or time) per image, a weight is
            not positive and finite, or images have both groups and times.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    file: PixelFile | None = None
    groups: npt.NDArray[np.int64] | None = None
    weights: npt.NDArray[np.float32] | None = None
    times: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if str(self.pixels.dtype) != "uint8" or self.pixels.ndim != 4:
            raise _wrong("pixels", self.pixels, "uint8 of shape (n, height, width, channels)")
        if str(self.labels.dtype) != "int64" or self.labels.ndim != 1:
            raise _wrong("labels", self.labels, "int64 of shape (n,)")
        if len(self.pixels) != len(self.labels):
            raise DataError(
                Problem(
                    "there must be one label per image",
                    got=f"{len(self.labels):,} labels for {len(self.pixels):,} images",
                )
            )
        if self.groups is not None:
            if str(self.groups.dtype) != "int64" or self.groups.ndim != 1:
                raise _wrong("groups", self.groups, "int64 of shape (n,)")
            if len(self.groups) != len(self.pixels):
                got = f"{len(self.groups):,} groups for {len(self.pixels):,} images"
                raise DataError(Problem("there must be one group per image", got=got))
        if self.weights is not None:
            if str(self.weights.dtype) != "float32" or self.weights.shape != self.labels.shape:
                raise _wrong("weights", self.weights, "float32 of shape (n,), one per image")
            if len(self.weights) and not 0 < self.weights.min() <= self.weights.max() < float("inf"):
                got = f"{self.weights.min():g} to {self.weights.max():g}"
                raise DataError(Problem("weights must be positive and finite", got=got))
        if self.times is not None:
            if str(self.times.dtype) != "int64" or self.times.shape != self.labels.shape:
                raise _wrong("times", self.times, "int64 of shape (n,), one per image")
            if self.groups is not None:
                raise DataError(Problem(TIMES_AND_GROUPS, hint=HOW_TO_CHOOSE))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape of one image: (height, width, channels)."""
        _, height, width, channels = self.pixels.shape
        return height, width, channels

    def digest(self) -> str:
        """Return the SHA-256 (hex) of shape, pixels, labels, groups, weights and times, the same on every machine.

        Without groups, weights and times, only shape, pixels and labels enter.
        """
        # The shape is part of the digest: the same bytes can be images of another shape.
        header = "images " + " ".join(str(size) for size in self.pixels.shape) + "\n"
        whole = hashlib.sha256(header.encode("ascii"))
        for piece in self.pieces():
            whole.update(piece.tobytes())
        whole.update(self.labels.astype("<i8").tobytes())  # little-endian on every machine
        if self.groups is not None:
            whole.update(b"groups\n" + self.groups.astype("<i8").tobytes())
        if self.weights is not None:
            whole.update(b"weights\n" + self.weights.astype("<f4").tobytes())
        if self.times is not None:
            whole.update(b"times\n" + self.times.astype("<i8").tobytes())
        return whole.hexdigest()

    def take(self, indices: npt.NDArray[np.int64]) -> Images:
        """Return a copy in memory of the images at these indices, in this order.

        Args:
            indices: int64, shape (m,), each in [0, ``len(self)``); they can repeat.

        Raises:
            DataError: if an index is negative or too large.
        """
        # NumPy would count negative indices from the end.
        if len(indices) and (indices.min() < 0 or indices.max() >= len(self)):
            raise DataError(
                Problem(
                    f"indices of images must be in [0, {len(self) - 1}]",
                    got=f"{indices.min()} to {indices.max()}",
                )
            )
        pixels = self.pixels[indices] if self.file is None else self.file.read(indices)
        groups = None if self.groups is None else self.groups[indices]
        weights = None if self.weights is None else self.weights[indices]
        times = None if self.times is None else self.times[indices]
        return Images(pixels, self.labels[indices], groups=groups, weights=weights, times=times)

    def pieces(self, n_bytes: int = CHUNK_BYTES) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield all pixels in order, in pieces of about ``n_bytes`` and at least one image."""
        import numpy as np

        n_images = max(1, n_bytes // max(1, self.pixels[:1].nbytes))
        for start in range(0, len(self), n_images):
            end = min(start + n_images, len(self))
            yield self.pixels[start:end] if self.file is None else self.file.read(np.arange(start, end))


def n_groups(images: Images) -> int:
    """Return the number of groups of images; 0 if they have no groups."""
    return 0 if images.groups is None else len(set(images.groups.tolist()))


def _wrong(what: str, array: npt.NDArray[Any], expected: str) -> DataError:
    return DataError(Problem(f"{what} must be {expected}", got=f"{array.dtype} of shape {array.shape}"))
