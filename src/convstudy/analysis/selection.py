"""The selection bias of a winner's score, by bias-corrected bootstrap cross-validation (BBC-CV).

A search selects the candidate with the best score, so this score is optimistic. The bias is estimated from existing
predictions (Tsamardinos, Greasidou & Borboudakis 2018, "Bootstrapping the out-of-sample predictions for efficient and
accurate cross-validation", algorithm 5): draw a bootstrap sample of the images, select a candidate on it as the search
does, and score this candidate on the images that were not drawn. Here its score is compared with that of the actual
winner on the same images::

    optimism = mean over draws of (accuracy of the winner − accuracy of the selected one), on images not drawn

This has the same mean as the paper's estimate with less variance, because draws that select the winner contribute 0.

The draws also give the corrected score an interval (:mod:`convstudy.stats.selected_score`).
If images are in groups, groups are drawn instead of images.

The random generator has a constant seed, so the result is a deterministic function of the predictions, identical on
all machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.methods import holds
from convstudy.metrics import Metric
from convstudy.stats.image_groups import group_indices
from convstudy.stats.intervals import Interval
from convstudy.stats.selected_score import corrected_interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

DRAWS = 1000
SEED = 0
MAX_PREDICTIONS = 10_000_000
"""The limit of candidates times images, for memory and time."""
_DRAWS_PER_BATCH = 50

Unknown = Literal["", "alone", "no predictions", "too many", "metric"]


@dataclass(frozen=True)
class Selection:
    """The selection bias of a winner's score.

    Attributes:
        score: the winner's mean score over folds, which selected it.
        n_candidates: the number of candidates that were compared, all with the same folds and epochs.
        optimism: the estimated bias of ``score``; ``None`` if it is not known.
        unknown: why the bias is not known. ``"alone"``: the winner is the only candidate. ``"no predictions"``: labels
            or predictions are missing. ``"too many"``: there are too many predictions. ``"metric"``: the metric is not
            a proportion.
        interval: the corrected score with its 95 % interval for other images; it does not contain the variation between
            trainings. ``None`` if the bias is not known.
    """

    score: float
    n_candidates: int
    optimism: float | None
    unknown: Unknown = ""
    interval: Interval | None = None

    @property
    def corrected(self) -> float | None:
        """The winner's score minus its bias; ``None`` if the bias is not known."""
        return None if self.optimism is None else self.score - self.optimism


def selection(
    rows: tuple[CandidateRow, ...], best: CandidateRow, metric: Metric, held_out: HeldOutReader
) -> Selection:
    """Estimate the selection bias of the best candidate's score.

    The estimate compares candidates with the same folds and epochs and without failed fits. For methods with rungs
    these are the candidates of the last rung; the bias from the selection by earlier rungs is not included.

    Args:
        rows: the candidates of a search.
        best: its winner.
        metric: the study's metric.
        held_out: the reader of validation predictions.
    """
    score = best.validation[metric.name].mean
    assert score is not None  # a selected candidate has a score
    among = [row for row in rows if row.is_comparable_to(best) and row.n_done == len(row.fits)]
    if len(among) < 2:
        return Selection(score, len(among), None, "alone")
    if not holds("winner's correction", metric):
        return Selection(score, len(among), None, "metric")
    n_images = sum(fit.n_validation for fit in best.fits)
    if n_images * len(among) > MAX_PREDICTIONS:
        return Selection(score, len(among), None, "too many")
    # Ties of accuracy and loss are resolved as in the search: fewer parameters, then the order of the study.
    among.sort(key=lambda row: row.n_parameters)
    found = _predictions(among, metric, held_out)
    if found is None:
        return Selection(score, len(among), None, "no predictions")
    draws = draws_of(*found[:2], among.index(best), found[2])
    interval = corrected_interval(score, draws.bias, draws.scores, draws.share, draws.n)
    return Selection(score, len(among), draws.bias, interval=interval)


@dataclass(frozen=True, eq=False)
class Draws:
    """What the bootstrap samples of the images say about the winner's score.

    Attributes:
        bias: the estimated bias of the winner's score.
        scores: the score of the candidate that each sample selects, on the images that were not drawn, shape (draws,).
        share: the mean share of images that are not drawn.
        n: the number of images, or of groups of images if these are drawn.
    """

    bias: float
    scores: npt.NDArray[np.float64]
    share: float
    n: int


def optimism(
    correct: Array, losses: Array, winner: int, groups: npt.NDArray[np.int64] | None = None
) -> float:
    """Estimate the bias of the winner's accuracy, a fraction; the arguments are those of :func:`draws_of`."""
    return draws_of(correct, losses, winner, groups).bias


def draws_of(
    correct: Array, losses: Array, winner: int, groups: npt.NDArray[np.int64] | None = None
) -> Draws:
    """Select and score candidates on bootstrap samples of the images.

    Args:
        correct: 1 for a correct prediction, else 0; shape (images, candidates).
        losses: cross-entropies in nats, same shape; the lower mean loss wins if accuracies are equal.
        winner: the column of the candidate that was selected on all images.
        groups: the group of each image, shape (images,). A draw then consists of groups, because images of one group
            are not independent: the other images of a drawn patient are not new images.
    """
    import numpy as np

    sizes = np.ones(len(correct), dtype=np.float32)
    if groups is not None:
        # Rows are then groups: sums over their images.
        first = np.argsort(groups, kind="stable")
        starts = np.flatnonzero(np.diff(groups[first], prepend=-1))
        correct, losses, sizes = (np.add.reduceat(each[first], starts) for each in (correct, losses, sizes))
    n = len(correct)
    # NumPy guarantees the numbers of RandomState; those of a Generator may change between versions.
    random = np.random.RandomState(SEED)
    differences: list[float] = []
    scores: list[float] = []
    shares: list[float] = []
    for start in range(0, DRAWS, _DRAWS_PER_BATCH):
        n_draws = min(_DRAWS_PER_BATCH, DRAWS - start)
        # A batch of draws is two matrix products instead of a loop over images. float32 is exact for the hits: they are
        # integers below 2²⁴.
        times = np.stack([np.bincount(random.randint(0, n, n), minlength=n) for _ in range(n_draws)])
        drawn, not_drawn = times.astype(np.float32), (times == 0).astype(np.float32)
        hits, loss = (drawn @ correct).astype(np.float64), (drawn @ losses).astype(np.float64)
        # Hits are integers and the relative loss is below 1, so that the loss only resolves ties.
        selected = (hits - loss / (1.000001 * loss.max(axis=1, keepdims=True) + 1e-300)).argmax(axis=1)
        outside = (not_drawn @ correct).astype(np.float64)
        # A draw that contains every image leaves no image to score on; its difference is 0.
        size = np.maximum(not_drawn @ sizes, 1)
        of_selected = outside[np.arange(n_draws), selected]
        differences += ((outside[:, winner] - of_selected) / size).tolist()
        left_out = not_drawn.any(axis=1)
        scores += (of_selected / size)[left_out].tolist()
        shares += not_drawn.mean(axis=1)[left_out].tolist()
    bias, share = float(np.mean(differences)), float(np.mean(shares)) if shares else 1.0
    every = (
        np.array(scores) if scores else np.full(1, correct[:, winner].sum() / sizes.sum(), dtype=np.float64)
    )
    return Draws(bias, every, share, n)


def _predictions(
    rows: list[CandidateRow], metric: Metric, held_out: HeldOutReader
) -> tuple[Array, Array, npt.NDArray[np.int64] | None] | None:
    """Return correctness and losses, shape (images, candidates), and the group of each image, if it is known.

    The result is ``None`` if predictions are missing.
    """
    import numpy as np

    images: list[npt.NDArray[np.int64]] = []
    groups: list[npt.NDArray[np.int64]] = []
    correct: list[npt.NDArray[np.float32]] = []
    losses: list[npt.NDArray[np.float32]] = []
    for row in rows:
        read = [held_out.of(fit.fit_id) for fit in row.fits]
        found = [each for each in read if each is not None]
        if len(found) < len(read):
            return None
        images = images or [each.images for each in found]
        groups = groups or [each.groups for each in found if each.groups is not None]
        if not all(np.array_equal(each.images, own) for each, own in zip(found, images, strict=True)):
            return None
        values = [each.metric_values(metric) for each in found]
        correct.append(np.concatenate([each for each in values if each is not None]).astype(np.float32))
        losses.append(np.concatenate([each.losses for each in found]))
    n_images = sum(map(len, images))
    known = np.concatenate(groups) if sum(map(len, groups)) == n_images else None
    indices = None if known is None else group_indices(known, n_images)
    return np.stack(correct, axis=1), np.stack(losses, axis=1), indices
