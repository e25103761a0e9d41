"""Seeds × images: how far a mean over seeds would move with other seeds, and with other test images.

Every model of a candidate is scored on the same n test images, so the mean over S seeds is uncertain for two
reasons. More seeds shrink the first only. With x the figure of one seed on one image (right or wrong, a
cross-entropy, or the difference of two candidates in these), seeds and images crossed and random:

    x = mean + seed + image + rest        variance of the mean = σ²_seed / S + σ²_image / n + σ²_rest / (S n)

The variances come from the mean squares of a two-way table without repeats (Searle, Casella and McCulloch 1992); a
two-way bootstrap (Owen 2007) would count σ²_rest three times. One seed tells nothing of the seeds: the interval is
then that of the trained models themselves on new images.

Shares near 100 % are told by few images. As Bonett and Price (2012) do for one pair of models, two made-up images are
added to the n of a difference, one each way, on which all seeds differ alike: with one seed the interval is theirs
(with t and n − 1 for z and n). They are whole images whatever the number of seeds. Where all seeds differ on the same
few images, S seeds have seen no more of them than one has, and two predictions among the S·n would leave an interval
that is too short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.stats.differences import CONFIDENCE, ROUNDING, Difference, Source, half_width
from convstudy.stats.intervals import Interval, normal_quantile, wilson
from convstudy.stats.summary import summarise

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Figures = npt.NDArray[np.floating]

PSEUDO_OBSERVATIONS = 2
"""So many made-up images are added to those of a difference of shares, half of them each way."""

MOST_LOSS = 103.3
"""A cross-entropy in nats is not larger than this: −ln of the smallest float32."""


@dataclass(frozen=True)
class Components:
    """The variances of a seeds × images table, none below zero, and its size.

    ``seed`` is ``None`` where there is one seed only; ``rest`` then stands within ``image``.
    """

    seed: float | None
    image: float
    rest: float
    n_seeds: int
    n_images: int


@dataclass(frozen=True)
class _Squares:
    """Mean squares of a seeds × images table; ``rest`` and ``seeds`` are 0 with one seed."""

    mean: float
    seeds: float
    images: float
    rest: float
    n_seeds: int
    n_images: int

    @property
    def sources(self) -> tuple[Source, ...]:
        """The variance of the mean by its sources."""
        cells = self.n_seeds * self.n_images
        beyond = max(0.0, self.images - self.rest)
        if self.n_seeds > 1 and self.seeds < ROUNDING * self.rest:
            # Seeds that differ on just as many images, by chance: that they scatter no less than the rest is known.
            beyond = max(beyond, self.rest)
        images = Source("images", beyond / cells, self.n_images - 1)
        if self.n_seeds == 1:
            return (images,)
        # What the seeds' means scatter holds the rest too: it goes with the seeds, and is not counted twice.
        return (Source("seeds", self.seeds / cells, self.n_seeds - 1), images)


def components(table: Figures) -> Components:
    """Return the variances of a table of figures, shape (seeds, images).

    Raises:
        ValueError: where there are no seeds, or fewer than two images.
    """
    squares = _squares(table)
    n_seeds, n_images = table.shape
    if n_seeds == 1:
        return Components(None, squares.images, 0.0, 1, n_images)
    return Components(
        max(0.0, squares.seeds - squares.rest) / n_images,
        max(0.0, squares.images - squares.rest) / n_seeds,
        squares.rest,
        n_seeds,
        n_images,
    )


def two_way_difference(
    first: Figures,
    second: Figures,
    confidence: float = CONFIDENCE,
    pseudo_observations: float | None = None,
    weights: Figures | None = None,
) -> Difference:
    """Return the difference of two candidates' mean figures over the same seeds and images.

    Args:
        first: its figures, shape (seeds, images).
        second: those of the other, of the same shape. Where all figures are 0 or 1 (an image is wrong or right) the
            made-up images are added.
        confidence: how often such an interval holds the true difference.
        pseudo_observations: how far two models can differ on an image that was not seen: two made-up images have
        this difference,
            one each way. By default 1 where all figures are 0 or 1, else there are none.
        weights: of the images, shape (images,) with mean 1, where the figures are values times weights. The variance is
            then that of a weighted mean: an image counts as far from it as its value is, times its weight.

    Raises:
        ValueError: where the shapes differ, or there are no seeds or fewer than two images.
    """
    import numpy as np

    if first.shape != second.shape:
        raise ValueError(f"figures of {first.shape} and {second.shape} do not pair")
    shares = all(bool(np.isin(figures, (0, 1)).all()) for figures in (first, second))
    table = first.astype(np.float64) - second.astype(np.float64)
    by_weight = table if weights is None else _linearised(table, weights)
    size = float(shares) if pseudo_observations is None else pseudo_observations
    squares = _squares(by_weight, extra=PSEUDO_OBSERVATIONS if size else 0, size=size)
    pairs = tuple(float(mean) for mean in table.mean(axis=1))
    return Difference(
        pairs,
        summarise(pairs),
        squares.mean,
        squares.sources,
        n_images=table.shape[1],
        confidence=confidence,
        limit=1.0 if shares else None,
    )


def seeds_only_difference(
    first: tuple[float, ...], second: tuple[float, ...], n_images: int, confidence: float = CONFIDENCE
) -> Difference:
    """Return the difference of two candidates' accuracies where the predictions are lost and only the scores are left.

    How much the images matter is then not known, but it is bounded: two models differ on at most as many images as
    the two get wrong together, so that σ²_image is at most the sum of the two error rates. The interval takes that.
    """
    pairs = tuple(a - b for a, b in zip(first, second, strict=True))
    summary = summarise(pairs)
    if not pairs:
        return Difference(pairs, summary, confidence=confidence)
    errors = sum((2 - a - b) / len(pairs) for a, b in zip(first, second, strict=True))
    images = most_of_images(errors, n_images)
    seeds = () if summary.sd is None else (Source("seeds", summary.sd**2 / summary.n, summary.n - 1),)
    return Difference(pairs, summary, summary.mean, (*seeds, images), n_images, confidence, limit=1.0)


def images_of(figures: Figures, pseudo_observations: float = 1.0) -> Source:
    """Return the images' part of a mean difference, for two models that are what they are.

    Args:
        figures: the difference on each image, shape (images,).
        pseudo_observations: the difference on the made-up images, one each way; 1 for values of 0 or 1.

    Raises:
        ValueError: where there are fewer than two images.
    """
    (images,) = _squares(figures[None], extra=PSEUDO_OBSERVATIONS, size=pseudo_observations).sources
    return images


def most_of_images(errors: float, n_images: int) -> Source:
    """Return the largest images' part that two models can have, by the sum of their error rates.

    It is what is left to say where predictions are missing: the two differ on no more images than they get wrong.
    """
    return Source("images", (errors + PSEUDO_OBSERVATIONS / n_images) / n_images, max(1, n_images - 1))


def accuracy_interval(
    right: Figures, confidence: float = CONFIDENCE, weights: Figures | None = None
) -> Interval:
    """Return the interval of a candidate's accuracy, over new seeds and new images (one seed: of that model).

    One seed has Wilson's interval, ``middle ± √(z² · variance + z⁴ / 4n²)``, both over ``1 + z² / n``: he adds z² / 2
    pseudo-observations each way. Here they are whole images, as for differences: S seeds that miss the same images
    have seen no more images than one has. The variance is that of seeds and images::

        half-width² = max(t(S − 1)² · seeds' part + z² · images' part, z² · MS_images / (S n)) + z² (z² + 1) / 4n²

    The second of the two is the variance over images alone: seeds that score alike by chance do not count as certain.
    ``z² + 1`` for ``z²`` is for the images' part, which is estimated. Whole images move the middle far towards 0.5
    where many seeds err on different images, so the end on the other side goes at least as far as Wilson's interval
    for an effective number of images (Korn and Graubard 1998; Dean and Pagano 2015).

    Above 50 %, one more error never raises the lower end, unless it brings the seeds closer to one another: how much
    they scatter is evidence too.

    Args:
        right: 1 where a model got an image right, else 0; shape (seeds, images).
        confidence: how often such an interval holds the true accuracy.
        weights: of the images, shape (images,) with mean 1, where ``right`` is times weights. The whole images that are
            added weigh as much as the heaviest does.
    """
    squares = _squares(right if weights is None else _linearised(right, weights))
    n_seeds, n_all = right.shape
    n = n_all if weights is None else n_all / float(weights.max())
    share = min(1.0, max(0.0, squares.mean))
    if n_seeds == 1 and weights is None:
        return wilson(share, n, confidence)
    z2 = normal_quantile(0.5 + confidence / 2) ** 2
    cells = n_seeds * n_all
    seeds = 0.0
    if n_seeds > 1:
        seeds = Source("seeds", squares.seeds / cells, n_seeds - 1).half_width(confidence)
    images = z2 * max(0.0, squares.images - squares.rest) / cells
    measured = max(seeds**2 + images, z2 * squares.images / cells)
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(measured + z2 * (z2 + 1) / (4 * n * n)) / (1 + z2 / n)
    plain = wilson(share, n if measured == 0 else min(cells, share * (1 - share) * z2 / measured), confidence)
    low, high = middle - half, middle + half
    if share < 0.5:
        low = min(low, plain.low)
    else:
        high = max(high, plain.high)
    return Interval(
        share, 0.0 if share == 0 else max(0.0, low), 1.0 if share == 1 else min(1.0, high), confidence
    )


def loss_interval(losses: Figures, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a candidate's mean loss, over new seeds and new images (one seed: of that model).

    It is made on the logarithm of the mean, whose standard error is that of the mean divided by it: a few images
    that are badly wrong make up most of a cross-entropy, and its mean is skewed. The upper end is at most
    :data:`MOST_LOSS`. Where all losses are 0, up to 3 / n of all images may still have any loss (rule of three).
    ``losses`` has the shape (seeds, images), none below 0.
    """
    squares = _squares(losses)
    if squares.mean <= 0:
        return Interval(0.0, 0.0, min(1.0, 3 / squares.n_images) * MOST_LOSS, confidence)
    factor = math.exp(half_width(squares.sources, confidence) / squares.mean)
    high = min(squares.mean * factor, max(MOST_LOSS, squares.mean))
    return Interval(squares.mean, squares.mean / factor, high, confidence)


def mean_interval(figures: Figures, low: float, high: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a candidate's mean figure, over new seeds and new images (one seed: of that model).

    Args:
        figures: one for each seed and image, shape (seeds, images).
        low: the interval ends here at the lowest.
        high: and here at the highest.
        confidence: how often such an interval holds the true mean.
    """
    squares = _squares(figures)
    half = half_width(squares.sources, confidence)
    return Interval(squares.mean, max(low, squares.mean - half), min(high, squares.mean + half), confidence)


def _linearised(table: Figures, weights: Figures) -> Figures:
    """Return figures with the same means whose scatter is that of a weighted mean (Särndal, Swensson and Wretman 1992).

    The plain scatter of values times weights holds that of the weights too, times the mean.
    """
    found: Figures = table + table.mean() * (1 - weights)
    return found


def _squares(table: Figures, extra: int = 0, size: float = 1.0) -> _Squares:
    """Return the mean squares of a table with ``extra`` images added, on which all seeds differ by ±``size``."""
    import numpy as np

    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2:
        raise ValueError(f"figures of seeds × images need a seed and two images, got {table.shape}")
    figures = np.asarray(table, dtype=np.float64)
    n_seeds, n = figures.shape[0], figures.shape[1] + extra
    by_seed, by_image = figures.sum(axis=1) / n, figures.mean(axis=0)
    mean = float(by_seed.mean())
    # Deviations from the mean, not sums of squares less a square: losses differ little beside their size.
    total = float(((figures - mean) ** 2).sum()) + extra * n_seeds * (size**2 + mean**2)
    images = n_seeds * (float(((by_image - mean) ** 2).sum()) + extra * (size**2 + mean**2))
    seeds = n * float(((by_seed - mean) ** 2).sum())
    rest = max(0.0, total - images - seeds)
    return _Squares(
        mean=mean,
        seeds=seeds / (n_seeds - 1) if n_seeds > 1 else 0.0,
        images=images / (n - 1),
        rest=rest / ((n_seeds - 1) * (n - 1)) if n_seeds > 1 else 0.0,
        n_seeds=n_seeds,
        n_images=n,
    )
