"""Verdicts that are descriptive only, because splits are not random, or the evaluation is not finished."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from convstudy.analysis.image_groups import few_groups
from convstudy.data import Dataset
from convstudy.plan import Fit, Stage
from convstudy.stats.differences import Difference
from convstudy.stats.summary import summarise
from convstudy.stats.verdicts import Verdict

ONE_GROUP = "each fold is one group (leave-one-group-out)"

IN_ORDER = "splits are in order of time"
UNFINISHED = "the test-set evaluation is not finished"


def why_descriptive(dataset: Dataset, n_folds: int = 0) -> str:
    """Return why verdicts are descriptive only; empty if they are not.

    Intervals and tests over folds assume random folds. With as many folds as groups, nothing is random: each fold is a
    group, and the next patient or camera can differ from them in another way. Fewer than 10 groups do not show how much
    groups differ. In order of time, the test images are later than all others: they are one sample of the future,
    however many images it has. For test images in few groups, see ``PredictionReader.why_refused``.

    Args:
        dataset: the dataset of the study.
        n_folds: the number of folds of a search; 0 for verdicts on test images.
    """
    if dataset.has_times:
        return IN_ORDER
    if not n_folds:
        return ""
    return ONE_GROUP if n_folds == dataset.n_groups else few_groups("training", dataset.n_groups)


def why_unfinished(stage: Stage, untested: Iterable[Fit]) -> str:
    """Return why verdicts of a stage are descriptive only while its test-set evaluation is not finished.

    A verdict on the seeds that happen to be evaluated at an interruption would be one more look at the comparison.

    Args:
        stage: a tested stage.
        untested: the trained fits of the run that are not evaluated yet.
    """
    ids = {fit.id for fit in untested}
    return UNFINISHED if any(fit.id in ids for fit in stage.fits) else ""


def described(verdicts: tuple[Verdict, ...], why: str) -> tuple[Verdict, ...]:
    """Return verdicts as descriptions: their differences without interval, p-value, probability and claim.

    Args:
        verdicts: the verdicts of a stage.
        why: why they are descriptive only; if empty, they stay as they are.
    """
    if not why:
        return verdicts
    return tuple(
        replace(
            each,
            kind="too few to say",
            difference=Difference(each.difference.pairs, summarise(each.difference.pairs)),
            p=1.0,
            adjusted_p=1.0,
            required=None,
            probabilities=None,
            models=(),
            bounded=False,
            no_interval=True,
            descriptive=why,
            errors=None,
            by_share=None,
        )
        for each in verdicts
    )
