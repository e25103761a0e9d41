"""Simulate studies in which trainings collapse.

    python -m benchmarks.statistics.collapse   # 10,000 studies per row; a fifth of it for coverage and verdicts
    python -m benchmarks.statistics.collapse coverage --studies 2500

The script prints tables of docs/statistics.md: the rule (false alarms and misses), seeds that only vary, coverage and
verdicts with and without the collapsed seeds, and the interval of the probability that a random seed of one candidate
beats one of another. Intervals and verdicts are those of the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.statistics.statistics_simulation import percent, print_header, print_row, run
from benchmarks.statistics.worlds import World, batches, draw
from convstudy.stats import Measure
from convstudy.stats.collapse import ValidationScore, collapsed, fisher_exact, is_near_chance
from convstudy.stats.superiority import win_probability
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import Verdict, corrected, make_verdict

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

N_IMAGES = 10_000
N_VALIDATION = 5_000
CHANCE = 0.1
MARGIN = 0.001
TEST = Measure("test", "accuracy")
RATES = (0.02, 0.05, 0.1)
SEEDS = (3, 5, 10)


@dataclass(frozen=True)
class Study:
    """The verdicts of one simulated study.

    Attributes:
        every: the verdict over all seeds.
        trained: the verdict over pairs of seeds that trained, with Holm's correction for both verdicts; the same as
            ``every`` if no seed was found to have collapsed, ``None`` with fewer than two pairs.
        found: the number of seeds that the rule found.
        missed: the number of collapsed seeds that the rule did not find.
    """

    every: Verdict
    trained: Verdict | None
    found: int
    missed: int

    @property
    def is_better(self) -> bool:
        return self.trained is not None and self.trained.kind == "better"


def studies(
    random: np.random.Generator,
    accuracies: tuple[float, float],
    rates: tuple[float, float],
    n_seeds: int,
    n: int,
) -> Iterator[Study]:
    """Yield studies of two candidates, whose seeds collapse to chance at these rates."""
    world = World(accuracies)
    for size in batches(n, 2 * n_seeds * N_IMAGES):
        made = draw(random, world, size, n_seeds, N_IMAGES)
        fell = random.random((size, 2, n_seeds)) < np.array(rates)[:, None]
        right = made.right
        right[fell] = random.random((int(fell.sum()), N_IMAGES), dtype=np.float32) < CHANCE
        levels = np.where(fell, CHANCE, made.models)
        validation = random.binomial(N_VALIDATION, levels) / N_VALIDATION
        for index in range(size):
            yield study_of(right[index].astype(np.float64), validation[index], fell[index])


def study_of(right: Array, validation: Array, fell: Bools) -> Study:
    """Return the verdicts on two candidates.

    Args:
        right: 1 for correct predictions, shape (2, seeds, images).
        validation: validation accuracies, shape (2, seeds).
        fell: which seeds collapsed, shape (2, seeds).
    """
    found = np.array([flagged(scores, CHANCE, N_VALIDATION) for scores in validation])
    every = _verdict(right[0], right[1])
    missed = int((fell & ~found).sum())
    if not found.any():
        return Study(every, every, 0, missed)
    both = ~found.any(axis=0)
    if both.sum() < 2:
        return Study(every, None, int(found.sum()), missed)
    first, second = corrected([every, _verdict(right[0, both], right[1, both])])
    return Study(first, second, int(found.sum()), missed)


def flagged(scores: Sequence[float] | Array, majority: float, n_images: int) -> tuple[bool, ...]:
    return collapsed([ValidationScore(float(score), majority, 1.0, n_images) for score in scores])


def _verdict(first: Array, second: Array) -> Verdict:
    return make_verdict("first", "second", TEST, two_way_difference(first, second), MARGIN)


@dataclass(frozen=True)
class Coverage:
    """Rates over studies of two equal candidates, of which the first collapses.

    Attributes:
        every: the interval over all seeds covers the difference of the means over all seeds.
        found: the rule finds a collapsed seed.
        stated: the interval over all seeds covers the difference of seeds that train, or is marked as not reliable.
        trained: the interval over seeds that trained covers this difference; of the studies that have one.
        few: fewer than two pairs of seeds trained.
        widths: the median half-width over all seeds, and over seeds that trained, in percentage points.
    """

    every: float
    found: float
    stated: float
    trained: float
    few: float
    widths: tuple[float, float]


def coverage(random: np.random.Generator, n_studies: int) -> None:
    """Two candidates at 99 %, of which the first collapses at a rate: what the intervals cover."""
    print_header(
        "rate of collapse, %",
        "seeds",
        "all seeds: covers, %",
        "half-width, pp",
        "a collapse found, %",
        "marked, or covers seeds that train, %",
        "seeds that trained: covers, %",
        "half-width, pp",
        "too few, %",
    )
    for rate in RATES:
        for n_seeds in SEEDS:
            found = coverage_rates(random, rate, n_seeds, n_studies // 5)
            widths = [f"{width:.2f}" for width in found.widths]
            rates = map(percent, (found.found, found.stated, found.trained))
            print_row(
                percent(rate), n_seeds, percent(found.every), widths[0], *rates, widths[1], percent(found.few)
            )


def coverage_rates(random: np.random.Generator, rate: float, n_seeds: int, n_studies: int) -> Coverage:
    truth = -rate * (0.99 - CHANCE)
    made = list(studies(random, (0.99, 0.99), (rate, 0.0), n_seeds, n_studies))
    trained = [study.trained for study in made if study.trained is not None]
    widths = [
        float(np.median([verdict.difference.half_width(0.95) for verdict in each])) * 100
        for each in ([study.every for study in made], trained)
    ]
    return Coverage(
        every=float(np.mean([_covers(study.every, truth) for study in made])),
        found=float(np.mean([study.found > 0 for study in made])),
        stated=float(np.mean([study.found > 0 or _covers(study.every, 0.0) for study in made])),
        trained=float(np.mean([_covers(verdict, 0.0) for verdict in trained])),
        few=1 - len(trained) / len(made),
        widths=(widths[0], widths[1]),
    )


def _covers(verdict: Verdict, truth: float) -> bool:
    low, high = verdict.difference.low, verdict.difference.high
    return low is not None and high is not None and low <= truth <= high


def verdicts(random: np.random.Generator, n_studies: int) -> None:
    """Both candidates collapse at a rate: how often the better one is called better, and equal ones different."""
    print_header(
        "rate of collapse, %",
        "seeds",
        "99 and 98 %: better, all seeds, %",
        "better, new, %",
        "too few trained, %",
        "99 and 99 %: claims, all seeds, %",
        "claims, new, %",
    )
    for rate in RATES:
        for n_seeds in SEEDS:
            different = verdict_rates(random, (0.99, 0.98), rate, n_seeds, n_studies // 5)
            equal = verdict_rates(random, (0.99, 0.99), rate, n_seeds, n_studies // 5)
            cells = (different[0], different[1], different[2], equal[3], equal[4])
            print_row(percent(rate), n_seeds, *map(percent, cells))


def verdict_rates(
    random: np.random.Generator, accuracies: tuple[float, float], rate: float, n_seeds: int, n_studies: int
) -> tuple[float, float, float, float, float]:
    """Return rates: better over all seeds, better new, too few trained; better or worse over all seeds, and new."""
    found = [
        (
            study.every.kind == "better",
            study.is_better,
            study.trained is None,
            study.every.is_significant,
            study.every.is_significant or (study.trained is not None and study.trained.is_significant),
        )
        for study in studies(random, accuracies, (rate, rate), n_seeds, n_studies)
    ]
    better, new, few, claims, new_claims = np.array(found).mean(axis=0).tolist()
    return better, new, few, claims, new_claims


@dataclass(frozen=True)
class Normal:
    """Seeds without collapses: the validation accuracy of seeds varies by a share of the error rate.

    Attributes:
        majority: the accuracy of always predicting the largest class.
        error: the mean error rate.
        spread: the standard deviation between seeds, as a share of the error rate.
    """

    majority: float
    error: float
    spread: float


NORMAL = (
    Normal(0.1, 0.005, 0.15),
    Normal(0.1, 0.005, 0.3),
    Normal(0.1, 0.05, 0.3),
    Normal(0.1, 0.2, 0.15),
    Normal(0.1, 0.4, 0.15),
    Normal(0.01, 0.5, 0.15),
    Normal(0.5, 0.05, 0.3),
    Normal(0.5, 0.2, 0.15),
    Normal(0.9, 0.03, 0.15),
)
FALLEN = (
    (Normal(0.1, 0.01, 0.15), 0.9),
    (Normal(0.1, 0.01, 0.15), 0.4),
    (Normal(0.1, 0.01, 0.15), 0.2),
    (Normal(0.1, 0.01, 0.15), 0.1),
    (Normal(0.1, 0.2, 0.15), 0.9),
    (Normal(0.1, 0.2, 0.15), 0.6),
    (Normal(0.5, 0.05, 0.15), 0.5),
    (Normal(0.9, 0.03, 0.15), 0.1),
)
"""Candidates and the error rate of their collapsed seeds."""


def normal_scores(random: np.random.Generator, world: Normal, n: int, n_seeds: int, n_images: int) -> Array:
    """Return validation accuracies, shape (n, n_seeds); error rates are lognormal, at most those of the majority."""
    sigma = np.sqrt(np.log1p(world.spread**2))
    errors = world.error * np.exp(sigma * random.standard_normal((n, n_seeds)) - sigma**2 / 2)
    return 1 - random.binomial(n_images, np.minimum(errors, 1 - world.majority)) / n_images


def rule(random: np.random.Generator, n_studies: int) -> None:
    """False alarms and misses of the rule."""
    numbers = (2, 3, 5, 10, 30)
    print_header(
        "largest class, %", "error, %", "sd of seeds / error", "images", *(f"{n} seeds" for n in numbers)
    )
    for world in NORMAL:
        for n_images in (100, 1000, 10_000):
            cells = [false_alarms(random, world, n_studies, n, n_images) for n in numbers]
            print_row(
                f"{world.majority * 100:g}",
                f"{world.error * 100:g}",
                world.spread,
                f"{n_images:,}",
                *map(percent, cells),
            )
    groups = ((1, 3), (1, 5), (3, 5), (4, 5), (7, 10), (3, 3), (10, 10))
    print_header(
        "largest class, %", "error, %", "collapsed error, %", "images", *(f"{k} of {n}" for k, n in groups)
    )
    for world, error in FALLEN:
        for n_images in (100, 1000, 10_000):
            cells = [found_share(random, world, error, n_studies // 5, k, n, n_images) for k, n in groups]
            print_row(
                f"{world.majority * 100:g}",
                f"{world.error * 100:g}",
                f"{error * 100:g}",
                f"{n_images:,}",
                *map(percent, cells),
            )


def false_alarms(random: np.random.Generator, world: Normal, n: int, n_seeds: int, n_images: int) -> float:
    """Return the rate of candidates of which any normal seed is found to have collapsed."""
    scores = normal_scores(random, world, n, n_seeds, n_images)
    return float(np.mean([any(flagged(each, world.majority, n_images)) for each in scores]))


def found_share(
    random: np.random.Generator,
    world: Normal,
    error: float,
    n: int,
    n_fallen: int,
    n_seeds: int,
    n_images: int,
) -> float:
    """Return the share of the collapsed seeds, with the error rate ``error``, that the rule finds."""
    scores = normal_scores(random, world, n, n_seeds, n_images)
    scores[:, :n_fallen] = 1 - random.binomial(n_images, error, (n, n_fallen)) / n_images
    return float(np.mean([flagged(each, world.majority, n_images)[:n_fallen] for each in scores]))


VARIED = (
    (Normal(0.1, 0.1, 0.5), 1000),
    (Normal(0.1, 0.2, 0.5), 1000),
    (Normal(0.1, 0.4, 0.3), 1000),
    (Normal(0.1, 0.8, 0.04), 360),
    (Normal(0.1, 0.85, 0.02), 360),
    (Normal(0.1, 0.87, 0.01), 100),
    (Normal(0.1, 0.87, 0.01), 360),
    (Normal(0.1, 0.88, 0.02), 360),
    (Normal(0.1, 0.88, 0.02), 1000),
    (Normal(0.5, 0.46, 0.02), 360),
)
"""Candidates without failures whose seeds vary much, or that have learned little, and a number of validation images."""


@dataclass(frozen=True)
class Equal:
    """Rates over pairs of equal candidates without failures.

    Attributes:
        some: a seed of the first is found to have collapsed.
        every: all seeds of the first are.
        unequal: Fisher's test finds different rates of collapse, p ≤ 5 %.
        shown: it does, and the report has this p-value, because not both candidates are near chance.
    """

    some: float
    every: float
    unequal: float
    shown: float


def varied(random: np.random.Generator, n_studies: int) -> None:
    """Candidates without failures that vary much or have learned little: what the rule finds, and Fisher's test."""
    print_header(
        "largest class, %",
        "error, %",
        "sd of seeds / error",
        "images",
        "seeds",
        "a false alarm, %",
        "all seeds found, %",
        "equal candidates: p of rates ≤ 5 %, before, %",
        "now, %",
    )
    for world, n_images in VARIED:
        for n_seeds in (3, 5, 10):
            found = equal_candidates(random, world, n_studies // 5, n_seeds, n_images)
            print_row(
                f"{world.majority * 100:g}",
                f"{world.error * 100:g}",
                world.spread,
                f"{n_images:,}",
                n_seeds,
                *map(percent, (found.some, found.every, found.unequal, found.shown)),
            )


def equal_candidates(
    random: np.random.Generator, world: Normal, n: int, n_seeds: int, n_images: int
) -> Equal:
    """Return what the rule and Fisher's test find in pairs of equal candidates without failures."""
    scores = normal_scores(random, world, 2 * n, n_seeds, n_images)
    made = [
        [ValidationScore(float(score), world.majority, 1.0, n_images) for score in each] for each in scores
    ]
    counts = np.array([sum(collapsed(each)) for each in made])
    near = np.array([is_near_chance(each) for each in made])
    pairs = [(int(a), int(b)) for a, b in zip(counts[:n], counts[n:], strict=True)]
    p_values = {pair: fisher_exact((pair[0], n_seeds), (pair[1], n_seeds)) for pair in set(pairs)}
    unequal = np.array([p_values[pair] <= 0.05 for pair in pairs])
    shown = unequal & ~(near[:n] & near[n:])
    rates = (counts[:n] > 0, counts[:n] == n_seeds, unequal, shown)
    return Equal(*(float(each.mean()) for each in rates))


@dataclass(frozen=True)
class Scores:
    """Test scores: normal with a distance of the means and a ratio of the sds, and rates of collapse."""

    distance: float
    ratio: float = 1.0
    rates: tuple[float, float] = (0.0, 0.0)

    def draw(self, random: np.random.Generator, n: int, n_seeds: int) -> tuple[Array, Array]:
        first = self.distance + random.standard_normal((n, n_seeds))
        second = self.ratio * random.standard_normal((n, n_seeds))
        for scores, rate in ((first, self.rates[0]), (second, self.rates[1])):
            scores -= np.where(random.random(scores.shape) < rate, 100 + 20 * random.random(scores.shape), 0)
        return first, second


SCORES = {
    "equal": Scores(0),
    "1 sd apart": Scores(1),
    "2 sd apart": Scores(2),
    "3 sd apart": Scores(3),
    "2 sd apart, the second varies 3 times as much": Scores(2, 3),
    "equal, both collapse in 5 %": Scores(0, 1, (0.05, 0.05)),
    "5 sd apart, both collapse in 10 %": Scores(5, 1, (0.1, 0.1)),
    "5 sd apart, the better collapses in 5 %": Scores(5, 1, (0.05, 0)),
    "2 sd apart, the better collapses in 30 %": Scores(2, 1, (0.3, 0)),
    "equal, the first collapses in 50 %": Scores(0, 1, (0.5, 0)),
}


def wins(random: np.random.Generator, n_studies: int) -> None:
    """Coverage and width of the interval of the probability that a random seed beats one of the other candidate."""
    print_header("scores", "probability, %", *(f"{n} seeds: covers, % (width)" for n in (2, 3, 5, 10, 30)))
    for name, scores in SCORES.items():
        truth = true_wins(random, scores)
        cells = []
        for n_seeds in (2, 3, 5, 10, 30):
            covers, width = wins_rates(random, scores, truth, n_seeds, n_studies)
            cells.append(f"{percent(covers)} ({width:.2f})")
        print_row(name, percent(truth), *cells)


def true_wins(random: np.random.Generator, scores: Scores) -> float:
    first, second = scores.draw(random, 1_000_000, 1)
    return float((first > second).mean())


def wins_rates(
    random: np.random.Generator, scores: Scores, truth: float, n_seeds: int, n_studies: int
) -> tuple[float, float]:
    """Return the coverage and the mean width."""
    found = []
    for first, second in zip(*scores.draw(random, n_studies, n_seeds), strict=True):
        interval = win_probability(first.tolist(), second.tolist())
        assert interval is not None  # there are two seeds or more
        # Allow for the error of the simulated truth.
        found.append((interval.low - 0.001 <= truth <= interval.high + 0.001, interval.high - interval.low))
    covers, width = np.array(found, dtype=np.float64).mean(axis=0).tolist()
    return covers, width


if __name__ == "__main__":
    run(
        __doc__ or "",
        {"rule": rule, "varied": varied, "coverage": coverage, "verdicts": verdicts, "wins": wins},
    )
