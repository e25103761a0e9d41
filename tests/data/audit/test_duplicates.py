"""The search for duplicates finds planted duplicates and no others; hashes and tiles miss none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data import BUILT_IN_DATASETS, Images
from convstudy.data.audit import duplicates
from convstudy.data.audit.duplicates import (
    MIN_CORRELATION,
    Pair,
    count_repeats,
    exact_pairs,
    near_duplicate_pairs,
)
from convstudy.data.audit.perceptual_hashes import at_mean_0_and_length_1, perceptual_hashes

Pixels = npt.NDArray[np.uint8]


def scenes(n: int, seed: int, size: int = 28, channels: int = 1) -> Pixels:
    """Return images of four blurred spots each, as different from each other as handwritten digits."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[:size, :size]
    pixels = np.zeros((n, size, size, channels))
    for image in pixels:
        for _ in range(4):
            centre, width = random.uniform(4, size - 4, 2), random.uniform(1.5, 4)
            spot = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / width**2)
            image += 200 * spot[..., None] * random.uniform(0.4, 1, channels)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def labelled(pixels: Pixels, labels: list[int] | None = None) -> Images:
    """Return images with labels; the default is class 0."""
    return Images(pixels, np.array(labels or [0] * len(pixels), dtype=np.int64))


def changed(pixels: Pixels, factor: float, offset: float, noise: float) -> Pixels:
    """Return images with changed contrast and brightness and with noise."""
    random = np.random.RandomState(5)
    altered = pixels * factor + offset + random.normal(0, 1, pixels.shape) * noise
    return np.clip(np.rint(altered), 0, 255).astype(np.uint8)


def test_exact_duplicates_are_counted_within_and_across_parts() -> None:
    a, b, c, d = scenes(4, seed=1)
    train = labelled(np.stack([a, b, a, c, a]), [0, 1, 0, 2, 3])
    test = labelled(np.stack([d, a, c, a]), [0, 0, 5, 0])
    first, second = perceptual_hashes(train), perceptual_hashes(test)
    # a is three times in the training part, once with another label, and twice in the test part.
    assert count_repeats(first, train.labels) == (2, 1)
    assert count_repeats(second, test.labels) == (1, 0)
    found = exact_pairs(first, second, train.labels, test.labels)
    assert (found.n_pairs, found.n_test, found.n_otherwise_labelled) == (7, 3, 3)
    assert found.shown[:4] == (
        Pair(0, 1, 0, 0, 1.0),
        Pair(2, 1, 0, 0, 1.0),
        Pair(4, 1, 3, 0, 1.0),
        Pair(3, 2, 2, 5, 1.0),
    )


def test_all_pairs_are_counted_and_20_are_stored() -> None:
    one = scenes(1, seed=2)
    many = labelled(np.repeat(one, 30, axis=0))
    hashes = perceptual_hashes(many)
    found = exact_pairs(hashes, hashes, many.labels, many.labels)
    assert (found.n_pairs, found.n_test, len(found.shown)) == (900, 30, duplicates.MAX_SHOWN)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("factor", "offset", "noise"), [(1, 0, 2), (0.6, 0, 0), (0.8, 20, 2), (1, 0, 3)], ids=str
)
def test_only_altered_copies_are_near_duplicates(
    factor: float, offset: float, noise: float, channels: int
) -> None:
    train, fresh = scenes(60, 3, channels=channels), scenes(40, 4, channels=channels)
    copies = changed(train[10:20], factor, offset, noise)
    parts = labelled(train, [1] * 60), labelled(np.concatenate([fresh, copies]), [1] * 45 + [2] * 5)
    found = near_duplicate_pairs(*parts, *map(perceptual_hashes, parts))
    assert found is not None
    assert (found.n_pairs, found.n_test, found.n_otherwise_labelled) == (10, 10, 5)
    assert {(pair.train_row, pair.test_row) for pair in found.shown} == {(10 + i, 40 + i) for i in range(10)}
    assert list(found.shown) == sorted(found.shown, key=lambda pair: -pair.correlation)


def test_exact_duplicates_and_constant_images_are_not_near_duplicates() -> None:
    shared = scenes(3, seed=6)
    constant = np.full_like(shared, 17)
    parts = labelled(np.concatenate([shared, constant])), labelled(np.concatenate([shared, constant + 1]))
    hashes = [perceptual_hashes(part) for part in parts]
    assert hashes[0].constant.tolist() == [False] * 3 + [True] * 3
    found = near_duplicate_pairs(*parts, *hashes)
    assert found is not None
    assert found.n_pairs == 0


def test_distance_of_hashes_is_at_most_the_distance_of_the_images() -> None:
    """The search misses no pair for this reason."""
    noise = np.random.RandomState(7).randint(0, 256, (20, 28, 28, 3)).astype(np.uint8)
    for pixels in (scenes(20, 8, channels=3), noise, scenes(20, 9, size=28)):
        low, rows = perceptual_hashes(labelled(pixels)).low, at_mean_0_and_length_1(pixels)
        between_hashes = ((low[:, None] - low) ** 2).sum(axis=2)
        between_rows = ((rows[:, None] - rows) ** 2).sum(axis=2)
        assert (between_hashes <= between_rows + 1e-5).all()
        assert np.allclose((rows**2).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 5), (2, 2), (9, 40)])
def test_images_of_any_size_have_hashes(shape: tuple[int, int]) -> None:
    pixels = np.random.RandomState(3).randint(0, 256, (7, *shape, 1)).astype(np.uint8)
    low = perceptual_hashes(labelled(pixels)).low
    assert low.shape == (7, min(8, shape[0]) * min(8, shape[1]) - 1)
    if max(shape) <= 8:  # all frequencies are kept, so the length is kept
        assert np.allclose((low**2).sum(axis=1), 1, atol=1e-5)


def test_tiled_search_equals_the_search_over_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The images are the digits. The second threshold is lower, so that there are many pairs."""
    data = BUILT_IN_DATASETS["digits"].load()
    train, test = data.train, data.test.open(lambda: None)
    first, second = (at_mean_0_and_length_1(part.pixels).astype(np.float64) for part in (train, test))
    correlations = second @ first.T
    hashes = perceptual_hashes(train), perceptual_hashes(test)
    for least in (MIN_CORRELATION, 0.97):
        monkeypatch.setattr(duplicates, "MIN_CORRELATION", least)
        monkeypatch.setattr(duplicates, "TILE", (333, 100))
        found = near_duplicate_pairs(train, test, *hashes)
        assert found is not None
        test_rows, _ = np.nonzero(correlations >= least)
        assert (found.n_pairs, found.n_test) == (len(test_rows), len(set(test_rows)))
        if least == MIN_CORRELATION:
            assert [(p.train_row, p.test_row) for p in found.shown] == [(1169, 304)]
        else:
            assert found.n_pairs > duplicates.MAX_SHOWN


def test_search_stops_if_too_many_images_look_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MAX_COMPARED", 50)
    part = labelled(changed(np.repeat(scenes(1, seed=2), 10, axis=0), 1, 0, 2))
    assert near_duplicate_pairs(part, part, *[perceptual_hashes(part)] * 2) is None


def test_hashes_do_not_depend_on_the_size_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    part = labelled(scenes(9, seed=1))
    whole = perceptual_hashes(part)
    pieces = Images.pieces
    monkeypatch.setattr(Images, "pieces", lambda self, n_bytes: pieces(self, 2 * 28 * 28))
    split = perceptual_hashes(part)
    assert split.exact == whole.exact
    assert np.allclose(split.low, whole.low, atol=1e-6)
    assert len(list(part.pieces(2 * 28 * 28))) == 5
    none = perceptual_hashes(part.take(np.zeros(0, dtype=np.int64)))
    assert (none.exact, none.low.shape, none.constant.shape) == ((), (0, 63), (0,))
