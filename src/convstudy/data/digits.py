"""The embedded dataset: scikit-learn's 1,797 handwritten digits, enlarged to the size of MNIST.

The originals have 8 × 8 pixels with values from 0 to 16 (E. Alpaydin, C. Kaynak, "Optical recognition of handwritten
digits", UCI, 1998). They are enlarged to 28 × 28 with bilinear interpolation (pixel centres at half a pixel, edges
repeated), and 16 becomes 255. Integer arithmetic makes the images the same on every machine.

scikit-learn has no test set, so 360 images are set aside: of each class, those whose index has the smallest SHA-256. No
random number generator is involved, so the division does not depend on the version of any library.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.data.images import Images, Part
from convstudy.data.splits import allot
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

N_TEST = 360
_SMALL, _LARGE, _MAXIMUM = 8, 28, 16


def read_digits(part: Part) -> Images:
    """Return the training set (1,437 images) or the test set (360) of shape (n, 28, 28, 1), in scikit-learn's order.

    Raises:
        DataError: if scikit-learn's images do not have 8 × 8 pixels with values from 0 to 16.
    """
    import numpy as np

    values, labels = _originals()
    if values.shape[1:] != (_SMALL, _SMALL) or values.min() < 0 or values.max() > _MAXIMUM:
        raise DataError(
            Problem(
                "scikit-learn's digits have changed",
                where=Location(subject="digits"),
                got=f"shape {values.shape}, values {values.min()} to {values.max()}",
                expected=f"{_SMALL} × {_SMALL} images of values 0 to {_MAXIMUM}",
            )
        )
    chosen = is_test(labels) == (part == "test")
    return Images(enlarge(values[chosen])[..., np.newaxis], labels[chosen])


def read_digit_labels(part: Part) -> npt.NDArray[np.int64]:
    """Return the labels of :func:`read_digits`, int64 of shape (n,)."""
    _, labels = _originals()
    chosen: npt.NDArray[np.int64] = labels[is_test(labels) == (part == "test")]
    return chosen


def _originals() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return scikit-learn's images, shape (n, 8, 8), and labels, shape (n,).

    They are read from scikit-learn's file if it exists, because importing scikit-learn takes 70 MB and half a second,
    and a report does not need it otherwise.
    """
    import numpy as np

    spec = importlib.util.find_spec("sklearn")
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz" if spec and spec.origin else None
    if path is not None and path.is_file():
        with gzip.open(path, "rt", encoding="ascii") as file:
            rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
        return rows[:, :-1].reshape(-1, _SMALL, _SMALL), rows[:, -1]
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images.astype(np.int64), bunch.target.astype(np.int64)


def enlarge(values: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Enlarge images with bilinear interpolation.

    Args:
        values: int64, shape (n, 8, 8), 0 to 16.

    Returns:
        uint8, shape (n, 28, 28), 0 to 255, rounded half up.
    """
    import numpy as np

    weights, denominator = _weights()
    total = np.einsum("yi,nij,xj->nyx", weights, values, weights)
    scale = denominator * denominator * _MAXIMUM  # the largest total, which becomes 255
    enlarged: npt.NDArray[np.uint8] = ((2 * 255 * total + scale) // (2 * scale)).astype(np.uint8)
    return enlarged


def is_test(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return the mask of the test set, shape (n,): ``N_TEST`` images, stratified by class."""
    import numpy as np

    classes, counts = np.unique(labels, return_counts=True)
    chosen = np.zeros(len(labels), dtype=bool)
    for label, n_chosen in zip(classes, allot(counts, N_TEST), strict=True):
        positions = np.flatnonzero(labels == label).tolist()
        chosen[sorted(positions, key=_rank)[:n_chosen]] = True
    return chosen


def _rank(position: int) -> bytes:
    return hashlib.sha256(f"digits {position}".encode("ascii")).digest()


def _weights() -> tuple[npt.NDArray[np.int64], int]:
    """Return integer weights, shape (28, 8), and their denominator; row y gives output line y."""
    import numpy as np

    # The centre of line y of the large image is at (y + 1/2) · 8/28 - 1/2 of the small one, which is
    # (8 (2y + 1) - 28) / 56.
    denominator = 2 * _LARGE
    weights = np.zeros((_LARGE, _SMALL), dtype=np.int64)
    for y in range(_LARGE):
        before, after = divmod(_SMALL * (2 * y + 1) - _LARGE, denominator)
        weights[y, max(before, 0)] += denominator - after
        weights[y, min(before + 1, _SMALL - 1)] += after
    return weights, denominator
