"""Compute the order of images in an epoch, make batches, and convert stored pixels to network inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from convstudy.data import Images
from convstudy.data.arrays import PixelFile
from convstudy.engine.device_lock import DEVICE_LOCK
from convstudy.engine.randomness import numpy_generator

# The number of images per read when a file is copied to a GPU. It limits the memory that the copy needs on the CPU.
ROWS_PER_READ = 10_000


@dataclass(frozen=True, eq=False)
class PixelsOnDisk:
    """Pixels that stay in their file. Indexing works as on a tensor and reads only the indexed images."""

    file: PixelFile
    rows: npt.NDArray[np.int64]

    def __getitem__(self, chosen: torch.Tensor | slice) -> torch.Tensor:
        """Return the pixels of these images, uint8 ``(m, height, width, channels)``."""
        rows = self.rows[chosen if isinstance(chosen, slice) else chosen.numpy()]
        return torch.from_numpy(self.file.read(rows))


@dataclass(frozen=True)
class ImageTensors:
    """Images and labels of a fit.

    Attributes:
        pixels: uint8 ``(n, height, width, channels)``.
        labels: int64 ``(n,)``.
        weights: float32 ``(n,)``, the weight of each image in the training loss; None: 1 for each image.
    """

    pixels: torch.Tensor | PixelsOnDisk
    labels: torch.Tensor
    weights: torch.Tensor | None = None

    @classmethod
    def of(cls, images: Images, rows: npt.NDArray[np.int64] | None = None) -> ImageTensors:
        """Return the images at these rows (all by default) as tensors; pixels that are not in memory stay on disk."""
        selected = np.arange(len(images)) if rows is None else rows
        if images.file is not None:
            return cls(PixelsOnDisk(images.file, selected), torch.from_numpy(images.labels[selected]))
        taken = images.take(selected)
        # Copy, so that the strides do not depend on the array that the images were taken from.
        return cls(torch.from_numpy(taken.pixels.copy()), torch.from_numpy(taken.labels))

    def to(self, device: torch.device) -> ImageTensors:
        """Return the images on a device. Pixels on disk are read for a GPU and stay on disk for a CPU."""
        if device.type == "cpu":
            return self
        pixels, labels = self.pixels, self.labels.to(device)
        weights = None if self.weights is None else self.weights.to(device)
        if isinstance(pixels, torch.Tensor):
            return ImageTensors(pixels.to(device), labels, weights)
        # Copy in pieces, because the file may be larger than the CPU's memory.
        moved = torch.empty(len(self), *pixels.file.image_shape, dtype=torch.uint8, device=device)
        for start in range(0, len(self), ROWS_PER_READ):
            rows = slice(start, start + ROWS_PER_READ)
            with DEVICE_LOCK.released():
                read = pixels[rows]
            moved[rows] = read.to(device)
        return ImageTensors(moved, labels, weights)

    def weights_of(self, rows: torch.Tensor) -> torch.Tensor | None:
        """Return the weights of the images at these rows; None if the images have none."""
        return None if self.weights is None else self.weights[rows]

    def __len__(self) -> int:
        return len(self.labels)


def network_input(pixels: torch.Tensor) -> torch.Tensor:
    """Return uint8 ``(n, h, w, c)`` as float32 ``(n, c, h, w)`` in [0, 1], in channels-last memory format."""
    return scaled(pixels.permute(0, 3, 1, 2))


def scaled(images: torch.Tensor) -> torch.Tensor:
    """Return uint8 as float32 in [0, 1] with the same strides; return float32 unchanged."""
    return images if images.is_floating_point() else images.to(torch.float32).div_(255.0)


def epoch_order(n_images: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Return a permutation of ``range(n_images)``, determined by seed and epoch."""
    return numpy_generator(seed, "order", epoch).permutation(n_images)


def steps_per_epoch(n_images: int, batch_size: int) -> int:
    """Return the number of batches per epoch; see :func:`batches` for the last one."""
    return len(range(0, n_images, batch_size)) - (n_images > batch_size and n_images % batch_size == 1)


def batches(
    part: ImageTensors, order: npt.NDArray[np.int64], batch_size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor]]:
    """Yield pixels, labels, weights and rows batch by batch. The last batch may be smaller.

    A last batch of one image is dropped: batch normalization cannot compute a variance from it.
    """
    rows = torch.from_numpy(order)
    for step in range(steps_per_epoch(len(order), batch_size)):
        chosen = rows[step * batch_size : (step + 1) * batch_size]
        yield part.pixels[chosen], part.labels[chosen], part.weights_of(chosen), chosen
