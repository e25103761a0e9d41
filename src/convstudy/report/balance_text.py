"""Text of the balanced accuracy, which a report shows first if the training classes have very different sizes."""

from __future__ import annotations

from convstudy.analysis import Analysis, CandidateRow, StageResult, has_imbalanced_classes
from convstudy.metrics import ACCURACY, BALANCED_ACCURACY, Metric, metric_named
from convstudy.numbers import counted, decimals, percent
from convstudy.report.metric_text import signed_by, unit_of
from convstudy.stats import Summary, balance_of

TITLE = metric_named(BALANCED_ACCURACY).title
FEW_OF_A_CLASS = 10
"""With fewer test images of a class than this, the report says what one of them changes."""
NARROWEST = 1.96 * 2**0.5
"""The half-width of the interval of a difference that only the two pseudo-observations cause, in their size / n."""


def balanced_summary(stage_result: StageResult, row: CandidateRow) -> Summary | None:
    """Return the balanced accuracy to show next to the study's metric; ``None`` if none is needed or known."""
    found = stage_result.balanced.get(row.name)
    return None if found is None or found.mean is None else found


def with_other_accuracy(stage_result: StageResult, row: CandidateRow, score: str) -> str:
    """Return a score of the study's metric with the balanced accuracy or accuracy that belongs next to it.

    Args:
        stage_result: the result of the stage.
        row: the candidate.
        score: its score with the name of the metric, except for accuracy: ``97.15 %``, ``MCC 0.9412``.

    Returns:
        ``balanced accuracy 71.20 %, accuracy 97.15 %`` if classes are imbalanced; otherwise the score. Next to a
        balanced accuracy stands the accuracy.
    """
    measured = row.test if stage_result.measure.part == "test" else row.validation
    accuracy = measured[ACCURACY].mean
    if stage_result.metric.name == BALANCED_ACCURACY and accuracy is not None:
        return f"{score}, accuracy {percent(accuracy)}"
    found = balanced_summary(stage_result, row)
    if found is None or found.mean is None:
        return score
    balanced = f"{TITLE} {percent(found.mean)}"
    return f"{balanced}, accuracy {score}" if stage_result.metric.name == ACCURACY else f"{score}, {balanced}"


def imbalance_note(analysis: Analysis) -> str:
    """Return one sentence on classes of very different sizes; empty if there are none, or the metric balances them."""
    results = analysis.results
    if results.study.metric == BALANCED_ACCURACY or not has_imbalanced_classes(results) or not results.images:
        return ""
    balance = balance_of(results.images.train.class_counts)
    largest, smallest = (results.dataset.class_names[label] for label in (balance.largest, balance.smallest))
    metric = metric_named(results.study.metric).title
    # As in scikit-learn, the mean is over the classes that occur. On validation images, all of them do.
    of = "" if all(results.images.test.class_counts) else " (on test: over the classes that have test images)"
    return (
        f"class {largest} has {decimals(balance.ratio, 1)} times the training images of class {smallest}, so balanced "
        f"accuracy{of} is shown too; {metric} selected, and the verdicts compare it."
    )


def rare_class_note(analysis: Analysis, metric: Metric) -> str:
    """Report how few test images the rarest class has, for a metric that is a mean over classes; empty if enough."""
    n_rarest = analysis.predictions.rarest_class
    if n_rarest is None or n_rarest >= FEW_OF_A_CLASS or metric.classes != "all":
        return ""
    change = analysis.predictions.largest_change(metric) / analysis.results.dataset.n_test
    one = f"{signed_by(metric, change)}{unit_of(metric)}"
    narrowest = f"±{signed_by(metric, NARROWEST * change)}{unit_of(metric)}"
    return (
        f"The rarest class has {counted(n_rarest, 'test image')}. One wrong image of it changes the {metric.title} by "
        f"up to {one}, so that no interval of a difference is much narrower than {narrowest}."
    )
