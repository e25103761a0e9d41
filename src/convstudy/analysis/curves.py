"""Learning curves: mean and spread over a candidate's fits, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from convstudy.record import Epoch, Record, Scores
from convstudy.stats.summary import Summary, summarise


@dataclass(frozen=True)
class CurvePoint:
    """One epoch over all fits that came so far: metric -> summary, on training and on validation images."""

    epoch: int
    train: Mapping[str, Summary]
    validation: Mapping[str, Summary]


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
                train=_over_fits([epoch.train for epoch in epochs]),
                validation=_over_fits([epoch.validation for epoch in epochs]),
            )
        )
    return tuple(points)


def _over_fits(scores: Sequence[Scores]) -> dict[str, Summary]:
    """Return the summary of each metric that all fits have."""
    shared = [metric for metric in scores[0] if all(metric in each for each in scores)]
    return {metric: summarise(each[metric] for each in scores) for metric in shared}
