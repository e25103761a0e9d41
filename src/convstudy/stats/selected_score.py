"""The interval of a winner's score after the correction for its selection.

Bias-corrected bootstrap cross-validation (Tsamardinos, Greasidou and Borboudakis 2018) selects a candidate on each
bootstrap sample of the images and scores it on the images that were not drawn. The percentiles of these scores are an
interval for the score of a selected candidate. Three changes make it narrower where it is too wide, and wider where it
is too narrow (docs/statistics.md has the coverage of both):

- A score on the images not drawn, about 37 % of all, varies more than a score on all images. The draws are scaled about
  their mean by the root of this share, and centred at the corrected score.
- Without errors on the images, all draws are equal. The interval contains the lower end of Wilson's interval of the
  corrected score, and
- the upper end of Wilson's interval of the corrected score plus a quarter of the correction, because the correction
  removes too much if candidates differ.

The interval is about other images. It does not contain the variation between trainings: seed, order and training set.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convstudy.stats.differences import CONFIDENCE
from convstudy.stats.intervals import Interval, wilson

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RETURNED = 0.25
"""The share of the correction that the upper end does without."""


def corrected_interval(
    score: float,
    bias: float,
    draws: npt.NDArray[np.float64],
    share: float,
    n: float,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return a winner's corrected score with its interval, within [0, 1].

    Args:
        score: the score that selected the winner, a proportion.
        bias: the estimated bias of ``score``.
        draws: for each draw, the score of the candidate selected on it, on the images that were not drawn.
        share: the mean share of the images that a draw leaves out, in (0, 1].
        n: the number of images, or of groups of images if these were drawn.
        confidence: the confidence level.

    >>> import numpy as np
    >>> found = corrected_interval(0.97, 0.01, np.linspace(0.94, 0.98, 1000), 0.37, 500)
    >>> round(found.estimate, 3), round(found.low, 3), round(found.high, 3)
    (0.96, 0.939, 0.976)
    """
    import numpy as np

    corrected = min(1.0, max(0.0, score - bias))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(draws, [tail, 100 - tail]) - draws.mean()
    less_corrected = min(1.0, max(0.0, corrected + RETURNED * (score - corrected)))
    return Interval(
        corrected,
        max(0.0, min(corrected + math.sqrt(share) * float(low), wilson(corrected, n, confidence).low)),
        min(1.0, max(corrected + math.sqrt(share) * float(high), wilson(less_corrected, n, confidence).high)),
        confidence,
    )
