"""Learning curves: mean and spread over a candidate's fits, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from convstudy.record import Epoch, Record
from convstudy.stats.summary import Summary, summarise


@dataclass(frozen=True)
class CurvePoint:
    """One epoch over all fits that came so far."""

    epoch: int
    train_loss: Summary
    train_accuracy: Summary
    validation_loss: Summary
    validation_accuracy: Summary


def curve(records: Iterable[Record]) -> tuple[CurvePoint, ...]:
    """Return the points of these records, first epoch to last.

    Fits that stopped early leave the later epochs to the others, so that ``n`` may fall along the curve.
    """
    histories = [record.history for record in records]
    points = []
    for index in range(max(map(len, histories), default=0)):
        epochs: list[Epoch] = [history[index] for history in histories if len(history) > index]
        points.append(
            CurvePoint(
                epoch=index + 1,
                train_loss=summarise(epoch.train_loss for epoch in epochs),
                train_accuracy=summarise(epoch.train_accuracy for epoch in epochs),
                validation_loss=summarise(epoch.validation_loss for epoch in epochs),
                validation_accuracy=summarise(epoch.validation_accuracy for epoch in epochs),
            )
        )
    return tuple(points)
