"""Log-loss: the mean cross-entropy, −ln of the probability of the label, in nats per image.

Records have it as computed from logits during training; from stored float32 probabilities it is the same up to
rounding, with probabilities below float32's smallest number taken as that number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values

SMALLEST = 1e-45
"""About the smallest number of float32: below it a cross-entropy is not known."""
MOST = 103.3
"""−ln of the smallest float32: a cross-entropy in nats is not larger."""


def cross_entropies(labels: Labels, probabilities: Probabilities) -> Values:
    """Return the cross-entropy of each image, in nats."""
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
