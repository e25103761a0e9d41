"""Checks of labels: suspected label errors, and an equivalence margin below their rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from convstudy.analysis import Analysis, LabelErrors
from convstudy.analysis.label_errors import Unknown
from convstudy.checks.check import Spot, accuracy_margin
from convstudy.checks.images import DATASET
from convstudy.metrics import metric_named
from convstudy.numbers import counted, percent, shortest
from convstudy.stats import Share

WHY: Mapping[Unknown, str] = {
    "no search": "no search with folds has selected a candidate",
    "no predictions": "there are no predictions of models that have not trained on them",
    "one seed": "one seed cannot agree with another one",
    "low accuracy": "the network agrees with fewer than 80 % of the labels: its own errors prevail",
}


def likely_label_errors(analysis: Analysis) -> Iterator[Spot]:
    """Find images on which models that have not trained on them confidently predict another class."""
    for errors in analysis.label_errors:
        if errors.found:
            n = len(errors.found)
            yield Spot(
                DATASET,
                f"{counted(n, f'{errors.part} image')} of {errors.n_images:,} ({percent(errors.rate)}) "
                f"{'has a suspected label error' if n == 1 else 'have suspected label errors'}: models that did not "
                f"train on {'it' if n == 1 else 'them'} confidently predict another class",
                "look at them in the report; let a person decide, by the same rule for training and test images",
            )


def margins_below_label_errors(analysis: Analysis) -> Iterator[Spot]:
    """Find an equivalence margin below the rate of suspected label errors of the images that verdicts compare on."""
    margin = accuracy_margin(analysis.results.study)
    for errors in _relevant(analysis):
        if errors.rate > margin:
            yield Spot(
                "study.equivalence_margin",
                f"the equivalence margin, {shortest(100 * margin)} percentage points, is below the rate of suspected "
                f"label errors of the {errors.part} images, {percent(errors.rate)}: a difference of this size can come "
                "from wrong labels",
                "look at the suspected labels first, or use a larger equivalence_margin",
            )


def without_examined_labels(analysis: Analysis) -> str:
    """Return why no labels can be examined."""
    parts = analysis.label_errors
    if any(not errors.unknown for errors in parts):
        return ""
    return "; ".join(f"{errors.part} images: {WHY[errors.unknown]}" for errors in parts)


def without_comparable_margin(analysis: Analysis) -> str:
    """Return why the margin cannot be compared with a rate of label errors."""
    study = analysis.results.study
    if metric_named(study.metric).unit != "percent":
        return "the metric of the study is not a percentage"
    if isinstance(study.margin, Share):
        return "the equivalence margin is a share of the errors"
    if reason := without_examined_labels(analysis):
        return reason
    return "" if _relevant(analysis) else "no verdict is over images whose labels were examined"


def _relevant(analysis: Analysis) -> list[LabelErrors]:
    """Return the examined parts that have verdicts: training images in searches, test images in other stages."""
    questions = {each.question for each in analysis.main_results if each.verdicts}
    training, test = analysis.label_errors
    found = []
    if not training.unknown and "search" in questions:
        found.append(training)
    if not test.unknown and questions - {"search"}:
        found.append(test)
    return found
