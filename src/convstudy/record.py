"""The record of a fit, the evaluations of the test set, and the failures that a user accepted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NoReturn

# A fit that diverged diverges again in the next run. Other errors can be temporary.
PERMANENT_ERRORS = ("diverged",)
RUNS_UNTIL_PERMANENT = 3
"""A fit with the same error in this number of runs has failed permanently."""
# These parts differ between two reports of one error: addresses, sizes, process ids. Exit statuses and signals are not
# matched: they distinguish errors.
_PASSING_DETAIL = re.compile(r"0x[0-9a-fA-F]+|\d+(?:[.,]\d+)+|\d{4,}")


class Scores(dict[str, float]):
    """Metric name -> value on one set of images; immutable.

    The keys are ``"log-loss"`` (mean cross-entropy, nats per image), ``"accuracy"`` (a fraction), and the metric of the
    study.

    >>> scores = Scores({"log-loss": 0.25, "accuracy": 0.9})
    >>> scores["accuracy"]
    0.9
    """

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("Scores are immutable")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __deepcopy__(self, _: object) -> Scores:
        return self

    def __repr__(self) -> str:
        return f"Scores({super().__repr__()})"


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images.

    Scores are measured in evaluation mode after the epoch.

    Attributes:
        number: counted from 1.
        learning_rate: the learning rate of the last step.
        train: scores on the training part, or on a sample of it (recipe key ``train_eval_samples``).
        validation: scores on the whole validation part, with the ``tta`` of the recipe.
        train_seconds: the time of the training steps.
        evaluation_seconds: the time of the evaluation.
    """

    number: int
    learning_rate: float
    train: Scores
    validation: Scores
    train_seconds: float
    evaluation_seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Epoch:
        """Return an epoch from the values of :meth:`as_json`; raise ``TypeError`` or ``KeyError`` for others."""
        return cls(
            values["number"],
            values["learning_rate"],
            Scores(values["train"]),
            Scores(values["validation"]),
            values["train_seconds"],
            values["evaluation_seconds"],
        )


@dataclass(frozen=True)
class Environment:
    """The machine and the software versions of a fit. ``convstudy`` has the version and a digest of the source code."""

    machine: str
    cpu: str
    n_cores: int
    threads: int
    device: str
    python: str
    torch: str
    numpy: str
    convstudy: str
    scikit_learn: str = ""


@dataclass(frozen=True)
class DeadRelus:
    """The number of units of a layer that are 0 after their ReLU for every validation image.

    ``layer`` is the path of the layer: ``(4, 2)`` is the second layer inside the fourth.
    """

    layer: tuple[int, ...]
    n_dead: int
    n_units: int


@dataclass(frozen=True)
class Record:
    """The result of a fit.

    Attributes:
        fit_id: the id of the fit.
        status: "done" or "failed".
        history: the epochs.
        best_epoch: the number of the epoch with the best validation score, counted from 1.
        selected_epoch: the number of the epoch whose weights were saved.
        n_train: the number of training images.
        n_validation: the number of validation images.
        n_parameters: the number of parameters of the network.
        weights_digest: the SHA-256 of the saved weights (see ``engine.weights``).
        error_kind: the kind of error of a failed fit: "diverged", "out-of-memory", "crashed", "timed-out" or "failed".
        error: the error message of a failed fit.
        environment: the machine and the versions.
        dead_relus: the layers with dead ReLUs, for the saved weights; empty in records of versions that did not
            count them.
        n_failed_runs: the number of runs in which this fit failed with the same error.
        failed_with: a digest of the error of each run in which this fit failed.
        accepted: whether the current run has accepted the failure.
    """

    fit_id: str
    status: str
    history: tuple[Epoch, ...] = ()
    best_epoch: int | None = None
    selected_epoch: int | None = None
    n_train: int = 0
    n_validation: int = 0
    n_parameters: int = 0
    weights_digest: str = ""
    error_kind: str = ""
    error: str = ""
    environment: Environment | None = None
    dead_relus: tuple[DeadRelus, ...] = ()
    n_failed_runs: int = 0
    failed_with: tuple[str, ...] = ()
    accepted: bool = False

    @property
    def done(self) -> bool:
        return self.status == "done"

    @property
    def final(self) -> bool:
        """Whether a choice can use the outcome: the fit is done, or has failed permanently."""
        return _final(self)

    def failed_after(self, earlier: Record | None) -> Record:
        """Return this failed record with ``failed_with`` and ``n_failed_runs``.

        ``earlier`` is the record of the same fit from the previous run.
        """
        before: tuple[str, ...] = ()
        if earlier is not None and not earlier.done:
            before = earlier.failed_with
        own = _error_digest(self)
        return replace(self, failed_with=(*before, own), n_failed_runs=before.count(own) + 1)

    @property
    def selected(self) -> Epoch:
        """The epoch whose weights were saved. Raises ``LookupError`` for a failed fit."""
        if self.selected_epoch is None:
            raise LookupError(f"fit {self.fit_id} has no selected epoch: it is {self.status}")
        return self.history[self.selected_epoch - 1]

    @property
    def seconds(self) -> float:
        """The time of training and evaluation, over all epochs."""
        return sum(epoch.train_seconds + epoch.evaluation_seconds for epoch in self.history)

    def as_json(self) -> dict[str, Any]:
        """Return the fields except ``accepted``, which belongs to a run and not to the record."""
        values = asdict(self)
        del values["accepted"]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Record:
        """Return a record from the values of :meth:`as_json`; raise ``TypeError`` or ``KeyError`` for others."""
        environment = values["environment"]
        return cls(
            **{
                **values,
                "history": tuple(Epoch.from_json(epoch) for epoch in values["history"]),
                "environment": None if environment is None else Environment(**environment),
                "dead_relus": tuple(
                    DeadRelus(**{**each, "layer": tuple(each["layer"])})
                    for each in values.get("dead_relus", ())
                ),
                "failed_with": tuple(values.get("failed_with", ())),
            }
        )


@dataclass(frozen=True)
class RecordSummary:
    """The fields of a record that are needed to select a candidate and to resume a run.

    ``epoch`` is the selected epoch; None for a failed fit. The other fields are those of :class:`Record`.
    """

    fit_id: str
    status: str
    n_parameters: int = 0
    weights_digest: str = ""
    error_kind: str = ""
    epoch: Epoch | None = None
    n_failed_runs: int = 0
    accepted: bool = False

    @property
    def done(self) -> bool:
        return self.status == "done"

    @property
    def final(self) -> bool:
        """Whether a choice can use the outcome: the fit is done, or has failed permanently."""
        return _final(self)

    @property
    def selected(self) -> Epoch:
        """The epoch whose weights were saved. Raises ``LookupError`` for a failed fit."""
        if self.epoch is None:
            raise LookupError(f"fit {self.fit_id} has no selected epoch: it is {self.status}")
        return self.epoch


Outcome = Record | RecordSummary
"""The outcome of a fit; both types have the fields that are needed to select a candidate."""


def _final(outcome: Outcome) -> bool:
    is_permanent = outcome.error_kind in PERMANENT_ERRORS or outcome.n_failed_runs >= RUNS_UNTIL_PERMANENT
    return outcome.done or is_permanent or outcome.accepted


def _error_digest(record: Record) -> str:
    """Return a digest of the kind and text of an error, without the parts that differ between two reports of it."""
    text = " ".join(_PASSING_DETAIL.sub(" ", record.error).split())
    return hashlib.sha256(f"{record.error_kind}: {text}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Acceptance:
    """A failure that a user accepted for one run. The selections of this run treat the fit as permanently failed.

    ``accepted_at`` is ISO 8601, UTC.
    """

    fit_id: str
    error_kind: str
    error: str
    reason: str
    accepted_at: str


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of saved weights on the test set.

    Attributes:
        fit_id: the fit that saved the weights.
        weights_digest: the SHA-256 of the weights.
        purpose: the reason for the evaluation.
        evaluated_at: the time, ISO 8601 in UTC.
        n_images: the number of test images.
        scores: the scores on all test images; None until the evaluation has ended.
        seconds: the time of the evaluation.
    """

    fit_id: str
    weights_digest: str
    purpose: str
    evaluated_at: str
    n_images: int
    scores: Scores | None = None
    seconds: float = field(default=0.0, compare=False)
