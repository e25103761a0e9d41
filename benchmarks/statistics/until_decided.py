"""Simulate comparisons of five networks that add seeds until validation scores decide each pair.

    python -m benchmarks.statistics.until_decided   # 2,000 studies per row
    python -m benchmarks.statistics.until_decided worlds --studies 400
    python -m benchmarks.statistics.until_decided designs

The script prints tables of docs/statistics.md. ``take_looks`` decides in each study as in a run: it sees the validation
scores. Verdicts are those of a study on the test images of the seeds that each network has (the two-way method with
Holm's correction, computed here for many studies at once).

Models err on hard images only, a tenth of all. The probability of an error is the product of the image's difficulty,
the network's factor and the seed's factor. A seed's factor is the same on its 6,000 validation images, which are new
for each seed, and on the 10,000 test images, which are the same for all: validation and test scores are correlated
through the training run. A collapsed seed errs on every hard image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from benchmarks.statistics import sequential_designs
from benchmarks.statistics.statistics_simulation import percent, print_header, print_row, run
from convstudy.stats.sequential import LookResult, SeedRule, looks, take_looks
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
HARD = 0.1
"""The proportion of images on which a model can err, and the error rate of a collapsed seed."""
N_TEST, N_VALIDATION, N_TRAIN = 10_000, 6_000, 60_000
MOST, FIXED = 30, 10
N_STUDIES, BATCH = 2_000, 50
INCONCLUSIVE = 9
"""The code of an inconclusive verdict; 1, -1 and 0 are better, worse and equivalent."""
NAMES = ("a", "b", "c", "d", "e")
PAIRS = tuple(combinations(range(len(NAMES)), 2))
SIZES = tuple(look.n_seeds for look in looks(MOST))


@dataclass(frozen=True)
class World:
    """The true properties of five networks.

    Attributes:
        errors: the error rate of each network, over seeds that did not collapse.
        collapse: the probability that a seed of the second network collapses.
        seed: the standard deviation of the error rate between seeds, as a fraction of the error rate.
        margin: the equivalence margin.
        exact: whether a validation score is the true accuracy of the model, as if there were endless validation images:
            the largest possible correlation with its test score.
    """

    errors: tuple[float, ...]
    collapse: float = 0.0
    seed: float = 0.15
    margin: float = 0.001
    exact: bool = False

    @property
    def differences(self) -> Array:
        """The true difference in accuracy of each pair."""
        errors = np.array(self.errors)
        errors[1] += self.collapse * (HARD - errors[1])
        return np.array([errors[b] - errors[a] for a, b in PAIRS])


WORLDS: Mapping[str, World] = {
    "all tie": World((0.005,) * 5),
    "one better, by 1.5 pp": World((0.005, *(0.02,) * 4)),
    "one better, by 1 pp": World((0.005, *(0.015,) * 4)),
    "one better, by 0.5 pp": World((0.005, *(0.01,) * 4)),
    "two close, three worse by 1 pp": World((0.005, 0.0055, *(0.015,) * 3)),
    "one better, one collapses in 20 %": World((0.005, *(0.015,) * 4), collapse=0.2),
    "four tie, one collapses in 20 %": World((0.005,) * 5, collapse=0.2),
}
HARDEST: Mapping[str, World] = {
    "five equal, margin 0": World((0.02,) * 5, seed=0.35, margin=0.0, exact=True),
    "five equal, margin 0, usual validation": World((0.02,) * 5, seed=0.35, margin=0.0),
    "four at the margin": World((0.02, *(0.021,) * 4), seed=0.1, exact=True),
}


@dataclass(frozen=True)
class Studies:
    """Simulated studies.

    Attributes:
        validation: validation accuracies, shape (studies, networks, seeds).
        squares: (number of seeds, pair) -> the centre of the difference and the variances of its mean by seeds and
            by images, shape (3, studies).
    """

    validation: Array
    squares: Mapping[tuple[int, int], Array]


def simulate(random: np.random.Generator, world: World, n_studies: int) -> Studies:
    """Return simulated studies of a world, each with 30 seeds of each network."""
    found = [_batch(random, world, min(BATCH, n_studies - start)) for start in range(0, n_studies, BATCH)]
    keys = found[0].squares
    squares = {key: np.concatenate([each.squares[key] for each in found], axis=1) for key in keys}
    return Studies(np.concatenate([each.validation for each in found]), squares)


def _batch(random: np.random.Generator, world: World, size: int) -> Studies:
    n_networks = len(NAMES)
    reach = world.seed * 6**0.5  # the difference of two uniform numbers has the standard deviation 1 / √6
    lowest = min(world.errors)
    highest = max(world.errors) / lowest * (1 + reach)  # keeps probabilities below 1
    difficulty = lowest * highest / HARD
    by_seed = (size, n_networks, MOST)
    factor = 1 + reach * (random.random(by_seed) - random.random(by_seed))
    factor *= np.array(world.errors)[:, None] / lowest / highest
    collapsed = np.zeros(by_seed, dtype=bool)
    collapsed[:, 1] = random.random((size, MOST)) < world.collapse
    common = _difficulties(random, difficulty, size, N_TEST)
    wrong = np.stack(
        [
            _wrong(random, common, difficulty, factor[:, number], collapsed[:, number])
            for number in range(n_networks)
        ],
        axis=2,
    )
    if world.exact:
        validation = 1 - np.where(collapsed, HARD, factor * HARD * difficulty)
    else:
        validation = np.empty(by_seed)
        for seed in range(MOST):
            own = _difficulties(random, difficulty, size, N_VALIDATION)
            for number in range(n_networks):
                one = np.s_[:, number, seed : seed + 1]
                errors = _wrong(random, own, difficulty, factor[one], collapsed[one])
                validation[:, number, seed] = 1 - errors.sum(axis=(1, 2)) / N_VALIDATION
    return Studies(validation, _squares(wrong))


def _difficulties(random: np.random.Generator, mean: float, size: int, n_images: int) -> Array:
    """Return the difficulty that hard images have for all networks, shape (studies, hard images); 0 for half of them.

    The other half has another difficulty for each network.
    """
    shape = (size, int(n_images * HARD))
    return np.where(random.random(shape) < 0.5, random.beta(2 * mean, 2 * (1 - mean), shape), 0.0)


def _wrong(
    random: np.random.Generator, common: Array, mean: float, factor: Array, collapsed: Bools
) -> npt.NDArray[np.float32]:
    """Return 1 where a model of one network errs on a hard image, shape (studies, seeds, hard images)."""
    own = random.beta(2 * mean, 2 * (1 - mean), common.shape)
    chance = np.where(common > 0, common, own).astype(np.float32)
    draws = random.random((*factor.shape, common.shape[1]), dtype=np.float32)
    errs = (draws < chance[:, None] * factor[:, :, None].astype(np.float32)) | collapsed[:, :, None]
    return errs.astype(np.float32)


def _squares(wrong: npt.NDArray[np.float32]) -> dict[tuple[int, int], Array]:
    """Return centre and variances of each pair after each look; ``convstudy.stats.two_way`` for many studies.

    Args:
        wrong: shape (studies, seeds, networks, hard images). The models are correct on all other images.
    """
    found: dict[tuple[int, int], Array] = {}
    errors = wrong.sum(axis=3, dtype=np.float64)
    both = (wrong @ wrong.transpose(0, 1, 3, 2)).astype(np.float64)
    n = N_TEST + PSEUDO_OBSERVATIONS
    for s in SIZES:
        by_image = wrong[:, :s].sum(axis=1)
        both_images = (by_image @ by_image.transpose(0, 2, 1)).astype(np.float64)
        for place, (a, b) in enumerate(PAIRS):
            means = (errors[:, :s, b] - errors[:, :s, a]) / n
            mean = means.mean(axis=1)
            every = both[:, :s, a, a] + both[:, :s, b, b] - 2 * both[:, :s, a, b]
            of_images = both_images[:, a, a] + both_images[:, b, b] - 2 * both_images[:, a, b]
            extra = PSEUDO_OBSERVATIONS * s - s * n * mean**2
            images = of_images / s + extra
            seeds = n * ((means - mean[:, None]) ** 2).sum(axis=1)
            rest = np.maximum(0, every.sum(axis=1) + extra - images - seeds) / ((s - 1) * (n - 1))
            beyond = np.maximum(0, images / (n - 1) - rest)
            found[s, place] = np.stack([mean, seeds / (s - 1) / (s * n), beyond / (s * n)])
    return found


LEVELS = np.logspace(-9, 0, 4001)


@lru_cache
def _quantiles(degrees: int) -> Array:
    return np.asarray(stdtrit(degrees, 1 - LEVELS / 2) ** 2)


def verdicts(studies: Studies, n_seeds: npt.NDArray[np.int64], margin: float) -> npt.NDArray[np.int64]:
    """Return the codes of the verdicts on all pairs on the test images, shape (studies, pairs).

    Args:
        studies: the simulated studies.
        n_seeds: the number of seeds of each network, shape (studies, networks). A pair has the seeds of both.
        margin: the equivalence margin.
    """
    p_values, kinds = np.empty((2, len(n_seeds), len(PAIRS)))
    for place, (a, b) in enumerate(PAIRS):
        common = np.minimum(n_seeds[:, a], n_seeds[:, b])
        for size in np.unique(common):
            rows = common == size
            mean, seeds, images = studies.squares[int(size), place][:, rows]
            kind = np.where(np.abs(mean) > margin, np.sign(mean), 0)
            distance = np.abs(np.abs(mean) - margin)
            kinds[rows, place] = kind
            p = _error(distance, seeds, images, int(size))
            p_values[rows, place] = np.where((kind == 0) & (margin == 0), 1, p)
    order = np.argsort(p_values, axis=1, kind="stable")
    factors = np.arange(len(PAIRS), 0, -1)
    holm = np.maximum.accumulate(np.take_along_axis(p_values, order, axis=1) * factors, axis=1)
    adjusted = np.empty_like(holm)
    np.put_along_axis(adjusted, order, holm, axis=1)
    return np.where(adjusted <= 0.05, kinds, INCONCLUSIVE).astype(np.int64)


def _error(distance: Array, seeds: Array, images: Array, n_seeds: int) -> Array:
    """Return the smallest listed level at which the half-width is within the distance."""
    low, high = np.zeros(len(distance), dtype=int), np.full(len(distance), len(LEVELS) - 1)
    of_seeds, of_images = _quantiles(n_seeds - 1), _quantiles(N_TEST + PSEUDO_OBSERVATIONS - 1)
    for _ in range(13):
        middle = (low + high) // 2
        within = of_seeds[middle] * seeds + of_images[middle] * images <= distance**2
        high, low = np.where(within, middle, high), np.where(within, low, middle)
    return np.asarray(LEVELS[high])


def is_false(codes: npt.NDArray[np.int64], world: World) -> Bools:
    """Return which verdicts are false; "better" is false at the margin, and "equivalent" is false beyond it."""
    truth, edge = world.differences, world.margin + 1e-12
    better = (codes == 1) & (truth <= edge)
    worse = (codes == -1) & (truth >= -edge)
    return np.asarray(better | worse | ((codes == 0) & (np.abs(truth) > edge)))


def looks_of(studies: Studies, world: World, max_seeds: int) -> list[tuple[LookResult, ...]]:
    """Return the looks of each study."""
    n_images = (10**9, 10**12) if world.exact else (N_VALIDATION, N_TRAIN)
    rule = SeedRule(
        NAMES, max_seeds, world.margin, images_per_seed=n_images[0], n_images=n_images[1], proportion=True
    )
    return [take_looks(dict(zip(NAMES, scores.tolist(), strict=True)), rule) for scores in studies.validation]


@dataclass(frozen=True)
class Outcome:
    """The result of adding seeds in many studies; proportions except ``clear``.

    Attributes:
        fits: the mean number of fits, as a proportion of those of ten seeds.
        false: the studies with any false verdict on the test set.
        wrong: the studies with any wrong decision on validation, at any look.
        agrees: the pairs that agree with ten fixed seeds: the same verdict where that one is clear, and otherwise an
            inconclusive or a true one.
        same: the pairs with the same verdict.
        clear: the mean number of clear verdicts of a study.
    """

    fits: float
    false: float
    wrong: float
    agrees: float
    same: float
    clear: float


def outcome(studies: Studies, world: World, max_seeds: int) -> Outcome:
    """Return the result of adding seeds until each pair is decided."""
    taken = looks_of(studies, world, max_seeds)
    n_seeds = np.array(
        [[max(look.n_seeds for look in each if name in look.evaluated) for name in NAMES] for each in taken]
    )
    codes, fixed = verdicts(studies, n_seeds, world.margin), fixed_verdicts(studies, world, FIXED)
    false = is_false(codes, world)
    agrees = np.where(fixed != INCONCLUSIVE, codes == fixed, ~false)
    return Outcome(
        fits=float(n_seeds.sum(axis=1).mean() / (FIXED * len(NAMES))),
        false=float(false.any(axis=1).mean()),
        wrong=float(np.mean([_is_wrong(each, world) for each in taken])),
        agrees=float(agrees.mean()),
        same=float((codes == fixed).mean()),
        clear=float((codes != INCONCLUSIVE).sum(axis=1).mean()),
    )


def fixed_verdicts(studies: Studies, world: World, n_seeds: int) -> npt.NDArray[np.int64]:
    """Return the verdicts with the same number of seeds for all networks."""
    return verdicts(studies, np.full((len(studies.validation), len(NAMES)), n_seeds), world.margin)


def ever_false(studies: Studies, world: World) -> float:
    """Return the proportion of studies with a false verdict on the test set after any of 3, 5, 7, ... 30 seeds."""
    found = [is_false(fixed_verdicts(studies, world, size), world).any(axis=1) for size in SIZES]
    return float(np.any(found, axis=0).mean())


def _is_wrong(taken: tuple[LookResult, ...], world: World) -> bool:
    codes = np.full((1, len(PAIRS)), INCONCLUSIVE)
    numbers = {"better": 1, "worse": -1, "equivalent": 0, "out of reach": INCONCLUSIVE}
    for look in taken:
        for each in look.decisions:
            place = PAIRS.index((NAMES.index(each.first), NAMES.index(each.second)))
            codes[0, place] = numbers[each.kind]
    return bool(is_false(codes, world).any())


def worlds(random: np.random.Generator, n_studies: int) -> None:
    """Five networks with the default margin: fits as a percentage of the 50 fits of ten seeds, and wrong claims."""
    _table(random, WORLDS, n_studies)


def hardest(random: np.random.Generator, n_studies: int) -> None:
    """Five networks, where the seeds are almost the only source of variance: the largest effect of stopping."""
    _table(random, HARDEST, n_studies)


def _table(random: np.random.Generator, settings: Mapping[str, World], n_studies: int) -> None:
    print_header(
        "simulated truth",
        "seeds",
        "fits, %",
        "false claims, %",
        "wrong decisions on validation, %",
        "agrees, %",
        "same verdict, %",
        "clear verdicts of 10",
    )
    for name, world in settings.items():
        studies = simulate(random, world, n_studies)
        for n_seeds in (FIXED, MOST):
            codes = fixed_verdicts(studies, world, n_seeds)
            false = percent(is_false(codes, world).any(axis=1).mean())
            clear = f"{(codes != INCONCLUSIVE).sum(axis=1).mean():.2f}"
            print_row(name, f"{n_seeds} fixed", percent(n_seeds / FIXED), false, "–", "–", "–", clear)
        print_row(
            name, "a verdict at each look", "–", percent(ever_false(studies, world)), "–", "–", "–", "–"
        )
        for max_seeds in (FIXED, MOST):
            found = outcome(studies, world, max_seeds)
            cells = (found.fits, found.false, found.wrong, found.agrees, found.same)
            print_row(name, f"until decided, at most {max_seeds}", *map(percent, cells), f"{found.clear:.2f}")


if __name__ == "__main__":
    parts = {"worlds": worlds, "hardest": hardest, "designs": sequential_designs.designs}
    run(__doc__, parts, studies=N_STUDIES)
