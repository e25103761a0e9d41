"""Verdicts that are descriptive only, because folds are not random."""

from __future__ import annotations

from dataclasses import replace

from convstudy.data import Dataset
from convstudy.stats.differences import Difference
from convstudy.stats.summary import summarise
from convstudy.stats.verdicts import Verdict

ONE_GROUP = "each fold is one group (leave-one-group-out)"


def why_descriptive(dataset: Dataset, n_folds: int) -> str:
    """Return why verdicts over folds are descriptive only; empty if they are not.

    Intervals and tests over folds assume random folds. With as many folds as groups, nothing is random: each fold is a
    group, and the next patient or camera can differ from them in another way.

    Args:
        dataset: the dataset of the study.
        n_folds: the number of folds of a search.
    """
    return ONE_GROUP if n_folds == dataset.n_groups else ""


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
