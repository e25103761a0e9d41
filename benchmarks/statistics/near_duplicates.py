"""Compare thresholds for near-duplicates: distance of perceptual hashes, and correlation of pixels.

    CONVSTUDY_DATA=FOLDER python -m benchmarks.statistics.near_duplicates  # MNIST and digits

The script prints tables of docs/statistics.md. The first counts the pairs of a training and a test image that each
threshold accepts, the pairs that the perceptual hashes leave for a comparison of pixels, and the images whose pixels
equal those of another image. The second makes altered copies of test images and prints the percentage that each
threshold finds. The hash is pHash (Zauner 2010): the image is resized to 32 × 32, and each bit shows whether one of 64
frequencies (1 to 8 half waves in both directions) is above their median. The script compares all 600 million pairs of
MNIST, which takes minutes but little memory.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from convstudy.data import BUILT_IN_DATASETS, dataset_statistics
from convstudy.data.audit.duplicates import MIN_CORRELATION, _candidates
from convstudy.data.audit.perceptual_hashes import at_mean_0_and_length_1, perceptual_hashes

Pixels = npt.NDArray[np.uint8]
BITS = (2, 6, 10, 14)
CORRELATIONS = (0.95, 0.98, MIN_CORRELATION, 0.995)
N_COPIES = 2_000
BLOCK = 250
QUANTA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""JPEG's quantisation steps at quality 50: ITU T.81, annex K, table K.1."""


def waves(n: int, size: int) -> npt.NDArray[np.float64]:
    """Return the first ``n`` rows of the orthonormal DCT-II, shape (n, size)."""
    k, x = np.arange(n)[:, None], np.arange(size)
    rows = np.sqrt(2 / size) * np.cos(np.pi * k * (2 * x + 1) / (2 * size))
    rows[0] = np.sqrt(1 / size)
    return rows


def enlarge(size: int) -> npt.NDArray[np.float64]:
    """Return the weights (32, size) that resize a line of pixels to 32 by area."""
    borders = np.linspace(0, size, 33)
    left, right = np.arange(size), np.arange(1, size + 1)
    shared = np.minimum(borders[1:, None], right) - np.maximum(borders[:-1, None], left)
    return np.maximum(shared, 0) * 32 / size


def hashes(pixels: Pixels) -> npt.NDArray[np.uint64]:
    """Return the pHash of images (n, height, width, 1) as uint64 of shape (n,)."""
    down, across = (waves(9, 32)[1:] @ enlarge(size) for size in pixels.shape[1:3])
    found = []
    for start in range(0, len(pixels), BLOCK):
        low = (down @ pixels[start : start + BLOCK, :, :, 0].astype(np.float64) @ across.T).reshape(-1, 64)
        bits = low > np.median(low, axis=1, keepdims=True)
        found.append(np.packbits(bits, axis=1).view(np.uint64)[:, 0])
    return np.concatenate(found)


def count_pairs(train: Pixels, test: Pixels) -> tuple[list[int], list[int]]:
    """Return the number of pairs within each number of differing bits, and above each correlation."""
    train_hashes, test_hashes = hashes(train), hashes(test)
    train_rows, test_rows = at_mean_0_and_length_1(train), at_mean_0_and_length_1(test)
    by_bits, by_pixels = np.zeros(len(BITS), np.int64), np.zeros(len(CORRELATIONS), np.int64)
    for start in range(0, len(test), BLOCK):
        part = slice(start, start + BLOCK)
        differ = np.bitwise_count(test_hashes[part, None] ^ train_hashes)
        by_bits += [int((differ <= most).sum()) for most in BITS]
        correlations = test_rows[part] @ train_rows.T
        by_pixels += [int((correlations >= least).sum()) for least in CORRELATIONS]
    return by_bits.tolist(), by_pixels.tolist()


def copies(pixels: Pixels) -> Iterator[tuple[str, Pixels]]:
    """Yield (name of the change, altered copies of the images)."""
    rng = np.random.default_rng(0)
    for sd in (5, 10, 20):
        yield f"noise of {sd} levels", rounded(pixels + rng.normal(0, sd, pixels.shape))
    yield "brightness × 0.8", rounded(pixels * 0.8)
    yield "contrast × 1.2, 10 levels brighter", rounded(pixels * 1.2 + 10)
    for quality in (75, 50):
        yield f"JPEG, quality {quality}", jpeg(pixels, quality)
    yield "shifted by one pixel", np.roll(pixels, 1, axis=2)


def rounded(values: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Round and clip values to [0, 255]."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Return grey images after JPEG's quantisation: the frequencies of 8 × 8 blocks, rounded."""
    steps = np.maximum(1, np.floor(np.array(QUANTA) * (200 - 2 * quality) / 100 + 0.5))
    n, height, width, _ = pixels.shape
    padding = ((0, 0), (0, -height % 8), (0, -width % 8))
    whole = np.pad(pixels[..., 0].astype(np.float64), padding, mode="edge") - 128
    _, high, wide = whole.shape
    blocks = whole.reshape(n, high // 8, 8, wide // 8, 8).transpose(0, 1, 3, 2, 4)
    turn = waves(8, 8)
    kept = np.rint(turn @ blocks @ turn.T / steps) * steps
    back = (turn.T @ kept @ turn).transpose(0, 1, 3, 2, 4).reshape(whole.shape) + 128
    return rounded(back[:, :height, :width, None])


def main() -> None:
    names = ("digits", "mnist")
    print(
        "| dataset | pairs |",
        *(f"≤ {n} bits |" for n in BITS),
        *(f"r ≥ {r} |" for r in CORRELATIONS),
        "left by hashes | identical pixels |",
    )
    print("| --- |" + " ---: |" * (3 + len(BITS) + len(CORRELATIONS)))
    test_pixels = {}
    for name in names:
        dataset = BUILT_IN_DATASETS[name].load()
        test = dataset.test.open(lambda: None)
        test_pixels[name] = test.pixels[:N_COPIES]
        by_bits, by_pixels = count_pairs(dataset.train.pixels, test.pixels)
        n_pairs = len(dataset.train) * len(test)
        started = time.process_time()
        statistics = dataset_statistics(dataset.info, dataset.train, test)
        seconds = time.process_time() - started
        assert statistics.near_duplicates is not None
        assert statistics.near_duplicates.n_pairs == by_pixels[CORRELATIONS.index(MIN_CORRELATION)]
        left = sum(
            len(rows) for rows, _ in _candidates(perceptual_hashes(dataset.train), perceptual_hashes(test))
        )
        same = statistics.train.n_repeated + statistics.test.n_repeated + statistics.exact.n_test
        print(f"| {name} | {n_pairs:,} |", *(f"{n:,} |" for n in (*by_bits, *by_pixels, left, same)))
        print(f"({name}: all dataset statistics in {seconds:.1f} s of one core)", file=sys.stderr)
    print()
    print("| dataset | change |", *(f"≤ {n} bits |" for n in BITS), *(f"r ≥ {r} |" for r in CORRELATIONS))
    print("| --- | --- |" + " ---: |" * (len(BITS) + len(CORRELATIONS)))
    for name, pixels in test_pixels.items():
        own = hashes(pixels), at_mean_0_and_length_1(pixels)
        for change, altered in copies(pixels):
            differ = np.bitwise_count(own[0] ^ hashes(altered))
            r = np.einsum("ij,ij->i", own[1], at_mean_0_and_length_1(altered))
            rates = [float((differ <= n).mean()) for n in BITS] + [
                float((r >= c).mean()) for c in CORRELATIONS
            ]
            print(f"| {name} | {change} |", *(f"{100 * rate:.1f} |" for rate in rates))


if __name__ == "__main__":
    main()
