"""How much of a winner's score is the luck that made it the winner: bias-corrected bootstrap cross-validation.

A search takes the candidate with the best score, and the score is too good for that. What the choice adds can be
estimated from predictions that are there already (BBC-CV: Tsamardinos, Greasidou & Borboudakis 2018, "Bootstrapping the
out-of-sample predictions for efficient and accurate cross-validation", algorithm 5): draw as many images as there are,
with replacement; choose by these as the search does; look at the chosen one on the images that were not drawn. Here
that is set beside the real winner on the same images,

    optimism = mean over draws of (accuracy of the winner − accuracy of the one chosen), on the images not drawn

which has the same mean as the paper's estimate, and less scatter: draws that choose the winner add none.

The draws come from a generator whose seed is a constant: the same predictions give the same figure, to the last bit,
everywhere and always. So this is a function of its arguments like all of :mod:`convstudy.stats`; the thousand draws are
fixed numbers that happen not to be written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.methods import holds
from convstudy.metrics import Metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

DRAWS = 1000
SEED = 0
MOST_PREDICTIONS = 10_000_000
"""Candidates times images; beyond that the draws would take too much memory and time."""
_AT_ONCE = 50

Unknown = Literal["", "alone", "no predictions", "too many", "metric"]


@dataclass(frozen=True)
class Selection:
    """What being the best of several adds to a winner's score.

    Attributes:
        score: the winner's mean over folds, by which it was chosen.
        n_candidates: among how many it was chosen, all trained on the same folds, as far.
        optimism: about how much too good ``score`` is; ``None`` where that is not known.
        unknown: why not: it was ``"alone"``, there are ``"no predictions"`` with labels beside the records, or
            ``"too many"``, or the study's ``"metric"`` is no proportion, for which alone the method is implemented.
    """

    score: float
    n_candidates: int
    optimism: float | None
    unknown: Unknown = ""

    @property
    def corrected(self) -> float | None:
        """The winner's score without that."""
        return None if self.optimism is None else self.score - self.optimism


def selection(
    rows: tuple[CandidateRow, ...], best: CandidateRow, metric: Metric, held_out: HeldOutReader
) -> Selection:
    """Return how much of the leader's score is due to its having been chosen by it.

    Only candidates count that were trained on the same folds, as far, without a failed fit: of a search that halves
    those of the last rung. What earlier rungs chose by is not in it.
    """
    score = best.validation[metric.name].mean
    assert score is not None  # a chosen candidate has one
    among = [row for row in rows if row.trained_like(best) and row.n_done == len(row.fits)]
    if len(among) < 2:
        return Selection(score, len(among), None, "alone")
    if not holds("winner's correction", metric):
        return Selection(score, len(among), None, "metric")
    n_images = sum(fit.n_validation for fit in best.fits)
    if n_images * len(among) > MOST_PREDICTIONS:
        return Selection(score, len(among), None, "too many")
    # The rule of the choice: after accuracy and loss fewer parameters, then the order of the study.
    among.sort(key=lambda row: row.n_parameters)
    found = _predictions(among, metric, held_out)
    if found is None:
        return Selection(score, len(among), None, "no predictions")
    return Selection(score, len(among), optimism(*found, among.index(best)))


def optimism(right: Array, losses: Array, winner: int) -> float:
    """Return by how much the winner's share of right answers is too good for having been the highest.

    Args:
        right: 1 where a candidate is right about an image, else 0; shape (images, candidates).
        losses: cross-entropies, of the same shape: of two with as many right answers the lower loss is chosen, then
            the first.
        winner: which candidate was chosen by all images.
    """
    import numpy as np

    n = len(right)
    random = np.random.RandomState(SEED)
    differences: list[float] = []
    for start in range(0, DRAWS, _AT_ONCE):
        n_draws = min(_AT_ONCE, DRAWS - start)
        times = np.stack([np.bincount(random.randint(0, n, n), minlength=n) for _ in range(n_draws)])
        drawn, left = times.astype(np.float32), (times == 0).astype(np.float32)
        hits, loss = (drawn @ right).astype(np.float64), (drawn @ losses).astype(np.float64)
        # Numbers of right answers are whole, and a share of the highest loss is less than one: it decides ties alone.
        chosen = (hits - loss / (1.000001 * loss.max(axis=1, keepdims=True) + 1e-300)).argmax(axis=1)
        outside = (left @ right).astype(np.float64)
        size = np.maximum(left.sum(axis=1), 1)
        differences += ((outside[:, winner] - outside[np.arange(n_draws), chosen]) / size).tolist()
    return float(np.mean(differences))


def _predictions(
    rows: list[CandidateRow], metric: Metric, held_out: HeldOutReader
) -> tuple[Array, Array] | None:
    """Return who is right and by what loss, shape (images, candidates); ``None`` where that is not on record."""
    import numpy as np

    images: list[npt.NDArray[np.int64]] = []
    right: list[npt.NDArray[np.float32]] = []
    losses: list[npt.NDArray[np.float32]] = []
    for row in rows:
        read = [held_out.of(fit.fit_id) for fit in row.fits]
        found = [each for each in read if each is not None]
        if len(found) < len(read):
            return None
        images = images or [each.images for each in found]
        if not all(np.array_equal(each.images, own) for each, own in zip(found, images, strict=True)):
            return None
        figures = [each.metric_values(metric) for each in found]
        right.append(np.concatenate([each for each in figures if each is not None]).astype(np.float32))
        losses.append(np.concatenate([each.losses for each in found]))
    return np.stack(right, axis=1), np.stack(losses, axis=1)
