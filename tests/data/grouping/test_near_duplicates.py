"""The search for near-duplicates among all images finds what a comparison of all pairs finds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse.csgraph import connected_components

from convstudy.data import Images
from convstudy.data.audit import duplicates
from convstudy.data.audit.perceptual_hashes import perceptual_hashes
from convstudy.data.grouping import near_duplicates as module
from convstudy.data.grouping.near_duplicates import NearDuplicates, near_duplicates

Pixels = npt.NDArray[np.uint8]


def smooth(n: int, seed: int = 0, size: int = 12) -> Pixels:
    """Return random images with large structures, uint8 of shape (n, size, size, 1)."""
    coarse = np.random.RandomState(seed).randint(0, 256, (n, 3, 3, 1))
    return np.kron(coarse, np.ones((1, size // 3, size // 3, 1), dtype=int)).astype(np.uint8)


def noisy(pixels: Pixels, levels: float, seed: int) -> Pixels:
    noise = np.random.RandomState(seed).normal(0, levels, pixels.shape)
    return np.clip(pixels + noise, 0, 255).round().astype(np.uint8)


def found_in(pixels: Pixels) -> NearDuplicates:
    images = Images(pixels, np.zeros(len(pixels), dtype=np.int64))
    return near_duplicates(perceptual_hashes(images), lambda rows: pixels[rows])


def sets_of(n: int, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the number of the connected set of each of n images, numbered in order."""
    edges = np.zeros((n, n), dtype=bool)
    edges[tuple(pairs.T)] = True
    numbers: npt.NDArray[np.int64] = connected_components(edges, directed=False)[1]
    return numbers


def pairs_by_hand(pixels: Pixels) -> npt.NDArray[np.int64]:
    """Return all pairs of images that are not blank and correlate by 0.99 or more, or are equal."""
    rows = pixels.reshape(len(pixels), -1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        are_near = np.corrcoef(rows) >= 0.99
    return np.argwhere(np.triu(are_near, 1))


@pytest.mark.parametrize("n_axes", [1, 4])
@pytest.mark.parametrize("batch", [3, 4096])
def test_connected_sets_are_those_of_all_pairs(
    monkeypatch: pytest.MonkeyPatch, batch: int, n_axes: int
) -> None:
    monkeypatch.setattr(module, "BATCH", batch)
    monkeypatch.setattr(module, "N_AXES", n_axes)
    monkeypatch.setattr(module, "MAX_TILE", 7)
    originals = smooth(150)
    copies = [
        noisy(originals[::3], 6, 1),
        noisy(originals[::5], 12, 2),
        originals[::10],
        originals[:1] // 2 + 40,
    ]
    chain = np.stack([originals[7] * (1 - t) + originals[8] * t for t in np.linspace(0, 1, 25)])
    pixels = np.concatenate([originals, *copies, chain.astype(np.uint8)])
    pixels = pixels[np.random.RandomState(3).permutation(len(pixels))]
    found, expected = found_in(pixels), pairs_by_hand(pixels)
    assert found.is_complete and not found.is_blank.any()
    assert len(expected) > 100
    assert sets_of(len(pixels), found.pairs).tolist() == sets_of(len(pixels), expected).tolist()
    assert found.n_exact == len(pixels) - len({image.tobytes() for image in pixels})


def test_blank_images_are_in_no_pair() -> None:
    pixels = np.concatenate([np.full((3, 12, 12, 1), level, dtype=np.uint8) for level in (0, 0, 255)])
    pixels = np.concatenate([pixels, smooth(2), smooth(2)])
    found = found_in(pixels)
    assert found.is_blank.tolist() == [True] * 9 + [False] * 4
    assert found.pairs.tolist() == [[9, 11], [10, 12]] and found.n_exact == 2


def test_images_that_are_all_similar_need_few_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    n_read = []
    pixels = noisy(np.repeat(smooth(1), 1500, axis=0), 4, 0)
    images = Images(pixels, np.zeros(len(pixels), dtype=np.int64))

    def read(rows: npt.NDArray[np.int64]) -> Pixels:
        n_read.append(len(rows))
        return pixels[rows]

    monkeypatch.setattr(module, "BATCH", 256)
    found = near_duplicates(perceptual_hashes(images), read)
    assert len(set(sets_of(1500, found.pairs).tolist())) == 1
    assert sum(n_read) < 30_000  # all pairs would be more than 2,000,000 images


@pytest.mark.parametrize("size", [1, 2])
def test_images_of_few_pixels_are_compared(size: int) -> None:
    pixels = np.random.RandomState(0).randint(0, 256, (30, size, size, 3)).astype(np.uint8)
    pixels[7] = pixels[3]
    found = found_in(pixels)
    assert [3, 7] in found.pairs.tolist() and found.is_complete


def test_large_textured_images_end_the_search_after_a_number_of_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The hashes of noise are all close to 0, so that each pair would be compared.
    pixels = np.random.RandomState(0).randint(0, 256, (60, 96, 96, 3)).astype(np.uint8)
    assert found_in(pixels).is_complete
    monkeypatch.setattr(duplicates, "MAX_COMPARED_VALUES", 200 * 96 * 96 * 3)
    monkeypatch.setattr(module, "BATCH", 100)
    assert not found_in(pixels).is_complete


def test_too_many_similar_images_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MAX_COMPARED", 500)
    monkeypatch.setattr(module, "BATCH", 100)
    # Noise of this size leaves correlations just below the limit.
    pixels = noisy(np.repeat(smooth(1), 100, axis=0), 11, 0)
    assert len(pairs_by_hand(pixels)) == 0
    assert not found_in(pixels).is_complete
    assert found_in(pixels[:20]).is_complete


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_images_are_no_problem(n: int) -> None:
    found = found_in(np.concatenate([smooth(1)] * 2)[:n])
    assert found.pairs.tolist() == ([[0, 1]] if n == 2 else [])
