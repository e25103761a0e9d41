"""Images: checks of types and shapes, ``take`` and the digest."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data import Images
from convstudy.errors import DataError

PIXELS = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1)
LABELS = np.array([2, 0, 1], dtype=np.int64)


def test_take_returns_a_copy_of_the_images_in_order() -> None:
    images = Images(PIXELS, LABELS)
    assert len(images) == 3
    assert images.image_shape == (2, 2, 1)
    taken = images.take(np.array([2, 0, 2]))
    assert taken.labels.tolist() == [1, 2, 1]
    assert taken.pixels[:, 0, 0, 0].tolist() == [8, 0, 8]
    taken.pixels[:] = 99
    assert images.pixels.max() == 11
    assert len(images.take(np.array([], dtype=np.int64))) == 0


@pytest.mark.parametrize("index", [-1, 3])
def test_take_of_an_index_out_of_range_raises(index: int) -> None:
    with pytest.raises(DataError, match=r"must be in \[0, 2\]") as caught:
        Images(PIXELS, LABELS).take(np.array([0, index]))
    assert caught.value.problems[0].got == f"{min(0, index)} to {max(0, index)}"


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (PIXELS.astype(np.float32), LABELS, "pixels must be uint8 of shape"),
        (PIXELS[..., 0], LABELS, "pixels must be uint8 of shape"),
        (PIXELS, LABELS.astype(np.int32), "labels must be int64 of shape"),
        (PIXELS, np.eye(3, dtype=np.int64), "labels must be int64 of shape"),
        (PIXELS, LABELS[:2], "2 labels for 3 images"),
    ],
)
def test_wrong_types_and_shapes_raise(
    pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Images(pixels, labels)


def test_digest_depends_on_pixels_labels_and_shape() -> None:
    digests = {
        Images(PIXELS, LABELS).digest(),
        Images(PIXELS + np.uint8(1), LABELS).digest(),
        Images(PIXELS, LABELS[::-1].copy()).digest(),
        Images(PIXELS.reshape(3, 4, 1, 1), LABELS).digest(),
    }
    assert len(digests) == 4
    assert Images(PIXELS.copy(), LABELS.astype(">i8").astype(np.int64)).digest() in digests


GROUPS = np.array([4, 9, 4], dtype=np.int64)


def test_take_keeps_the_group_of_each_image() -> None:
    taken = Images(PIXELS, LABELS, groups=GROUPS).take(np.array([1, 0, 1]))
    assert taken.groups is not None and taken.groups.tolist() == [9, 4, 9]
    assert Images(PIXELS, LABELS).take(np.array([1])).groups is None


@pytest.mark.parametrize(
    ("groups", "message"),
    [(GROUPS.astype(np.int32), "groups must be int64"), (GROUPS[:2], "2 groups for 3 images")],
)
def test_wrong_groups_raise(groups: npt.NDArray[np.int64], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Images(PIXELS, LABELS, groups=groups)


def test_digest_depends_on_groups_only_if_there_are_any() -> None:
    # The digest of images without groups is that of earlier versions.
    pinned = hashlib.sha256(b"images 3 2 2 1\n" + PIXELS.tobytes() + LABELS.tobytes()).hexdigest()
    digests = [Images(PIXELS, LABELS, groups=groups).digest() for groups in (None, GROUPS, GROUPS[::-1] + 1)]
    assert digests[0] == pinned
    assert len(set(digests)) == 3
