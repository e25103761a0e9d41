"""The confusion matrix, from which several metrics per set are computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.metrics.metric import Labels, Probabilities


def prediction_counts(labels: Labels, probabilities: Probabilities) -> npt.NDArray[np.float64]:
    """Compute the confusion matrix.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.

    Returns:
        The number of images of class i that are predicted as class j, float64, shape ``(n_classes, n_classes)``.
    """
    import numpy as np

    n_classes = probabilities.shape[1]
    cells = labels * n_classes + probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.float64)
