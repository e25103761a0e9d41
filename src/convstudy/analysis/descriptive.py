"""Verdicts that are descriptive only, because splits are not random."""

from __future__ import annotations

from dataclasses import replace

from convstudy.data import Dataset
from convstudy.stats.differences import Difference
from convstudy.stats.summary import summarise
from convstudy.stats.verdicts import Verdict

ONE_GROUP = "each fold is one group (leave-one-group-out)"


IN_ORDER = "splits are in order of time"


def why_descriptive(dataset: Dataset, n_folds: int = 0) -> str:
    """Return why verdicts are descriptive only; empty if they are not.

    Intervals and tests over folds assume random folds. With as many folds as groups, nothing is random: each fold is a
    group, and the next patient or camera can differ from them in another way. In order of time, the test images are
    later than all others: they are one sample of the future, however many images it has.

    Args:
        dataset: the dataset of the study.
        n_folds: the number of folds of a search; 0 for verdicts on test images.
    """
    if dataset.has_times:
        return IN_ORDER
    return ONE_GROUP if n_folds and n_folds == dataset.n_groups else ""


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
        )
        for each in verdicts
    )
