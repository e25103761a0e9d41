"""The test-set access log: each test-set evaluation in a runs folder, by any study, and the hypothesis it tests.

A **hypothesis** is identified by a network, a recipe and a set of training images. Fits that differ only in their seed
test the same hypothesis. A second study with the same hypothesis uses the existing scores, so each hypothesis counts
once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from convstudy.data import Dataset
from convstudy.plan import Fit
from convstudy.record import Evaluation
from convstudy.store import LoggedEvaluation


@dataclass(frozen=True)
class Entry:
    """A test-set evaluation in the log. Fits that differ only in their seed have the same id ``hypothesis``."""

    test_evaluation: Evaluation
    run_id: str
    hypothesis: str

    @property
    def is_scored(self) -> bool:
        """Whether the evaluation has a score; an interrupted one has revealed nothing."""
        return self.test_evaluation.scores is not None


def access_log(test_evaluations: Iterable[LoggedEvaluation], dataset: Dataset) -> tuple[Entry, ...]:
    """Return the evaluations of a dataset's test set with the hypothesis that each tests."""
    entries: list[Entry] = []
    for logged in test_evaluations:
        # Without a record the fit's description is lost, so the evaluation counts as a hypothesis of its own.
        hypothesis = (
            hypothesis_of(Fit.from_json(logged.fit, dataset)) if logged.fit else logged.test_evaluation.fit_id
        )
        entries.append(Entry(logged.test_evaluation, logged.run_id, hypothesis))
    return tuple(entries)


def n_before(test_evaluations: Iterable[LoggedEvaluation], run_id: str) -> int:
    """Return the number of evaluations before the first one of a run; the number of all if the run has none."""
    runs = [logged.run_id for logged in test_evaluations]
    return runs.index(run_id) if run_id in runs else len(runs)


def hypothesis_of(fit: Fit) -> str:
    """Return the id of the hypothesis that a fit tests: the id of the same fit with seed 0."""
    return replace(fit, seed=0, split=replace(fit.split, seed=0)).id
