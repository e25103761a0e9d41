"""The ledger of a sealed test set: each opening in a runs folder, by whichever study, and the question it answered.

A **question** is how good a model trained in one way is: network, recipe, and images to train on. Its seeds answer it
together, and a second study that asks the same gets the answer that is there, so that a question counts once.
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
    """One opening in the ledger; ``question`` is an id that all seeds of one question share."""

    test_evaluation: Evaluation
    run_id: str
    question: str

    @property
    def answered(self) -> bool:
        """Whether it came to a score; one that was only begun has shown nobody anything."""
        return self.test_evaluation.scores is not None


def access_log(test_evaluations: Iterable[LoggedEvaluation], dataset: Dataset) -> tuple[Entry, ...]:
    """Return the openings of a dataset's test set with the question that each helped to answer."""
    entries: list[Entry] = []
    for logged in test_evaluations:
        # A fit that has no record now, because its weights are lost, stands for itself.
        question = (
            question_of(Fit.from_json(logged.fit, dataset)) if logged.fit else logged.test_evaluation.fit_id
        )
        entries.append(Entry(logged.test_evaluation, logged.run_id, question))
    return tuple(entries)


def n_before(test_evaluations: Iterable[LoggedEvaluation], run_id: str) -> int:
    """Return how many openings came before a run's first one: all of them, where it has none."""
    runs = [logged.run_id for logged in test_evaluations]
    return runs.index(run_id) if run_id in runs else len(runs)


def question_of(fit: Fit) -> str:
    """Return the id of the question that a fit helps to answer: that of the same fit with the first seed."""
    return replace(fit, seed=0, split=replace(fit.split, seed=0)).id
