"""What a fit left: its record, each opening of the sealed test set, and each failure that a person accepted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NoReturn

# A loss that is no finite number is so again in the next run; any other error may have passed by then.
LASTING_ERRORS = ("diverged",)
RUNS_UNTIL_LASTING = 3
"""A fit that fails with the same error in this many runs has failed for good."""
# What differs between two reports of one error: addresses, sizes, process ids. Signals and exit statuses stay.
_PASSING_DETAIL = re.compile(r"0x[0-9a-fA-F]+|\d+(?:[.,]\d+)+|\d{4,}")


class Scores(dict[str, float]):
    """The values of metrics on one set of images, by the metrics' names; it cannot be changed.

    ``"log-loss"`` (mean cross-entropy, nats per image) and ``"accuracy"`` (a fraction) are always there; the study's
    metric is there too, if it is another one.

    >>> scores = Scores({"log-loss": 0.25, "accuracy": 0.9})
    >>> scores["accuracy"]
    0.9
    """

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("Scores cannot be changed; make another one")

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

    Scores are measured in evaluation mode after the epoch: ``train`` on the fit's training part (or the sample of it
    that the recipe's ``train_eval_samples`` allows), ``validation`` on its whole validation part (over the recipe's
    ``tta``). ``learning_rate`` is that of the last step.
    """

    number: int
    learning_rate: float
    train: Scores
    validation: Scores
    train_seconds: float
    evaluation_seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Epoch:
        """Return the epoch of these plain values; raise ``TypeError`` or ``KeyError`` for others."""
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
    """Where a fit ran: what a reader needs to repeat it; ``convstudy`` is its version and a digest of its source."""

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
    """How many of a layer's units were 0 after their relu for every validation image.

    ``layer`` is the layer's path in the network: ``(4, 2)`` is the second layer inside the fourth.
    """

    layer: tuple[int, ...]
    n_dead: int
    n_units: int


@dataclass(frozen=True)
class Record:
    """What a fit left.

    ``status`` is ``"done"`` or ``"failed"``; a failed one has ``error_kind`` (``"diverged"``, ``"out-of-memory"``,
    ``"crashed"``, ``"timed-out"``, ``"failed"``) and ``error``, a sentence. ``n_failed_runs`` counts the runs with this
    error, ``failed_with`` has a digest of the error of each failed run, and ``accepted`` is set where the run
    that reads the record has accepted the failure. ``selected_epoch`` is the epoch whose weights were kept;
    ``weights_digest`` is the SHA-256 over them (see ``engine.weights``). ``dead_relus`` has the layers in which there
    are any with these weights; records from before they were looked for have none.
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
        """Whether the fit came to its end."""
        return self.status == "done"

    @property
    def final(self) -> bool:
        """Whether a choice can rest on it: the fit is done, or has failed for good."""
        return _final(self)

    def failed_after(self, earlier: Record | None) -> Record:
        """Return this failure with its counts, ``earlier`` being the record of the run before."""
        before: tuple[str, ...] = ()
        if earlier is not None and not earlier.done:
            before = earlier.failed_with
        own = _error_digest(self)
        return replace(self, failed_with=(*before, own), n_failed_runs=before.count(own) + 1)

    @property
    def selected(self) -> Epoch:
        """The epoch whose weights were kept; only a fit that is done has one."""
        if self.selected_epoch is None:
            raise LookupError(f"fit {self.fit_id} has no selected epoch: it is {self.status}")
        return self.history[self.selected_epoch - 1]

    @property
    def seconds(self) -> float:
        """Seconds of training and evaluation, over all epochs."""
        return sum(epoch.train_seconds + epoch.evaluation_seconds for epoch in self.history)

    def as_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back; ``accepted`` is of a run, not of the record."""
        values = asdict(self)
        del values["accepted"]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Record:
        """Return the record of these plain values; raise ``TypeError`` or ``KeyError`` for others."""
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
    """A record in brief: what a choice needs of it, and a run that is gone on with.

    ``epoch`` is the selected epoch; only a fit that is done has one. All else is as in :class:`Record`.
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
        """Whether the fit came to its end."""
        return self.status == "done"

    @property
    def final(self) -> bool:
        """Whether a choice can rest on it: the fit is done, or has failed for good."""
        return _final(self)

    @property
    def selected(self) -> Epoch:
        """The epoch whose weights were kept; only a fit that is done has one."""
        if self.epoch is None:
            raise LookupError(f"fit {self.fit_id} has no selected epoch: it is {self.status}")
        return self.epoch


Outcome = Record | RecordSummary
"""How a fit came out, as far as a choice has to know."""


def _final(outcome: Outcome) -> bool:
    lasts = outcome.error_kind in LASTING_ERRORS or outcome.n_failed_runs >= RUNS_UNTIL_LASTING
    return outcome.done or lasts or outcome.accepted


def _error_digest(record: Record) -> str:
    """Return a digest of a failure's kind and text, without what differs from one report to the next."""
    text = " ".join(_PASSING_DETAIL.sub(" ", record.error).split())
    return hashlib.sha256(f"{record.error_kind}: {text}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Acceptance:
    """A failure that a person accepted for one run: its choices count the fit as failed, although it may yet succeed.

    ``accepted_at`` is ISO 8601, UTC.
    """

    fit_id: str
    error_kind: str
    error: str
    reason: str
    accepted_at: str


@dataclass(frozen=True)
class Evaluation:
    """One look at the sealed test set: which weights, why, when, and what they scored.

    ``scores`` are measured in evaluation mode on all test images, with the weights whose digest is
    ``weights_digest``; there are none while the test set is only about to be opened. ``evaluated_at`` is ISO 8601, UTC.
    """

    fit_id: str
    weights_digest: str
    purpose: str
    evaluated_at: str
    n_images: int
    scores: Scores | None = None
    seconds: float = field(default=0.0, compare=False)
