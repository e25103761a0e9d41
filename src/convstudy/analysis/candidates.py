"""One row per candidate and per fit: scores, cost, weights digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from convstudy.data import Fold, Holdout
from convstudy.history.results import Results
from convstudy.metrics import recorded_with
from convstudy.networks import layer_table
from convstudy.plan import Candidate, Fit, Stage
from convstudy.record import PERMANENT_ERRORS, Evaluation, Record, Scores
from convstudy.stats.measure import Measure, Part
from convstudy.stats.summary import Summary, summarise
from convstudy.stats.verdicts import Evidence, MeasuredFit

Status = Literal["done", "failed", "not trained"]
Failure = Literal["", "retryable", "permanent error", "repeated", "accepted"]
"""The status of a failed fit. A ``"retryable"`` fit may succeed in another run. The other failures are permanent,
because of the kind of error (``"permanent error"``), because several runs had the same error (``"repeated"``), or
because the user accepted the failure (``"accepted"``). Empty: the fit did not fail."""


@dataclass(frozen=True)
class FitRow:
    """A fit of a candidate.

    Attributes:
        stage: the key of the stage, for example ``"compare.architectures"``.
        candidate: its name.
        part: the seed or fold of the fit: ``"seed 0"``, or ``"fold 1"`` (counted from 1).
        fit_id: the id of the fit.
        status: ``"done"``, ``"failed"`` or ``"not trained"``.
        n_epochs: the number of trained epochs.
        selected_epoch: the epoch of the weights that are scored, from 1; ``None`` if the fit is not done.
        train, validation, test: scores by metric, measured in evaluation mode with the selected weights; accuracies
            are fractions, the log-loss is in nats.
        weights_digest: the digest of the selected weights; empty if there are none.
        n_train, n_validation: the numbers of images.
        seconds: the training time.
        error_kind, error: the kind and message of the error of a failed fit; empty for other fits.
        epoch_budget: the number of epochs that a rung of a search allows; ``None`` for all epochs.
        failure: the status of a failed fit; empty for other fits.
        training_set: the number of the half of the training images that it trains on, with ``resample = "training"``;
            ``None`` for a fit on all of them.
    """

    stage: str
    candidate: str
    part: str
    fit_id: str
    status: Status
    n_epochs: int
    selected_epoch: int | None
    train: Scores | None
    validation: Scores | None
    test: Scores | None
    weights_digest: str
    n_train: int
    n_validation: int
    seconds: float
    error_kind: str
    error: str
    epoch_budget: int | None = None
    failure: Failure = ""
    training_set: int | None = None

    def score(self, measure: Measure) -> float | None:
        """Return the score of a metric on the training, validation or test images; ``None`` if there is none."""
        scores = {"train": self.train, "validation": self.validation, "test": self.test}[measure.part]
        return None if scores is None else scores[measure.metric]


@dataclass(frozen=True)
class CandidateRow:
    """A candidate, summarized over its completed fits.

    Attributes:
        stage, question: the key and the question of its stage.
        name: the name of the candidate.
        network: the name of its network.
        settled: whether every selection on which it depends has been made.
        chosen: whether the stage selected this candidate.
        n_parameters: the number of weights, including the moving averages of batch normalization.
        n_trainable: the number of trainable weights.
        train, validation, test: summaries by metric, for each recorded metric and the metric of the study; empty
            summaries if no fit has a score.
        seconds: training time per fit.
        fits: all fits, including failed ones and those that are not trained yet.
    """

    stage: str
    question: str
    name: str
    network: str
    settled: bool
    chosen: bool
    n_parameters: int
    n_trainable: int
    train: Mapping[str, Summary]
    validation: Mapping[str, Summary]
    test: Mapping[str, Summary]
    seconds: Summary
    fits: tuple[FitRow, ...]

    @property
    def n_done(self) -> int:
        """The number of completed fits."""
        return sum(fit.status == "done" for fit in self.fits)

    @property
    def n_failed(self) -> int:
        """The number of failed fits."""
        return sum(fit.status == "failed" for fit in self.fits)

    @property
    def n_retryable(self) -> int:
        """The number of failed fits that may succeed in another run."""
        return sum(fit.failure == "retryable" for fit in self.fits)

    @property
    def n_missing(self) -> int:
        """The number of fits that are not trained yet."""
        return sum(fit.status == "not trained" for fit in self.fits)

    def is_comparable_to(self, other: CandidateRow) -> bool:
        """Return whether both have the same folds or seeds and epoch budgets, so that their scores are comparable."""
        return {fit.part: fit.epoch_budget for fit in self.fits} == {
            fit.part: fit.epoch_budget for fit in other.fits
        }

    @property
    def weights_digests(self) -> tuple[str, ...]:
        """The weights digests of completed fits, in order."""
        return tuple(fit.weights_digest for fit in self.fits if fit.weights_digest)

    @property
    def evidence(self) -> Evidence:
        """The completed fits with their weights digests."""
        done = [fit for fit in self.fits if fit.status == "done"]
        return Evidence(tuple(MeasuredFit(fit.fit_id, fit.weights_digest) for fit in done))

    def shares_models(self, other: CandidateRow) -> bool:
        """Return whether both have identical weights and scores for all common seeds or folds."""
        mine, theirs = self.models, other.models
        shared = mine.keys() & theirs.keys()
        return bool(shared) and all(mine[part] == theirs[part] for part in shared)

    @property
    def models(self) -> dict[str, tuple[object, ...]]:
        """Map each seed or fold with a completed fit to its weights digest and scores."""
        return {
            fit.part: (
                fit.epoch_budget,
                fit.weights_digest,
                fit.validation,
                fit.test,
            )
            for fit in self.fits
            if fit.status == "done"
        }

    def summary(self, measure: Measure) -> Summary:
        """Return the summary of a metric on a part of the images, over fits."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[measure.part][
            measure.metric
        ]

    def scores(self, measure: Measure) -> dict[str, float]:
        """Map each seed or fold that has a score to this score, for a metric on a part of the images."""
        found = {fit.part: fit.score(measure) for fit in self.fits}
        return {part: value for part, value in found.items() if value is not None}


def fit_row(results: Results, stage: Stage, candidate: Candidate, fit: Fit) -> FitRow:
    """Combine the record and the test-set evaluation of a fit."""
    record: Record | None = results.records.get(fit.id)
    test_evaluation: Evaluation | None = results.test_evaluations.get(fit.id)
    selected = record.selected if record is not None and record.done else None
    # An evaluation of other weights than the recorded ones does not belong to this fit.
    if selected is None or (
        test_evaluation and record and test_evaluation.weights_digest != record.weights_digest
    ):
        test_evaluation = None
    return FitRow(
        stage=stage.key,
        candidate=candidate.name,
        part=part_text(fit),
        fit_id=fit.id,
        status="not trained" if record is None else "done" if record.done else "failed",
        n_epochs=len(record.history) if record else 0,
        selected_epoch=selected.number if selected else None,
        train=selected.train if selected else None,
        validation=selected.validation if selected else None,
        test=test_evaluation.scores if test_evaluation else None,
        weights_digest=record.weights_digest if record else "",
        n_train=record.n_train if record else 0,
        n_validation=record.n_validation if record else 0,
        seconds=record.seconds if record else 0.0,
        error_kind=record.error_kind if record else "",
        error=record.error if record else "",
        epoch_budget=fit.epoch_budget,
        failure=failure_of(record) if record else "",
        training_set=fit.split.half if isinstance(fit.split, Holdout) else None,
    )


def failure_of(record: Record) -> Failure:
    """Classify the failure of a fit; empty if it succeeded."""
    if record.done:
        return ""
    if not record.final:
        return "retryable"
    if record.error_kind in PERMANENT_ERRORS:
        return "permanent error"
    return "accepted" if record.accepted else "repeated"


def part_text(fit: Fit) -> str:
    """Name the seed or the fold (counted from 1) of a fit: ``"seed 0"``, ``"fold 1"``."""
    return f"fold {fit.split.index + 1}" if isinstance(fit.split, Fold) else f"seed {fit.seed}"


def candidate_row(results: Results, stage: Stage, candidate: Candidate) -> CandidateRow:
    """Summarize the fits of a candidate."""
    info = results.dataset
    table = layer_table(candidate.network, info.image_shape, info.n_classes)
    fits = tuple(fit_row(results, stage, candidate, fit) for fit in candidate.fits)
    done = [fit for fit in fits if fit.status == "done"]
    choice = results.choice(stage.key)

    def over_fits(part: Part) -> dict[str, Summary]:
        found = {}
        for metric in recorded_with(results.study.metric):
            values = (fit.score(Measure(part, metric)) for fit in done)
            found[metric] = summarise(value for value in values if value is not None)
        return found

    return CandidateRow(
        stage=stage.key,
        question=stage.question,
        name=candidate.name,
        network=candidate.network_name,
        settled=not candidate.depends_on,
        chosen=choice is not None and choice.chosen == candidate.name,
        n_parameters=table.n_parameters,
        n_trainable=table.n_trainable,
        train=over_fits("train"),
        validation=over_fits("validation"),
        test=over_fits("test"),
        seconds=summarise(fit.seconds for fit in done),
        fits=fits,
    )


def candidate_rows(results: Results, stage: Stage) -> tuple[CandidateRow, ...]:
    """Return the rows of a stage's candidates, in the order of the study."""
    return tuple(candidate_row(results, stage, candidate) for candidate in stage.candidates)
