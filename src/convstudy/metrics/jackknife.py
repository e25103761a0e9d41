"""Jackknife pseudo-values: the contribution of each image to a metric per set.

A metric per set, such as macro-F1, is no mean over images. Its pseudo-value of image i is

    value + (n − 1) · (mean of all deletions − value without image i)

The mean of the pseudo-values is the value of the metric, and their variance divided by n estimates the variance that
the sampling of images causes (Tukey 1958; Efron and Stein 1981). Values per image and pseudo-values therefore have the
same intervals (``stats/two_way.py``). For ROC AUC this variance is DeLong's, up to n − 1 in place of n (DeLong, DeLong
and Clarke-Pearson 1988).

An image that is alone in its class has no substitute: without it the class is absent, and the metric is a mean over
other classes. The terms of such a class are kept, so the image has no deviation; the pseudo-observations of an interval
(:func:`largest_change`) represent its uncertainty.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from convstudy.metrics.predicted import prediction_counts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.metrics.metric import Labels, Probabilities, Values

    Table = npt.NDArray[np.float64]
    Indices = npt.NDArray[np.int64]

MAX_BLOCKS = 200
"""The largest number of times that :func:`by_blocks` computes a metric."""


def centred(value: float, deleted: Values) -> Values:
    """Return the pseudo-values for the values of a metric without each image, shape ``(n,)``.

    An undefined deletion (NaN) is replaced by ``value``: the image has no deviation.

    >>> import numpy as np
    >>> centred(0.5, np.array([0.4, 0.6])).tolist()  # the mean of 1 and 0 without each of them
    [0.6, 0.4]
    """
    import numpy as np

    known = np.where(np.isfinite(deleted), deleted, value)
    found: Values = value + (len(known) - 1) * (known.mean() - known)
    return found


def by_cell(
    labels: Labels,
    probabilities: Probabilities,
    value: float,
    deleted: Callable[[Table, Indices, Indices], Values],
) -> Values:
    """Return the pseudo-values of a metric that is a function of the confusion matrix.

    All images of a cell have the same pseudo-value, so at most ``n_classes²`` deletions are computed.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.
        value: the value of the metric.
        deleted: maps the confusion matrix, and the label and prediction of k images, to the k values of the metric
            without each of these images.
    """
    import numpy as np

    if len(labels) < 2:
        return np.full(len(labels), value)
    n_classes = probabilities.shape[1]
    cells, index = np.unique(labels * n_classes + probabilities.argmax(axis=1), return_inverse=True)
    table = prediction_counts(labels, probabilities)
    return centred(value, deleted(table, cells // n_classes, cells % n_classes)[index])


def by_blocks(
    labels: Labels,
    probabilities: Probabilities,
    per_set: Callable[[Labels, Probabilities], float],
    max_blocks: int = MAX_BLOCKS,
) -> Values:
    """Return the pseudo-values of any metric per set, by deleting blocks of images (Busing, Meijer and Leeden 1999).

    The metric is computed once per block, so at most ``max_blocks`` times; with up to ``max_blocks`` images each block
    is one image. Each class is spread evenly over the blocks. A block of m images gives each of its images the
    deviation of the block times √m: the variance between these values is then that of single images.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.
        per_set: the metric.
        max_blocks: the largest number of blocks, 2 or more.

    Returns:
        float64, shape ``(n,)``; their mean is the value of the metric. NaN if this value is NaN.

    >>> import numpy as np
    >>> labels, probabilities = np.array([0, 1, 0]), np.eye(2)[[0, 1, 1]]
    >>> mean_correct = lambda labels, found: float((found.argmax(axis=1) == labels).mean())
    >>> by_blocks(labels, probabilities, mean_correct).round(6).tolist()  # the mean of 1, 1 and 0
    [1.0, 1.0, -0.0]
    """
    import numpy as np

    n, value = len(labels), float(per_set(labels, probabilities))
    if n < 2 or not math.isfinite(value):
        return np.full(n, value)
    block = np.empty(n, dtype=np.int64)
    block[np.argsort(labels, kind="stable")] = np.arange(n) % min(n, max_blocks)
    sizes = np.bincount(block)
    without = np.array([per_set(labels[block != b], probabilities[block != b]) for b in range(len(sizes))])
    change = np.where(np.isfinite(without), value - without, 0.0)
    # The mean of a block deviates from the value by (n / m − 1) times the change that its deletion causes.
    deviations = ((n / sizes - 1) * change * np.sqrt(sizes))[block]
    found: Values = value + deviations - deviations.mean()
    return found


def largest_change(
    labels: Labels, n_classes: int, per_set: Callable[[Labels, Probabilities], float]
) -> float:
    """Return n times the change of a metric that one image can cause, if all others are predicted perfectly.

    An image of one of the two rarest classes gets the probabilities of an image of the other one. Means over classes
    change most there. The result has the scale of a pseudo-value: for a mean of values from 0 to 1 it is 1.

    Args:
        labels: class indices of the n images, shape ``(n,)``.
        n_classes: the number of classes.
        per_set: the metric.

    >>> import numpy as np
    >>> from convstudy.metrics import metric_named
    >>> labels = np.repeat([0, 1], [90, 10])
    >>> round(largest_change(labels, 2, metric_named("kappa").per_set), 1)  # about 1 / (1 − 0.9² − 0.1²)
    5.8
    """
    import numpy as np

    present, counts = np.unique(labels, return_counts=True)
    rarest = present[np.argsort(counts, kind="stable")].tolist()
    if len(rarest) < 2:
        rarest = [*rarest, (rarest[0] + 1) % n_classes]
    probabilities = np.full((len(labels), n_classes), 0.1 / max(1, n_classes - 1), dtype=np.float32)
    probabilities[np.arange(len(labels)), labels] = 0.9
    perfect, changes = float(per_set(labels, probabilities)), [0.0]
    for own, wrong in (rarest[:2], rarest[1::-1]):
        found = np.flatnonzero(labels == own)
        if not len(found):
            continue
        row = probabilities[found[0]]
        row[[own, wrong]] = row[[wrong, own]]
        changes.append(abs(perfect - float(per_set(labels, probabilities))))
        row[[own, wrong]] = row[[wrong, own]]
    return len(labels) * max(change for change in changes if math.isfinite(change))
