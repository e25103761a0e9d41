"""Compare group-sequential and anytime-valid designs for one pair of candidates; ``until_decided designs`` prints it.

The differences of the seeds are normal. Each design looks after 3, 5, 7, 10, 15, 20 and 30 seeds:

- equal 5 %: an interval of 95 % at each look, as if there were no other look;
- O'Brien and Fleming, Pocock: the spending functions of Lan and DeMets (1983) over 30 seeds, with t quantiles;
- parts, recursive: the parts of ``convstudy.stats.sequential``, also by the recursion of Lan and DeMets;
- parts: the same parts with a union bound, the design of convstudy;
- mixture: an anytime-valid t test, a Bayes factor with the prior N(0, 1) on the effect size (Lai 1976), at the same
  looks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtrit

from benchmarks.statistics.statistics_simulation import percent, print_header, print_row
from convstudy.stats.sequential import looks

Array = npt.NDArray[np.float64]
LOOKS = looks(30)
SIZES = tuple(look.n_seeds for look in LOOKS)
EFFECTS = (3.0, 5.0, 10.0)
"""True differences from the tested limit, in standard deviations between seeds."""
ALPHA, PAIR_ALPHA = 0.05, 0.005
"""The error level of a single pair, and of one of ten pairs (Bonferroni)."""
N_FACTOR = 50
"""Simulated pairs per study of the other parts."""


def spent_by_parts(alpha: float) -> list[float]:
    """Return the cumulative error level that the looks of convstudy may spend."""
    return list(alpha * np.cumsum([look.part for look in LOOKS]))


def obrien_fleming(alpha: float, sizes: Sequence[int] = SIZES) -> list[float]:
    return [float(4 - 4 * ndtr(ndtri(1 - alpha / 4) / math.sqrt(n / sizes[-1]))) for n in sizes]


def pocock(alpha: float) -> list[float]:
    return [alpha * math.log(1 + (math.e - 1) * n / SIZES[-1]) for n in SIZES]


def recursive(spent: Sequence[float], sizes: Sequence[int] = SIZES) -> list[float]:
    """Return the two-sided level of each look that spends these cumulative errors (Armitage, McPherson and Rowe 1969).

    The score process is normal with variance t at time t = n / 30; its density on the continuation region is
    integrated numerically.
    """
    points, levels = 1501, []
    grid, density, before, used = np.zeros(1), np.ones(1), 0.0, 0.0
    for n, total in zip(sizes, spent, strict=True):
        time, step, target = n / sizes[-1], n / sizes[-1] - before, total - used
        width = grid[1] - grid[0] if len(grid) > 1 else 1.0

        def exits(
            bound: float, grid: Array = grid, mass: Array = density * width, step: float = step
        ) -> float:
            above, below = ndtr((grid - bound) / step**0.5), ndtr((-bound - grid) / step**0.5)
            return float((mass * (above + below)).sum())

        low, high = 0.0, 40 * time**0.5
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if exits(middle) > target else (low, middle)
        new = np.linspace(-high, high, points)
        kernel = np.exp(-((new[:, None] - grid) ** 2) / (2 * step)) / math.sqrt(2 * math.pi * step)
        density = kernel @ (density * width)
        grid, before, used = new, time, total
        levels.append(float(2 * ndtr(-high / time**0.5)))
    return levels


def limits_of(levels: Sequence[float]) -> Array:
    """Return the limit of |t| at each look; infinite where a level is 0."""
    return np.array(
        [
            -stdtrit(n - 1, level / 2) if level > 0 else math.inf
            for n, level in zip(SIZES, levels, strict=True)
        ]
    )


def mixture(alpha: float) -> Array:
    """Return the limit of |t| at each look of the anytime-valid t test.

    The Bayes factor is √(1/c) · ((1 + t²/(n − 1)) / (1 + t²/((n − 1) c)))^(n/2) with c = 1 + n; its limit is 1/alpha.
    """
    limits = []
    for n in SIZES:
        c = 1 + n
        ratio = (math.sqrt(c) / alpha) ** (2 / n)
        limits.append(math.sqrt((n - 1) * (ratio - 1) / (1 - ratio / c)) if ratio < c else math.inf)
    return np.array(limits)


DESIGNS: Mapping[str, Callable[[float], Array]] = {
    "equal 5 %": lambda alpha: limits_of([alpha] * len(SIZES)),
    "O'Brien and Fleming": lambda alpha: limits_of(recursive(obrien_fleming(alpha))),
    "Pocock": lambda alpha: limits_of(recursive(pocock(alpha))),
    "parts, recursive": lambda alpha: limits_of(recursive(spent_by_parts(alpha))),
    "parts": lambda alpha: limits_of([alpha * look.part for look in LOOKS]),
    "mixture": mixture,
}


def t_values(random: np.random.Generator, n_pairs: int, effect: float, collapse: float = 0.0) -> Array:
    """Return the t statistic of each look, shape (pairs, looks).

    Args:
        random: the generator.
        n_pairs: the number of simulated pairs.
        effect: the true difference in standard deviations.
        collapse: the probability that a seed of either candidate collapses, by ten standard deviations.
    """
    values = random.normal(effect, 1, (n_pairs, SIZES[-1]))
    for sign in (1, -1) if collapse else ():
        values += sign * 10 * (random.random(values.shape) < collapse)
    found = []
    for n in SIZES:
        part = values[:, :n]
        found.append(part.mean(axis=1) / part.std(axis=1, ddof=1) * math.sqrt(n))
    return np.stack(found, axis=1)


def designs(random: np.random.Generator, n_studies: int) -> None:
    """One pair: wrong decisions of equal candidates at any look, and the mean number of seeds until a decision.

    The number of seeds is for one of ten pairs (5 % / 10) and a true difference of 3, 5 or 10 standard deviations.
    """
    n_pairs = N_FACTOR * n_studies
    equal, collapsed = t_values(random, n_pairs, 0.0), t_values(random, n_pairs, 0.0, collapse=0.05)
    apart = [t_values(random, n_pairs // 10, effect) for effect in EFFECTS]
    print_header(
        "design",
        "wrong at 5 %, %",
        "wrong, 5 % of seeds collapse, %",
        "wrong at 0.5 %, %",
        *(f"seeds, {effect:g} sd" for effect in EFFECTS),
    )
    for name, limits in DESIGNS.items():
        one, many = limits(ALPHA), limits(PAIR_ALPHA)
        wrong = [
            (np.abs(t) > bound).any(axis=1).mean()
            for t, bound in ((equal, one), (collapsed, one), (equal, many))
        ]
        seeds = [_mean_seeds(np.abs(t) > many) for t in apart]
        print_row(name, *map(percent, wrong[:2]), f"{wrong[2] * 100:.2f}", *(f"{n:.1f}" for n in seeds))


def _mean_seeds(crossed: npt.NDArray[np.bool_]) -> float:
    """Return the mean number of seeds at the first look that decides, or 30."""
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), len(SIZES) - 1)
    return float(np.array(SIZES)[first].mean())
