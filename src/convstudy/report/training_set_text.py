"""Which training sets a verdict on test images holds for: the one of the study, or others of half its size.

Seeds of a study train on the same training images, so its verdicts are about this training set. With
``resample = "training"`` they are about training sets of half the size (docs/statistics.md, "Training sets").
"""

from __future__ import annotations

from collections.abc import Sequence

from convstudy.stats import Verdict

THIS = "for this training set"
HALVES = "for training sets of half the size"


def training_set_scope(verdicts: Sequence[Verdict]) -> str:
    """Return the scope of verdicts: ``"for this training set"``; empty if none has an interval over seeds and images.

    Searches have their own scope, "on these folds".
    """
    over_seeds = [each for each in verdicts if each.measure.part == "test" and each.difference.n > 1]
    if not any(_is_shown(each) for each in over_seeds):
        return ""
    return HALVES if any(resamples(each) for each in over_seeds) else THIS


def _is_shown(verdict: Verdict) -> bool:
    return verdict.difference.low is not None and not verdict.no_interval and not verdict.same_models


def resamples(verdict: Verdict) -> bool:
    """Return whether the interval accounts for the variation between training sets."""
    return verdict.difference.half_width_of("training sets") is not None
