"""What a fit left: its record, and each opening of the sealed test set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images.

    Losses are mean cross-entropies (nats an image), accuracies fractions; all four are measured in evaluation mode
    after the epoch, on the fit's training part (or the sample of it that the recipe's ``measure_at_most`` allows) and
    on its whole validation part (over the recipe's ``views``). ``learning_rate`` is that of the last step.
    """

    number: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    train_seconds: float
    evaluation_seconds: float


@dataclass(frozen=True)
class Environment:
    """Where a fit ran: what a reader needs to repeat it; ``convstudy`` is its version and a digest of its source."""

    machine: str
    processor: str
    n_cores: int
    threads: int
    device: str
    python: str
    torch: str
    numpy: str
    convstudy: str
    scikit_learn: str = ""


@dataclass(frozen=True)
class DeadUnits:
    """How many of a layer's units were 0 after their relu for every validation image; layers are counted from 1."""

    layer: int
    n_dead: int
    n_units: int


@dataclass(frozen=True)
class Record:
    """What a fit left.

    ``status`` is ``"done"`` or ``"failed"``; a failed one has ``error_kind`` (``"diverged"``, ``"out-of-memory"``,
    ``"crashed"``, ``"failed"``) and ``error``, a sentence. ``counted_epoch`` is the epoch whose weights were kept;
    ``weights_digest`` is the SHA-256 over them (see ``engine.weights``). ``dead_units`` has the layers in which there
    are any with these weights; records from before they were looked for have none.
    """

    fit_id: str
    status: str
    history: tuple[Epoch, ...] = ()
    best_epoch: int | None = None
    counted_epoch: int | None = None
    n_train: int = 0
    n_validation: int = 0
    n_parameters: int = 0
    weights_digest: str = ""
    error_kind: str = ""
    error: str = ""
    environment: Environment | None = None
    dead_units: tuple[DeadUnits, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the fit came to its end."""
        return self.status == "done"

    @property
    def counted(self) -> Epoch:
        """The epoch that counts; only a fit that is done has one."""
        if self.counted_epoch is None:
            raise LookupError(f"fit {self.fit_id} has no epoch that counts: it is {self.status}")
        return self.history[self.counted_epoch - 1]

    @property
    def seconds(self) -> float:
        """Seconds of training and evaluation, over all epochs."""
        return sum(epoch.train_seconds + epoch.evaluation_seconds for epoch in self.history)

    def as_json(self) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Record:
        """Return the record of these plain values; raise ``TypeError`` or ``KeyError`` for others."""
        environment = values["environment"]
        return cls(
            **{
                **values,
                "history": tuple(Epoch(**epoch) for epoch in values["history"]),
                "environment": None if environment is None else Environment(**environment),
                "dead_units": tuple(DeadUnits(**each) for each in values.get("dead_units", ())),
            }
        )


@dataclass(frozen=True)
class Brief:
    """A record in brief: what a choice needs of it, and a run that is gone on with.

    ``scored`` is the epoch that counts; only a fit that is done has one. All else is as in :class:`Record`.
    """

    fit_id: str
    status: str
    n_parameters: int = 0
    weights_digest: str = ""
    error_kind: str = ""
    scored: Epoch | None = None

    @property
    def done(self) -> bool:
        """Whether the fit came to its end."""
        return self.status == "done"

    @property
    def counted(self) -> Epoch:
        """The epoch that counts; only a fit that is done has one."""
        if self.scored is None:
            raise LookupError(f"fit {self.fit_id} has no epoch that counts: it is {self.status}")
        return self.scored


Outcome = Record | Brief
"""How a fit came out, as far as a choice has to know."""


@dataclass(frozen=True)
class Opening:
    """One look at the sealed test set: which weights, why, when, and what they scored.

    ``loss`` and ``accuracy`` are measured in evaluation mode on all test images, with the weights whose digest is
    ``weights_digest``. ``opened_at`` is ISO 8601, UTC.
    """

    fit_id: str
    weights_digest: str
    purpose: str
    opened_at: str
    n_images: int
    loss: float | None = None
    accuracy: float | None = None
    seconds: float = field(default=0.0, compare=False)
