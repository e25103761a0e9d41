"""The accuracy of guessing: the share of the largest class among the validation images of a fit."""

from __future__ import annotations

from convstudy.analysis import Analysis
from convstudy.data import Split
from convstudy.plan import Fit
from convstudy.stats import balance_of

MOST_ABOVE_CHANCE = 0.05
MOST_CHANCES = 1.5
MOST_OF_ERRORS = 0.1


class LargestShares:
    """Gives the share of the largest class for each fit of a run; reads the labels of each split once.

    A split is stratified, so the share holds for its training images too. Without recorded labels the class counts of
    all training images count, and before these are known, classes of equal size.
    """

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._of_split: dict[Split, float] = {}

    def of(self, fit: Fit) -> float:
        """Return the share, a fraction."""
        if fit.split not in self._of_split:
            counts = self._analysis.held_out.class_counts(fit.id)
            if counts is None:  # not kept: another fit of this split can have its labels on record
                return self._without_labels()
            self._of_split[fit.split] = balance_of(counts).majority
        return self._of_split[fit.split]

    def _without_labels(self) -> float:
        results = self._analysis.results
        if results.images is not None:
            return balance_of(results.images.train.class_counts).majority
        return 1 / results.dataset.n_classes


def chance_level(largest_share: float) -> float:
    """Return the accuracy up to which a fit counts as being at chance.

    Half as much again as the largest class's share, at most 5 points more, and at most a tenth of the errors fewer
    than when guessing that class.
    """
    above = min((MOST_CHANCES - 1) * largest_share, MOST_ABOVE_CHANCE, MOST_OF_ERRORS * (1 - largest_share))
    return largest_share + above
