"""Images hold exactly the types and shapes that everything above relies on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data import Images
from convstudy.errors import DataError

PIXELS = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1)
LABELS = np.array([2, 0, 1], dtype=np.int64)


def test_length_shape_and_take() -> None:
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
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(DataError, match="outside the images") as caught:
        Images(PIXELS, LABELS).take(np.array([0, index]))
    assert caught.value.problems[0].expected == "0 to 2"


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (PIXELS.astype(np.float32), LABELS, "pixels of the wrong type"),
        (PIXELS[..., 0], LABELS, "pixels of the wrong type"),
        (PIXELS, LABELS.astype(np.int32), "labels of the wrong type"),
        (PIXELS, np.eye(3, dtype=np.int64), "labels of the wrong type"),
        (PIXELS, LABELS[:2], "2 labels for 3 images"),
    ],
)
def test_other_types_and_shapes_are_refused(
    pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Images(pixels, labels)


def test_the_digest_sees_pixels_labels_and_shape() -> None:
    digests = {
        Images(PIXELS, LABELS).digest(),
        Images(PIXELS + np.uint8(1), LABELS).digest(),
        Images(PIXELS, LABELS[::-1].copy()).digest(),
        Images(PIXELS.reshape(3, 4, 1, 1), LABELS).digest(),
    }
    assert len(digests) == 4
    assert Images(PIXELS.copy(), LABELS.astype(">i8").astype(np.int64)).digest() in digests
