"""One row per candidate and per fit: scores, cost, weights digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from convstudy.data import Fold
from convstudy.history.results import Results
from convstudy.metrics import recorded_with
from convstudy.networks import layer_table
from convstudy.plan import Candidate, Fit, Stage
from convstudy.record import LASTING_ERRORS, Evaluation, Record, Scores
from convstudy.stats.measure import Measure, Part
from convstudy.stats.summary import Summary, summarise
from convstudy.stats.verdicts import Evidence, MeasuredFit

Status = Literal["done", "failed", "not trained"]
Failure = Literal["", "may yet succeed", "lasting", "repeated", "accepted"]
"""Of a failed fit: whether it counts as failed for good, and if so why: its kind of error lasts, the same error came in
several runs, or a person accepted it."""


@dataclass(frozen=True)
class FitRow:
    """One fit of one candidate.

    ``part`` is what sets it apart from the candidate's other fits: ``"seed 0"`` or ``"fold 1"`` (counted
    from 1). Scores are those of the selected epoch, measured in evaluation mode; ``None`` where there is
    none. ``epoch_budget`` is the number of epochs that a halving search allows it; ``None`` for all of them.
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

    def score(self, measure: Measure) -> float | None:
        """Return the fit's value of a metric on a part of the images; ``None`` where there is none."""
        scores = {"train": self.train, "validation": self.validation, "test": self.test}[measure.part]
        return None if scores is None else scores[measure.metric]


@dataclass(frozen=True)
class CandidateRow:
    """One candidate over its fits that are done.

    ``train``, ``validation`` and ``test`` have a summary for each metric of the study, by its name; where no fit has a
    score, a summary of no values.
    ``n_parameters`` counts every number of the network, ``n_trainable`` those that training changes.
    ``settled`` tells whether no open choice can change the candidate any more; ``chosen`` whether its stage
    chose it.
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
        """How many fits are done."""
        return sum(fit.status == "done" for fit in self.fits)

    @property
    def n_failed(self) -> int:
        """How many fits failed."""
        return sum(fit.status == "failed" for fit in self.fits)

    @property
    def n_open(self) -> int:
        """How many of the failed fits may yet succeed."""
        return sum(fit.failure == "may yet succeed" for fit in self.fits)

    @property
    def n_missing(self) -> int:
        """How many fits are not trained yet."""
        return sum(fit.status == "not trained" for fit in self.fits)

    def trained_like(self, other: CandidateRow) -> bool:
        """Whether both have the same folds or seeds, trained as far: only such figures can be set beside each other."""
        return {fit.part: fit.epoch_budget for fit in self.fits} == {
            fit.part: fit.epoch_budget for fit in other.fits
        }

    @property
    def weights_digests(self) -> tuple[str, ...]:
        """The digest of the weights of each fit that is done, in the order of the fits."""
        return tuple(fit.weights_digest for fit in self.fits if fit.weights_digest)

    @property
    def evidence(self) -> Evidence:
        """The fits that are done and their weights."""
        done = [fit for fit in self.fits if fit.status == "done"]
        return Evidence(tuple(MeasuredFit(fit.fit_id, fit.weights_digest) for fit in done))

    def shares_models(self, other: CandidateRow) -> bool:
        """Return whether each seed or fold that both have done left the same weights with the same scores."""
        mine, theirs = self.models, other.models
        shared = mine.keys() & theirs.keys()
        return bool(shared) and all(mine[part] == theirs[part] for part in shared)

    @property
    def models(self) -> dict[str, tuple[object, ...]]:
        """Seed or fold -> the weights of this model and what they score, for the fits that are done."""
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
        """Return the summary of a metric on a part of the images."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[measure.part][
            measure.metric
        ]

    def scores(self, measure: Measure) -> dict[str, float]:
        """Return seed or fold -> value of a metric on a part of the images, for the fits that have it."""
        found = {fit.part: fit.score(measure) for fit in self.fits}
        return {part: value for part, value in found.items() if value is not None}


def fit_row(results: Results, stage: Stage, candidate: Candidate, fit: Fit) -> FitRow:
    """Return the row of one fit."""
    record: Record | None = results.records.get(fit.id)
    test_evaluation: Evaluation | None = results.test_evaluations.get(fit.id)
    selected = record.selected if record is not None and record.done else None
    # An opening of other weights than the record's says nothing of this row.
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
    )


def failure_of(record: Record) -> Failure:
    """Return how a failure counts; nothing where the fit is done."""
    if record.done:
        return ""
    if not record.final:
        return "may yet succeed"
    if record.error_kind in LASTING_ERRORS:
        return "lasting"
    return "accepted" if record.accepted else "repeated"


def part_text(fit: Fit) -> str:
    """Return what sets a fit apart from the candidate's others: ``"fold 1"`` (of ``Fold.of``) or ``"seed
    0"``.
    """
    return f"fold {fit.split.index + 1}" if isinstance(fit.split, Fold) else f"seed {fit.seed}"


def candidate_row(results: Results, stage: Stage, candidate: Candidate) -> CandidateRow:
    """Return the row of one candidate."""
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
    """Return the rows of a stage, in the order of the study."""
    return tuple(candidate_row(results, stage, candidate) for candidate in stage.candidates)
