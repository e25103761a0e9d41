"""Hashes of images: an exact hash of the pixels, and a perceptual hash that is similar for similar images.

The perceptual hash is that of pHash (C. Zauner, "Implementation and benchmarking of perceptual image hash functions",
2010) without its last step: it has the lowest frequencies of the image's discrete cosine transform. pHash keeps one bit
of each frequency. For images of 28 × 28, bits do not separate well: many frequencies are near zero, where noise flips
the bit, and many different digits share most bits (docs/statistics.md has the counts).

So this module keeps the frequencies as numbers. The transform is orthonormal, so for images scaled to mean 0 and length
1, the distance between two hashes is at most the distance between the images. The search for near-duplicates in
:mod:`convstudy.data.audit.duplicates` therefore misses no near-duplicate.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.images import Images

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

N_FREQUENCIES = 8
"""The number of lowest frequencies in each direction."""
CHUNK_SIZE = 1 << 20
"""The number of pixels processed at a time: 4 MiB in float32, about the size of a CPU cache."""


@dataclass(frozen=True, eq=False)
class PerceptualHashes:
    """The hashes of n images.

    Attributes:
        exact: a BLAKE2b hash of 16 bytes of the pixels of each image.
        low: float32, shape (n, k), the low frequencies of each image scaled to mean 0 and length 1; k is 63, or less
            for images below 8 × 8.
        constant: bool, shape (n,), whether all pixels of an image are equal; ``low`` is 0 then.
    """

    exact: tuple[bytes, ...]
    low: npt.NDArray[np.float32]
    constant: npt.NDArray[np.bool_]


def perceptual_hashes(images: Images) -> PerceptualHashes:
    """Return the hashes of images, which are read in pieces."""
    import numpy as np

    height, width, channels = images.image_shape
    down, across = _frequencies(height), _frequencies(width)
    # The hash is that of the sum of the channels. Repeated columns add them in the product, which is much quicker than
    # a sum over the short last axis. Division by √channels keeps the transform orthonormal.
    across = np.repeat(across, channels, axis=1) / np.float32(channels**0.5)
    exact: list[bytes] = []
    low = np.empty((len(images), len(down) * len(across) - 1), dtype=np.float32)
    constant = np.empty(len(images), dtype=bool)
    for piece in images.pieces(CHUNK_SIZE):
        place = slice(len(exact), len(exact) + len(piece))
        exact += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in piece]
        scaled = at_mean_0_and_length_1(piece)
        constant[place] = ~scaled.any(axis=1)
        # The transform is separable: along the width, then along the height. The first frequency is the mean, 0.
        lines = scaled.reshape(-1, width * channels) @ across.T
        lines = lines.reshape(len(piece), height, -1).transpose(0, 2, 1)
        low[place] = (lines.reshape(-1, height) @ down.T).reshape(len(piece), -1)[:, 1:]
    return PerceptualHashes(tuple(exact), low, constant)


def at_mean_0_and_length_1(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return images (n, height, width, channels) as rows (n, height · width · channels) with mean 0 and length 1.

    The dot product of two rows is the correlation of the pixels of two images. A constant image becomes 0.
    """
    import numpy as np

    flat = pixels.reshape(len(pixels), -1)
    rows = flat.astype(np.float32)
    rows -= flat.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    # The rounded mean of a constant image can differ from its value, so constant images are found by comparison.
    factors = np.where((flat == flat[:, :1]).all(axis=1), 0, 1 / np.maximum(lengths, 1e-6))
    rows *= factors[:, None].astype(np.float32)
    return rows


def _frequencies(size: int) -> npt.NDArray[np.float32]:
    """Return the first rows, at most 8, of the orthonormal DCT-II of a size (Ahmed, Natarajan and Rao 1974)."""
    import numpy as np

    k, x = np.arange(min(N_FREQUENCIES, size))[:, None], np.arange(size)
    waves = np.sqrt(2 / size) * np.cos(np.pi * k * (2 * x + 1) / (2 * size))
    waves[0] = np.sqrt(1 / size)
    first: npt.NDArray[np.float32] = waves.astype(np.float32)
    return first
