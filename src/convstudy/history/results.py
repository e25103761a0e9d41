"""What a run has come to: study, plan, choices, records and openings in one value, for statistics and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data import Dataset, DatasetStatistics
from convstudy.history.access_log import Entry
from convstudy.plan import Candidate, Choice, Fit, Plan, Stage, own_epochs
from convstudy.record import Acceptance, Evaluation, Record
from convstudy.studyfile import Study

if TYPE_CHECKING:
    from convstudy.store.artefacts import Arrays


@dataclass(frozen=True)
class Results:
    """A run as its records tell it; it may be unfinished.

    Attributes:
        run_id: how the run is called in its runs folder.
        study: what was asked.
        plan: the plan with every choice that the records allow.
        choices: these choices, in order.
        records: fit id -> record, done or failed; a fit without one is not trained yet.
        test_evaluations: fit id -> the opening of the test set for this fit's weights.
        n_test_evaluations: how often the dataset's test set was opened in this runs folder, by any study, so far.
        n_test_evaluations_before: how many of these came before this run's first.
        created_at, updated_at: ISO 8601, UTC.
        arrays: reads what lies beside a record: ``arrays(fit_id, "weights")`` the weights by name, ``"validation"``
            ``indices`` (n,), ``probabilities`` (n, n_classes) and ``labels`` (n,), which older fits have not left,
            ``"test"`` ``labels`` (n,), ``probabilities`` (n, n_classes), ``error_rows`` (k,) and ``error_pixels``
            (k, height, width, channels) of the most confident mistakes, most confident first. Raises ``StoreError``
            where the file is missing or damaged.
        access_log: every opening of the dataset's test set in this runs folder, by any study, in order.
        images: what is known of the dataset's images; ``None`` where the test set was not opened yet.
        acceptances: the failures that this run has accepted, in order.

    >>> from convstudy import Network, Study, Variant, run_study
    >>> study = Study(
    ...     name="quick", dataset="digits", seeds=1, subset=100, recipe={"epochs": 1},
    ...     network={"small": Network.read(["conv 4 3 relu stride=4", "flatten"])},
    ...     ablate={"small": {"network": "small", "variants": {"tanh": Variant(activation="tanh")}}},
    ... )
    >>> results = run_study(study, "runs", workers=0)
    >>> for stage in results.plan.stages:
    ...     for candidate in stage.candidates:
    ...         print(stage.key, candidate.name, len(results.records_of(candidate)))
    ablate.small as it is 1
    ablate.small tanh 1
    """

    run_id: str
    study: Study
    plan: Plan
    choices: tuple[Choice, ...]
    records: Mapping[str, Record]
    test_evaluations: Mapping[str, Evaluation]
    n_test_evaluations: int
    n_test_evaluations_before: int
    created_at: str
    updated_at: str
    arrays: Callable[[str, str], Arrays]
    access_log: tuple[Entry, ...] = ()
    images: DatasetStatistics | None = None
    acceptances: tuple[Acceptance, ...] = ()

    @property
    def dataset(self) -> Dataset:
        """The images that the run is about, as a value; reading it needs no file."""
        return self.study.dataset

    def records_of(self, candidate: Candidate) -> tuple[Record, ...]:
        """Return the records of a candidate's fits that are there, in the order of its seeds or folds."""
        return tuple(self.records[fit.id] for fit in candidate.fits if fit.id in self.records)

    def epochs_of(self, stage: Stage) -> int:
        """Return how many epochs a stage's fits were trained, each epoch of a lineage once."""
        return sum(len(epochs) for epochs in own_epochs(stage.fits, self.records).values())

    @property
    def seconds(self) -> float:
        """Seconds of training and evaluation of the plan's fits, each epoch of a lineage once."""
        own = own_epochs((fit for stage in self.plan.stages for fit in stage.fits), self.records)
        return sum(
            epoch.train_seconds + epoch.evaluation_seconds for epochs in own.values() for epoch in epochs
        )

    def choice(self, stage_key: str) -> Choice | None:
        """Return the choice of a stage, or ``None`` where it is not made."""
        return next((choice for choice in self.choices if choice.stage == stage_key), None)

    @property
    def failed(self) -> tuple[Record, ...]:
        """The records of the plan's fits that failed, without those of fits that only stand in for others."""
        ids = dict.fromkeys(fit.id for stage in self.plan.stages for fit in stage.fits)
        found = [self.records[fit_id] for fit_id in ids if fit_id in self.records]
        return tuple(record for record in found if not record.done)

    @property
    def unfinished(self) -> tuple[Record, ...]:
        """The records of failed fits that may yet succeed: nothing is chosen from their stages before they do."""
        return tuple(record for record in self.failed if not record.final)

    @property
    def untested(self) -> tuple[Fit, ...]:
        """The fits that are done and whose model has no test score yet."""
        done = (fit for fit in self.plan.tested_fits if fit.id in self.records and self.records[fit.id].done)
        return tuple(
            fit
            for fit in done
            if fit.id not in self.test_evaluations or self.test_evaluations[fit.id].scores is None
        )

    @property
    def complete(self) -> bool:
        """Whether every fit of the plan is done or has failed for good, and every tested model has its score."""
        plan = self.plan
        decided = not any(stage.depends_on or stage.pending for stage in plan.stages)
        trained = decided and all(fit.id in self.records and self.records[fit.id].final for fit in plan.fits)
        return trained and not self.untested
