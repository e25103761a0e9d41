"""Draw the sums of many studies at once, for the simulation of required sample sizes; imported by planning.py.

Tables hold the values of one candidate minus those of the other, −1, 0 or 1, on n images for each seed. A table is
drawn by its sums only. On some images the candidates differ in the same way with every seed, on some with a
probability per seed, and on others for one seed alone; the number of the last kind varies between seeds. All are rare,
so their numbers have Poisson distributions. ``tests/stats/test_planning.py`` compares the mean squares with those of
whole tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from convstudy.stats.pilot import limit_factor
from convstudy.stats.sample_size import Unit

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Two candidates with equal accuracy.

    Attributes:
        name: the name in the tables.
        n_images: the number of test images.
        alike: the fraction of images on which the candidates differ in the same way with every seed.
        hard: the fraction of images on which they differ with a seed with probability 1/2, always in the same way.
        single: the fraction of images on which they differ with one seed alone.
        seed: the standard deviation of the true difference between seeds.
        margin: the equivalence margin.
        n_comparisons: the number of comparisons of the family.
    """

    name: str
    n_images: int = 10_000
    alike: float = 0.0
    hard: float = 0.0
    single: float = 0.0
    seed: float = 0.0
    margin: float = 0.001
    n_comparisons: int = 1

    @property
    def error(self) -> float:
        return 0.05 / self.n_comparisons


WORLDS = (
    World("seeds matter", single=0.008, seed=0.001),
    World("seeds matter, 10 comparisons", single=0.008, seed=0.001, n_comparisons=10),
    World("images matter", alike=0.0004, single=0.004),
    World("both matter", alike=0.0003, single=0.006, seed=0.0008),
    World("hard images", hard=0.002, single=0.004, seed=0.0007),
    World(
        "1,437 images, margin 1 point",
        n_images=1437,
        alike=0.004,
        hard=0.004,
        single=0.03,
        seed=0.006,
        margin=0.01,
    ),
    World("test set too small", n_images=3000, alike=0.0006, single=0.006, seed=0.0005),
)


@dataclass(frozen=True)
class Tables:
    """The sums of many tables of differences at once; arrays have shape (studies,).

    Attributes:
        mean: the mean difference.
        seeds, images, rest: the mean squares, without pseudo-observations.
        squares: the sum over images of the squared mean over seeds; ``fourths``: of its fourth power.
        n_seeds, n_images: the size of each table.
    """

    mean: Array
    seeds: Array
    images: Array
    rest: Array
    squares: Array
    fourths: Array
    n_seeds: int
    n_images: int

    def half_width(self, error: float, extra: int = 2) -> Array:
        """Return the half-width of :func:`convstudy.stats.two_way.two_way_difference`, with pseudo-observations."""
        s, n = self.n_seeds, self.n_images + extra
        shrunk = self.n_images / n
        mean = self.mean * shrunk
        seeds = self.seeds * (s - 1) / self.n_images * shrunk**2 * n / (s - 1)
        images = s * (self.squares + extra - n * mean**2)
        total = self._total + extra * s - s * n * mean**2
        rest = np.maximum(0, total - images - seeds * (s - 1)) / ((s - 1) * (n - 1))
        beyond = np.maximum(0, images / (n - 1) - rest)
        of_seeds = stdtrit(s - 1, 1 - error / 2) ** 2 * seeds / (s * n)
        return np.sqrt(of_seeds + stdtrit(n - 1, 1 - error / 2) ** 2 * beyond / (s * n))

    @property
    def _total(self) -> Array:
        s, n = self.n_seeds, self.n_images
        return (
            self.rest * (s - 1) * (n - 1)
            + self.seeds * (s - 1)
            + self.images * (n - 1)
            + s * n * self.mean**2
        )

    def reach(self, kind: str, margin: float, error: float) -> npt.NDArray[np.bool_]:
        """Return whether each study reaches the verdict."""
        centre, half = self.mean * self.n_images / (self.n_images + 2), self.half_width(error)
        if kind == "better":
            return centre - half > margin
        return np.abs(centre) + half <= margin


def draw(
    random: np.random.Generator, world: World, difference: float, n_studies: int, n_seeds: int, n_images: int
) -> Tables:
    """Draw tables whose candidates differ by ``difference``."""
    size = (n_studies, n_seeds)
    signed = lambda fraction: random.poisson(fraction / 2 * n_images, (2, n_studies))  # noqa: E731
    plus, minus = signed(world.alike)
    level = difference + world.seed * random.normal(size=size)
    # A level beyond the rate of single images is reached by more of these images.
    rate = np.maximum(world.single, np.abs(level))
    up = random.poisson((rate + level) / 2 * n_images)
    down = random.poisson((rate - level) / 2 * n_images)
    sums = up - down + (plus - minus)[:, None]
    single = (up + down).sum(axis=1)
    squares = plus + minus + single / n_seeds**2
    fourths = plus + minus + single / n_seeds**4
    total = n_seeds * (plus + minus) + single
    if world.hard:
        for sign, n_hard in zip((1, -1), signed(world.hard), strict=True):
            there = np.arange(n_hard.max()) < n_hard[:, None]
            differs = (random.random((*there.shape, n_seeds), dtype=np.float32) < 0.5) & there[..., None]
            sums = sums + sign * differs.sum(axis=1)
            means = differs.sum(axis=2) / n_seeds
            squares = squares + (means**2).sum(axis=1)
            fourths = fourths + (means**4).sum(axis=1)
            total = total + differs.sum(axis=(1, 2))
    by_seed = sums / n_images
    mean = by_seed.mean(axis=1)
    of_seeds = n_images * ((by_seed - mean[:, None]) ** 2).sum(axis=1)
    of_images = n_seeds * (squares - n_images * mean**2)
    rest = np.maximum(0, total - n_seeds * n_images * mean**2 - of_seeds - of_images)
    return Tables(
        mean,
        of_seeds / (n_seeds - 1),
        of_images / (n_images - 1),
        rest / ((n_seeds - 1) * (n_images - 1)),
        squares,
        fourths,
        n_seeds,
        n_images,
    )


@dataclass(frozen=True)
class FoldWorld:
    """Two candidates with equal accuracy over folds.

    Attributes:
        name: the name in the tables.
        n_images: the number of images of all folds.
        differ: the fraction of images on which the candidates differ.
        fold: the standard deviation of the true difference between folds.
        margin: the equivalence margin.
        n_comparisons: the number of comparisons of the family.
    """

    name: str
    n_images: int
    differ: float
    fold: float
    margin: float
    n_comparisons: int = 1

    @property
    def error(self) -> float:
        return 0.05 / self.n_comparisons


FOLD_WORLDS = (
    FoldWorld("images alone", 1437, 0.01, 0.0, 0.005),
    FoldWorld("images alone, 10 comparisons", 1437, 0.01, 0.0, 0.005, 10),
    FoldWorld("training and images", 1437, 0.02, 0.006, 0.01),
    FoldWorld("training", 10_000, 0.01, 0.003, 0.003),
    FoldWorld("60,000 images", 60_000, 0.01, 0.001, 0.001),
)


@dataclass(frozen=True)
class Folds:
    """The differences of many searches at once, shape (studies,): mean, variance between folds, and on one image."""

    mean: Array
    between: Array
    image: Array
    n_folds: int
    n_images: int

    def reach(self, kind: str, margin: float, error: float) -> npt.NDArray[np.bool_]:
        """Return whether each search reaches the verdict of :func:`convstudy.stats.resampled.fold_difference`."""
        k, n = self.n_folds, self.n_images
        folds = stdtrit(k - 1, 1 - error / 2) * np.sqrt((1 / k + 1 / (k - 1)) * self.between)
        images = stdtrit(n - 1, 1 - error / 2) * np.sqrt(self.image / n + 2 / n**2)
        half = np.maximum(folds, images)
        return self.mean - half > margin if kind == "better" else np.abs(self.mean) + half <= margin


def draw_folds(
    random: np.random.Generator,
    world: FoldWorld,
    difference: float,
    n_studies: int,
    n_folds: int,
    n_images: int,
) -> Folds:
    """Draw searches whose candidates differ by ``difference``; each fold has n / k images."""
    size, images = (n_studies, n_folds), n_images / n_folds
    level = difference + world.fold * random.normal(size=size)
    rate = np.maximum(world.differ, np.abs(level))
    up = random.poisson((rate + level) / 2 * images)
    down = random.poisson((rate - level) / 2 * images)
    pairs = (up - down) / images
    mean = pairs.mean(axis=1)
    image = np.maximum(0, (up + down).sum(axis=1) / n_images - mean**2)
    return Folds(mean, pairs.var(axis=1, ddof=1), image, n_folds, n_images)


def earlier_seeds(tables: Tables, world: World) -> list[tuple[Unit, int | None, int | None, int | None]]:
    """Return unit and ends of the earlier rule: half-width + 0.84 standard errors ≤ margin, for both verdicts.

    The upper end had the upper limit of the variance between seeds, and no limit for the images. If no number of seeds
    was enough, there was a lower bound for the images and no upper end.
    """
    s, n, quantile = tables.n_seeds, tables.n_images, 1 - world.error / 2
    number = np.arange(s, 1001)
    found: list[tuple[Unit, int | None, int | None, int | None]] = []
    seed = np.maximum(0, tables.seeds - tables.rest) / n
    image = np.maximum(0, tables.images - tables.rest) / s / n
    for a, b, c in zip(seed, image, tables.rest / n, strict=True):
        ends = []
        for factor, most in ((1.0, 10 * s), (limit_factor(s - 1), 1000)):
            seeds = factor * (a + c) / number
            half = np.sqrt(
                stdtrit(number - 1, quantile) ** 2 * seeds + stdtrit(n - 1, quantile) ** 2 * (b + 2 / n**2)
            )
            enough = (half + 0.8416 * np.sqrt(seeds + b) <= world.margin) & (number <= most)
            ends.append(int(number[enough.argmax()]) if enough.any() else None)
        found.append(("seeds", ends[0], ends[1] if ends[0] else None, None))
    return found


def earlier_folds(folds: Folds, world: FoldWorld) -> list[tuple[Unit, int | None, int | None, int | None]]:
    """Return unit and ends of the earlier rule: the number of images with the present folds.

    The lower end ignored the folds. At the upper end, half-width + 0.84 standard errors over folds fall with the square
    root of the number of images.
    """
    k, n, quantile = folds.n_folds, folds.n_images, 1 - world.error / 2
    number = n * np.geomspace(1, 10, 400)
    found: list[tuple[Unit, int | None, int | None, int | None]] = []
    for between, image in zip(folds.between, folds.image, strict=True):
        se = np.sqrt(image / number)
        shown = stdtrit(n - 1, quantile) * np.sqrt(se**2 + 2 / number**2) + 0.8416 * se
        enough = np.maximum(shown, 3 / number) <= world.margin
        low = int(number[enough.argmax()]) if enough.any() else None
        spread = np.sqrt((1 / k + 1 / (k - 1)) * between)
        by_folds = n * ((stdtrit(k - 1, quantile) + 0.8416) * spread / world.margin) ** 2
        high = None if low is None or by_folds > 10 * n else max(low, int(np.ceil(by_folds)))
        found.append(("images", low, high, k))
    return found
