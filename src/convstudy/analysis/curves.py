"""Learning curves: mean and standard deviation over a candidate's fits, by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from convstudy.record import Epoch, Record, Scores
from convstudy.stats.summary import Summary, summarise


@dataclass(frozen=True)
class CurvePoint:
    """An epoch, summarized over all fits that reached it.

    Attributes:
        epoch: from 1.
        train, validation: summaries by metric.
    """

    epoch: int
    train: Mapping[str, Summary]
    validation: Mapping[str, Summary]


def curve(records: Iterable[Record]) -> tuple[CurvePoint, ...]:
    """Return the learning curve of some fits, one point per epoch.

    The number ``n`` of a summary can decrease along the curve, because some fits stop early.
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
    """Summarize each metric that all fits have."""
    shared = [metric for metric in scores[0] if all(metric in each for each in scores)]
    return {metric: summarise(each[metric] for each in scores) for metric in shared}
