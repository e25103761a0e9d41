"""The table of labels and predicted classes, which several metrics per set follow from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.metrics.metric import Labels, Probabilities


def prediction_counts(labels: Labels, probabilities: Probabilities) -> npt.NDArray[np.float64]:
    """Return how many images of class i are predicted as class j, shape ``(n_classes, n_classes)``."""
    import numpy as np

    n_classes = probabilities.shape[1]
    places = labels * n_classes + probabilities.argmax(axis=1)
    return np.bincount(places, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.float64)
