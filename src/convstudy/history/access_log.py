"""The test-set access log: each test-set evaluation in a runs folder, by any study, and the hypothesis it tests.

A **hypothesis** is identified by a network, a recipe and a set of training images. Fits that differ only in their seed
test the same hypothesis. A second study with the same hypothesis uses the existing scores, so each hypothesis counts
once.

Another ``size``, ``fit`` or other key of ``[dataset]`` makes other arrays of the same images, so another dataset. Its
evaluations have used the same test images: the log of a dataset has them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from convstudy.data import Dataset
from convstudy.data.sources.prepared import PreparedSource
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


def access_log(
    test_evaluations: Iterable[LoggedEvaluation], datasets: Mapping[str, Dataset]
) -> tuple[Entry, ...]:
    """Return evaluations of test sets with the hypothesis that each tests.

    Args:
        test_evaluations: the evaluations.
        datasets: digest -> dataset.
    """
    entries: list[Entry] = []
    for logged in test_evaluations:
        # Without a record the fit's description is lost, so the evaluation counts as a hypothesis of its own.
        hypothesis = (
            hypothesis_of(Fit.from_json(logged.fit, datasets[logged.dataset_digest]))
            if logged.fit
            else logged.test_evaluation.fit_id
        )
        entries.append(Entry(logged.test_evaluation, logged.run_id, hypothesis))
    return tuple(entries)


def has_same_images(first: Dataset, second: Dataset) -> bool:
    """Return whether two datasets were prepared from the images at the same paths, in whatever form."""
    one, other = first.source, second.source
    if not isinstance(one, PreparedSource) or not isinstance(other, PreparedSource):
        return False
    return (one.request.path, one.request.test_path) == (other.request.path, other.request.test_path)


def n_before(test_evaluations: Iterable[LoggedEvaluation], run_id: str) -> int:
    """Return the number of evaluations before the first one of a run; the number of all if the run has none."""
    runs = [logged.run_id for logged in test_evaluations]
    return runs.index(run_id) if run_id in runs else len(runs)


def hypothesis_of(fit: Fit) -> str:
    """Return the id of the hypothesis that a fit tests: the id of the same fit with seed 0."""
    return replace(fit, seed=0, split=replace(fit.split, seed=0)).id
