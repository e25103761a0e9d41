"""The majority-class baseline: the accuracy of always predicting the largest class."""

from __future__ import annotations

from convstudy.analysis import Analysis
from convstudy.data import Split
from convstudy.plan import Fit
from convstudy.stats import balance_of

MAX_ABOVE = 0.05
MAX_RATIO = 1.5
MAX_ERROR_REDUCTION = 0.1


class MajorityBaseline:
    """The majority-class baseline of each fit of a run on its validation images. The labels of a split are read once.

    Splits are stratified, so the baseline also holds for the training images. Without recorded validation labels, the
    baseline uses the class counts of all training images. If these are unknown too, it assumes classes of equal size.
    """

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._of_split: dict[Split, float] = {}

    def of(self, fit: Fit) -> float:
        """Return the accuracy, a fraction, of always predicting the largest class."""
        if fit.split not in self._of_split:
            counts = self._analysis.held_out.class_counts(fit.id)
            if counts is None:  # do not cache this: another fit of the split may have recorded the labels
                return self._without_labels()
            self._of_split[fit.split] = balance_of(counts).majority
        return self._of_split[fit.split]

    def _without_labels(self) -> float:
        results = self._analysis.results
        if results.images is not None:
            return balance_of(results.images.train.class_counts).majority
        return 1 / results.dataset.n_classes


def chance_level(majority: float) -> float:
    """Return the highest accuracy that counts as chance level.

    The level is the majority-class baseline plus the smallest of three values: half of the baseline, 0.05, and a tenth
    of the baseline's error rate.

    >>> round(chance_level(0.1), 3), round(chance_level(0.9), 3)  # 10 equal classes; one class has 90 % of the images
    (0.15, 0.91)
    """
    above = min((MAX_RATIO - 1) * majority, MAX_ABOVE, MAX_ERROR_REDUCTION * (1 - majority))
    return majority + above
