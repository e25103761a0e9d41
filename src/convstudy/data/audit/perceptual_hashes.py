"""PerceptualHashes of images: one that only the same pixels share, and one that pictures that look alike nearly share.

The second is made as that of the perceptual hash pHash (C. Zauner, "Implementation and benchmarking of perceptual image
hash functions", 2010): the lowest frequencies of the image's discrete cosine transform. pHash then keeps one bit of
each. On pictures as small as 28 × 28 these bits say too little: many of the frequencies are near zero, and their bits
flip at the least noise, while many different digits share most bits (docs/statistics.md has the counts). So the numbers
are kept as they are, which has a second use: for images brought to mean 0 and length 1 the transform is orthonormal,
and the fingerprints of two images are never further apart than the images. What :mod:`convstudy.data.audit.duplicates`
looks for among them cannot be missed.
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
"""So many of the lowest frequencies in each direction."""
READ_AT_ONCE = 1 << 20
"""So many pixels are worked on at a time: as floats they still stay in a processor's cache, or nearly."""


@dataclass(frozen=True, eq=False)
class PerceptualHashes:
    """The fingerprints of n images.

    Attributes:
        exact: of each image 16 bytes; equal if, and only if, all pixels are (but for a chance of 1 in 2^128).
        low: float32, shape (n, k), the low frequencies of the image at mean 0 and length 1; k is 63, or less for images
            below 8 × 8.
        constant: bool, shape (n,), images of which all pixels are the same; their ``low`` is 0.
    """

    exact: tuple[bytes, ...]
    low: npt.NDArray[np.float32]
    constant: npt.NDArray[np.bool_]


def perceptual_hashes(images: Images) -> PerceptualHashes:
    """Return the fingerprints of some images, reading them a piece at a time."""
    import numpy as np

    height, width, channels = images.image_shape
    down, across = _frequencies(height), _frequencies(width)
    exact: list[bytes] = []
    low = np.empty((len(images), len(down) * len(across) - 1), dtype=np.float32)
    constant = np.empty(len(images), dtype=bool)
    for piece in images.pieces(READ_AT_ONCE):
        place = slice(len(exact), len(exact) + len(piece))
        exact += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in piece]
        scaled = at_mean_0_and_length_1(piece)
        constant[place] = ~scaled.any(axis=1)
        # The channels' sum over √channels is orthonormal too.
        grey = scaled.reshape(piece.shape).sum(axis=3) / np.float32(channels**0.5)
        lines = (grey.reshape(-1, width) @ across.T).reshape(len(piece), height, -1).transpose(0, 2, 1)
        low[place] = (lines.reshape(-1, height) @ down.T).reshape(len(piece), -1)[:, 1:]
    return PerceptualHashes(tuple(exact), low, constant)


def at_mean_0_and_length_1(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return images (n, height, width, channels) as rows (n, height · width · channels) of mean 0 and length 1.

    The product of two such rows is the correlation of the two images' pixels. A constant image becomes 0.
    """
    import numpy as np

    flat = pixels.reshape(len(pixels), -1)
    rows = flat.astype(np.float32)
    rows -= flat.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    # Rounding may leave a constant image a mean that is not quite its value.
    factors = np.where((flat == flat[:, :1]).all(axis=1), 0, 1 / np.maximum(lengths, 1e-6))
    rows *= factors[:, None].astype(np.float32)
    return rows


def _frequencies(size: int) -> npt.NDArray[np.float32]:
    """Return the first 8 rows (or fewer) of the orthonormal DCT-II of this size (Ahmed, Natarajan and Rao 1974)."""
    import numpy as np

    k, x = np.arange(min(N_FREQUENCIES, size))[:, None], np.arange(size)
    waves = np.sqrt(2 / size) * np.cos(np.pi * k * (2 * x + 1) / (2 * size))
    waves[0] = np.sqrt(1 / size)
    first: npt.NDArray[np.float32] = waves.astype(np.float32)
    return first
