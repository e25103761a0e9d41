"""The results of a run: study, plan, choices, records and test-set evaluations in one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data import Dataset, DatasetStatistics, Split
from convstudy.history.access_log import Entry
from convstudy.plan import Candidate, Choice, Fit, Plan, Stage, own_epochs
from convstudy.record import Acceptance, Evaluation, Record
from convstudy.studyfile import Recipe, Study

if TYPE_CHECKING:
    from convstudy.store.artefacts import Arrays


@dataclass(frozen=True)
class Results:
    """The results of a run, as :func:`convstudy.run_study` returns them. The run can be unfinished.

    Attributes:
        run_id: the id of the run in its runs folder, ``NAME-xxxxxx``.
        study: the study that was run.
        plan: the plan, updated with every choice that can be made from the existing records. A choice is the candidate
            that a stage selected.
        choices: these choices, in order.
        records: fit id -> record, done or failed; a fit without a record is not trained yet.
        test_evaluations: fit id -> test-set evaluation of this fit's weights.
        n_test_evaluations: the number of evaluations of the dataset's test set in this runs folder, by any study.
        n_test_evaluations_before: the number of evaluations before the first one of this run.
        created_at, updated_at: ISO 8601 in UTC.
        arrays: a function that reads a file of a fit and returns its arrays by name. ``arrays(fit_id, "weights")``
            returns the weights. ``arrays(fit_id, "validation")`` returns ``indices`` (n,) int64 into the training
            images, ``labels`` (n,) int64 and ``probabilities`` (n, n_classes) float32. ``arrays(fit_id, "test")``
            returns ``labels`` and ``probabilities`` of the test images, and ``error_rows`` (k,) int64 and
            ``error_pixels`` (k, height, width, channels) uint8 of the k most confident errors, the most confident
            first. If images have groups, both have ``groups`` (n,) int64. It raises
            :class:`~convstudy.errors.StoreError` if the file is missing or damaged.
        access_log: every evaluation of the dataset's test images in this runs folder, by any study and at any size,
            in order.
        images: statistics of the dataset's images; ``None`` until the test set is evaluated.
        acceptances: the failures that this run accepted, in order.
        baseline: a function that returns the predictions of the baselines for the images of a split
            (:func:`convstudy.data.baseline_predictions`), or ``None`` if they are not computed.
        augmented: a function that returns examples of a recipe's augmented training images by name (``labels`` (m,),
            ``originals`` (m, height, width, channels), ``augmented`` (m, n, height, width, channels)), or ``None``.

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
    ablate.small unmodified network 1
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
    augmented: Callable[[Recipe], Arrays | None] = lambda recipe: None
    baseline: Callable[[Split], Arrays | None] = lambda split: None

    @property
    def dataset(self) -> Dataset:
        return self.study.dataset

    def records_of(self, candidate: Candidate) -> tuple[Record, ...]:
        """Return the existing records of a candidate's fits, in the order of its seeds or folds."""
        return tuple(self.records[fit.id] for fit in candidate.fits if fit.id in self.records)

    def epochs_of(self, stage: Stage) -> int:
        """Return the number of epochs that a stage's fits trained.

        Epochs that a fit takes over from a shorter fit (an earlier rung of a halving search) count once.
        """
        return sum(len(epochs) for epochs in own_epochs(stage.fits, self.records).values())

    @property
    def seconds(self) -> float:
        """Seconds of training and evaluation over all fits of the plan.

        Epochs that a fit takes over from a shorter fit (an earlier rung of a halving search) count once.
        """
        own = own_epochs((fit for stage in self.plan.stages for fit in stage.fits), self.records)
        return sum(
            epoch.train_seconds + epoch.evaluation_seconds for epochs in own.values() for epoch in epochs
        )

    def choice(self, stage_key: str) -> Choice | None:
        """Return the choice of a stage, such as ``"search.kernel"``; ``None`` if it is not made yet."""
        return next((choice for choice in self.choices if choice.stage == stage_key), None)

    @property
    def failed(self) -> tuple[Record, ...]:
        """The records of the plan's failed fits, except fits of rungs or trials that are not decided yet."""
        ids = dict.fromkeys(fit.id for stage in self.plan.stages for fit in stage.fits)
        found = [self.records[fit_id] for fit_id in ids if fit_id in self.records]
        return tuple(record for record in found if not record.done)

    @property
    def n_final(self) -> int:
        """The number of the plan's fits with a final record."""
        return sum(fit.id in self.records and self.records[fit.id].final for fit in self.plan.fits)

    @property
    def is_trained(self) -> bool:
        """Whether every settled fit has a final record; fits that wait for a selection do not count."""
        settled = self.plan.settled_fits
        return all(fit.id in self.records and self.records[fit.id].final for fit in settled)

    @property
    def unfinished(self) -> tuple[Record, ...]:
        """The records of failed fits that the next run trains again. Until then, their stages select no candidate."""
        return tuple(record for record in self.failed if not record.final)

    @property
    def untested(self) -> tuple[Fit, ...]:
        """The completed fits whose model must still be evaluated on the test set."""
        done = (fit for fit in self.plan.tested_fits if fit.id in self.records and self.records[fit.id].done)
        return tuple(
            fit
            for fit in done
            if fit.id not in self.test_evaluations or self.test_evaluations[fit.id].scores is None
        )

    @property
    def complete(self) -> bool:
        """Whether every fit is done or has failed permanently, and no test-set evaluation is missing."""
        plan = self.plan
        decided = not any(stage.depends_on or stage.pending for stage in plan.stages)
        trained = decided and all(fit.id in self.records and self.records[fit.id].final for fit in plan.fits)
        return trained and not self.untested
