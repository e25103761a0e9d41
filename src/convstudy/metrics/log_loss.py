"""Log-loss: the mean cross-entropy −ln p(label), in nats per image.

Records have the value that training computes from logits. The value from stored float32 probabilities is the same up to
rounding; probabilities below the smallest positive float32 are clipped to this number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values

SMALLEST = 1e-45
"""About the smallest positive float32, at which probabilities are clipped."""
MOST = 103.3
"""−ln of the smallest positive float32: the largest cross-entropy, in nats."""


def cross_entropies(labels: Labels, probabilities: Probabilities) -> Values:
    """Compute the cross-entropy of each image.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.

    Returns:
        Values in nats, float64, shape ``(n,)``.
    """
    import numpy as np

    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    losses: Values = -np.log(np.maximum(own, SMALLEST))
    return losses


METRIC = Metric(
    name="log-loss",
    title="loss",
    higher_is_better=False,
    unit="nats",
    low=0.0,
    high=MOST,
    margin=0.0,
    per_image=cross_entropies,
)
