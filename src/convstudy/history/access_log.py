"""The test-set access log: each test-set evaluation in a runs folder, by any study, and the hypothesis it tests.

A **hypothesis** is identified by a network, a recipe and a set of training images. Fits that differ only in their seed
test the same hypothesis. A second study with the same hypothesis uses the existing scores, so each hypothesis counts
once.

Another ``size``, ``fit`` or other key of ``[dataset]`` makes other arrays of the same images, and an added image makes
another dataset. Both have another digest, but the same test images: the log of a dataset has the evaluations of all
datasets with the same test set (:mod:`convstudy.history.same_test_set`). If their training images are equal too, the
same network and recipe are the same hypothesis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from convstudy.data import Dataset, Holdout
from convstudy.history.same_test_set import train_digest_of
from convstudy.plan import Fit
from convstudy.record import Evaluation
from convstudy.store import LoggedEvaluation


@dataclass(frozen=True)
class Entry:
    """A test-set evaluation in the log.

    Attributes:
        test_evaluation: the evaluation.
        run_id: the run that made it.
        hypothesis: the id of the hypothesis; fits that differ only in their seed have the same one.
        seed: the seed of the fit; ``None`` if its record is lost.
        dataset_digest: the digest of the dataset, of which other forms have other digests.
    """

    test_evaluation: Evaluation
    run_id: str
    hypothesis: str
    seed: int | None = None
    dataset_digest: str = ""

    @property
    def is_scored(self) -> bool:
        """Whether the evaluation has a score; an interrupted one has revealed nothing."""
        return self.test_evaluation.scores is not None


def access_log(
    test_evaluations: Iterable[LoggedEvaluation], datasets: Mapping[str, Dataset], current: Dataset
) -> tuple[Entry, ...]:
    """Return evaluations of a test set with the hypothesis that each tests.

    Args:
        test_evaluations: the evaluations.
        datasets: digest -> dataset with this test set.
        current: one of these datasets. A dataset with the same training images counts as this one.
    """
    train_digest = train_digest_of(current)
    as_current = {
        digest: current if train_digest and train_digest_of(dataset) == train_digest else dataset
        for digest, dataset in datasets.items()
    }
    entries: list[Entry] = []
    for logged in test_evaluations:
        evaluation, digest = logged.test_evaluation, logged.dataset_digest
        # Without a record the fit's description is lost, so the evaluation counts as a hypothesis of its own.
        if not logged.fit:
            entries.append(Entry(evaluation, logged.run_id, evaluation.fit_id, None, digest))
            continue
        fit = Fit.from_json(logged.fit, datasets[digest])
        hypothesis = hypothesis_of(replace(fit, dataset=as_current[digest]))
        entries.append(Entry(evaluation, logged.run_id, hypothesis, fit.seed, digest))
    return tuple(entries)


def n_before(test_evaluations: Iterable[LoggedEvaluation], run_id: str) -> int:
    """Return the number of evaluations before the first one of a run; the number of all if the run has none."""
    runs = [logged.run_id for logged in test_evaluations]
    return runs.index(run_id) if run_id in runs else len(runs)


def hypothesis_of(fit: Fit) -> str:
    """Return the id of the hypothesis that a fit tests: the id of the same fit with seed 0."""
    split = replace(fit.split, seed=0)
    if isinstance(split, Holdout) and split.half is not None:
        split = replace(split, half=0)  # seeds with other random halves of the training images are seeds too
    return replace(fit, seed=0, split=split).id
