"""Worlds with known truth: simulated correctness and losses of many studies at once.

The probability that a model is correct on an image depends on logits that are sums of normal random effects::

    logit = level of the candidate + seed_sd · seed + image_sd · difficulty of the image

Two candidates have the share ``shared`` of the variance of the difficulty in common, two images of one group the share
``icc``. On a proportion ``hard`` of the images no model is correct, and with the probability ``collapse`` a seed
guesses. ``truths`` solves for the levels, so that the true accuracies are those of the world, and computes true
variances.

Draws have the shape (studies, candidates, seeds, images). ``batches`` splits studies so that a draw fits into memory::

    random = np.random.default_rng(1)
    for size in batches(2000, 2 * 5 * 1000):
        right = draw(random, WORLDS["99.5 %"], size, n_seeds=5, n_images=1000).right
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from benchmarks.statistics.truths import collapse_of, level, levels_of, loss_level, loss_of, mean

Array = npt.NDArray[np.float64]

CHUNK = 4_000_000
"""The largest number of predictions that one draw should have."""


@dataclass(frozen=True)
class World:
    """The true properties of the candidates of a study.

    Attributes:
        accuracies: the true accuracy of each candidate, over seeds that did not collapse.
        seed_sd: the standard deviation of the logits between seeds of a candidate.
        image_sd: the standard deviation of the logits between images. If it is large, seeds err on the same images.
        shared: the share of the variance of the difficulty that the candidates have in common. At 1 and with a large
            ``image_sd``, candidates err on the same images.
        hard: the proportion of images on which no model is correct.
        collapse: the probability that a seed collapses: it is correct with the probability ``chance`` on an image that
            is not hard; for all candidates, or one per candidate.
        icc: the share of the variance of the difficulty that images of one group have in common.
        chance: the accuracy of a collapsed seed on images that are not hard.
    """

    accuracies: tuple[float, ...] = (0.95, 0.95)
    seed_sd: float = 0.2
    image_sd: float = 2.0
    shared: float = 0.5
    hard: float = 0.0
    collapse: float | tuple[float, ...] = 0.0
    icc: float = 0.0
    chance: float = 0.1


@dataclass(frozen=True)
class LossWorld:
    """The true properties of losses, each a function of ``level + seed_sd · s + image_sd · i + rest_sd · r``.

    Attributes:
        means: the true mean loss of each candidate.
        kind: ``"lognormal"``: e to the power of the sum; ``"cross-entropy"``: ln(1 + e^sum);
            ``"brier"``: twice the square of the sum's logistic function, from 0 to 2.
        seed_sd: the standard deviation of the sum between seeds of a candidate.
        image_sd: the same between images.
        rest_sd: the same between predictions of one seed on one image.
        shared: the share of the variance between images that the candidates have in common.
    """

    means: tuple[float, ...] = (0.1, 0.1)
    kind: str = "cross-entropy"
    seed_sd: float = 0.2
    image_sd: float = 2.0
    rest_sd: float = 1.0
    shared: float = 0.5


@dataclass(frozen=True)
class FoldWorld:
    """The true properties of candidates that are trained on k folds.

    Attributes:
        accuracies: the true accuracy of each candidate over all training sets.
        training_sd: the standard deviation of the logits between fits (training set and seed).
        overlap: the share of ``training_sd``'s variance that the fits of a candidate have in common, because their
            training sets overlap.
        image_sd: the standard deviation of the logits between images.
        shared: the share of the variance between images that the candidates have in common.
    """

    accuracies: tuple[float, ...] = (0.95, 0.95)
    training_sd: float = 0.2
    overlap: float = 0.5
    image_sd: float = 2.0
    shared: float = 0.5


WORLDS = {
    "95 %": World((0.95, 0.95)),
    "99 %": World((0.99, 0.99)),
    "99.5 %": World((0.995, 0.995)),
    "99.9 %": World((0.999, 0.999)),
    "99.95 %": World((0.9995, 0.9995)),
    "99.5 and 99 %": World((0.995, 0.99)),
    "seeds differ": World((0.99, 0.99), seed_sd=0.6),
    "seeds err alike": World((0.99, 0.99), seed_sd=0.0, image_sd=40.0),
    "candidates err alike": World((0.99, 0.985), image_sd=10.0, shared=0.98),
    "no image is harder": World((0.99, 0.99), seed_sd=0.1, image_sd=0.0),
    "shared hard images": World((0.985, 0.985), hard=0.01),
    "a seed in 20 collapses": World((0.99, 0.99), collapse=0.05),
    "one in 20 of the second collapses": World((0.99, 0.99), collapse=(0.0, 0.05)),
}
"""Worlds by name; two candidates each."""

LOSS_WORLDS = {
    "cross-entropy 0.2": LossWorld((0.2, 0.2)),
    "cross-entropy 0.02": LossWorld((0.02, 0.02), image_sd=3.0),
    "cross-entropy 0.002": LossWorld((0.002, 0.002), image_sd=3.0),
    "heavy tail": LossWorld((0.05, 0.05), "lognormal", image_sd=2.0, rest_sd=1.0),
    "very heavy tail": LossWorld((0.05, 0.05), "lognormal", image_sd=3.0, rest_sd=1.0),
    "brier 0.1": LossWorld((0.1, 0.1), "brier"),
    "brier 0.01": LossWorld((0.01, 0.01), "brier"),
}
"""Loss worlds by name; two candidates each."""

FOLD_WORLDS = {
    "95 %": FoldWorld((0.95, 0.95)),
    "99 %": FoldWorld((0.99, 0.99)),
    "99.5 %": FoldWorld((0.995, 0.995)),
    "99.9 %": FoldWorld((0.999, 0.999)),
    "99.95 %": FoldWorld((0.9995, 0.9995)),
    "training matters": FoldWorld((0.98, 0.98), training_sd=0.5),
    "training sets do not matter, seeds do": FoldWorld((0.98, 0.98), training_sd=0.3, overlap=0.0),
    "98 and 96 %": FoldWorld((0.98, 0.96)),
}
"""Fold worlds by name; two candidates each."""


@dataclass(frozen=True)
class Draw:
    """Simulated studies.

    Attributes:
        right: whether a model is correct on an image, bool, shape (studies, candidates, seeds, images).
        models: the true accuracy of each model on all images of the world, shape (studies, candidates, seeds).
        collapsed: whether a seed collapsed, bool, shape (studies, candidates, seeds).
        groups: the group of each image, shape (images,).
    """

    right: npt.NDArray[np.bool_]
    models: Array
    collapsed: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.int64]


def batches(n_studies: int, cells: int) -> Iterator[int]:
    """Yield sizes of batches whose draws have at most ``CHUNK`` predictions; ``cells`` is their number per study."""
    size = max(1, min(n_studies, CHUNK // max(1, cells)))
    for start in range(0, n_studies, size):
        yield min(size, n_studies - start)


def draw(
    random: np.random.Generator,
    world: World,
    n_studies: int,
    n_seeds: int,
    n_images: int,
    groups: npt.NDArray[np.int64] | None = None,
) -> Draw:
    """Return simulated studies. ``groups`` is the group of each image; by default each image is one group."""
    n_candidates = len(world.accuracies)
    logits = _difficulties(random, n_studies, n_candidates, n_images, world.shared, world.icc, groups)
    logits *= world.image_sd
    levels = levels_of(world)
    seeds = world.seed_sd * random.standard_normal((n_studies, n_candidates, n_seeds))
    collapsed = random.random((n_studies, n_candidates, n_seeds)) < collapse_of(world)[:, None]
    right = np.empty((n_studies, n_candidates, n_seeds, n_images), dtype=bool)
    for seed in range(n_seeds):
        offset = (levels + seeds[:, :, seed])[:, :, None].astype(np.float32)
        noise = random.random(logits.shape, dtype=np.float32)
        right[:, :, seed] = _is_right(noise, logits + offset)
        if collapsed[:, :, seed].any():
            right[:, :, seed] = np.where(collapsed[:, :, seed, None], noise < world.chance, right[:, :, seed])
    if world.hard:
        right &= random.random((n_studies, 1, 1, n_images), dtype=np.float32) >= world.hard
    models = np.empty(seeds.shape)
    reach = world.seed_sd * np.linspace(-8, 8, 201)
    for candidate in range(n_candidates):
        centres = levels[candidate] + reach
        curve = [mean(lambda z, a=a: expit(a + world.image_sd * z)) for a in centres]
        models[:, candidate] = np.interp(seeds[:, candidate], reach, curve)
    models = np.where(collapsed, world.chance, models) * (1 - world.hard)
    return Draw(right, models, collapsed, np.arange(n_images) if groups is None else groups)


def group_sizes(n_images: int, n_groups: int, spread: float = 0.0) -> npt.NDArray[np.int64]:
    """Return the group of each image, shape (images,), in the order of the groups.

    Args:
        n_images: the number of images, at least ``n_groups``.
        n_groups: the number of groups.
        spread: the standard deviation of the logarithm of the sizes; 0: sizes differ by at most one image.
    """
    return labels_of(n_images, np.exp(spread * ndtri((np.arange(n_groups) + 0.5) / n_groups)))


def labels_of(n_images: int, shares: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return labels 0, 1, ..., shape (images,); each has about its share of the images, and at least one."""
    ideal = np.asarray(shares, dtype=np.float64)
    ends = np.round(np.cumsum(ideal) / ideal.sum() * (n_images - len(ideal))).astype(np.int64)
    return np.repeat(np.arange(len(ideal)), np.diff(ends, prepend=0) + 1)


def predicted(
    random: np.random.Generator, right: npt.NDArray[np.bool_], labels: npt.NDArray[np.int64], n_classes: int
) -> npt.NDArray[np.int64]:
    """Return predicted classes, with the shape of ``right``; wrong predictions are uniform over the other classes."""
    shift = random.integers(1, n_classes, right.shape)
    return np.where(right, labels, (labels + shift) % n_classes)


def draw_losses(
    random: np.random.Generator, world: LossWorld, n_studies: int, n_seeds: int, n_images: int
) -> tuple[Array, Array]:
    """Return losses, shape (studies, candidates, seeds, images), and the true mean loss of each model."""
    n_candidates = len(world.means)
    sums = _difficulties(random, n_studies, n_candidates, n_images, world.shared)[:, :, None] * world.image_sd
    levels = np.array([loss_level(world, candidate) for candidate in range(n_candidates)])
    seeds = levels[:, None] + world.seed_sd * random.standard_normal((n_studies, n_candidates, n_seeds))
    rest = random.standard_normal((n_studies, n_candidates, n_seeds, n_images), dtype=np.float32)
    losses = loss_of(world.kind, seeds[..., None] + sums + world.rest_sd * rest)
    reach = np.linspace(seeds.min(), seeds.max(), 201)
    within = float(np.hypot(world.image_sd, world.rest_sd))
    curve = [mean(lambda z, a=a: loss_of(world.kind, a + within * z)) for a in reach]
    return losses, np.interp(seeds, reach, curve)


def draw_folds(
    random: np.random.Generator, world: FoldWorld, n_studies: int, n_images: int, k: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], Array]:
    """Return correctness, the fold of each image, and the true accuracies for the training set of each study.

    Correctness is bool, shape (studies, candidates, images); folds have the shape (images,). The true accuracies, shape
    (studies, candidates), are means over new fits on folds of the same training set, and new images. Each image counts
    once, in the fold that does not train on it. Folds differ by at most one image, as in scikit-learn's KFold.
    """
    n_candidates = len(world.accuracies)
    folds = np.repeat(np.arange(k), [n_images // k + (number < n_images % k) for number in range(k)])
    logits = _difficulties(random, n_studies, n_candidates, n_images, world.shared) * world.image_sd
    common = random.standard_normal((n_studies, n_candidates, 1))
    fits = world.overlap**0.5 * common
    fits = fits + (1 - world.overlap) ** 0.5 * random.standard_normal((n_studies, n_candidates, k))
    levels = np.array([level(each, world.training_sd, world.image_sd) for each in world.accuracies])
    offset = (levels[:, None] + world.training_sd * fits)[:, :, folds].astype(np.float32)
    noise = random.random(logits.shape, dtype=np.float32)
    reach = world.training_sd * world.overlap**0.5 * np.linspace(-8, 8, 201)
    within = float(np.hypot(world.image_sd, world.training_sd * (1 - world.overlap) ** 0.5))
    truth = np.empty((n_studies, n_candidates))
    for candidate in range(n_candidates):
        curve = [mean(lambda z, a=a: expit(a + within * z)) for a in levels[candidate] + reach]
        own = world.training_sd * world.overlap**0.5 * common[:, candidate, 0]
        truth[:, candidate] = np.interp(own, reach, curve)
    return _is_right(noise, logits + offset), folds, truth


def _is_right(noise: npt.NDArray[np.float32], logits: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return whether uniform noise is below the logistic function of the logits."""
    # Beyond 80, e^-logit overflows in float32; the probability is below 1e-34 either way.
    found: npt.NDArray[np.bool_] = noise * (1 + np.exp(-np.clip(logits, -80, 80))) < 1
    return found


def _difficulties(
    random: np.random.Generator,
    n_studies: int,
    n_candidates: int,
    n_images: int,
    shared: float,
    icc: float = 0.0,
    groups: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float32]:
    """Return standard normal logits of the images, shape (studies, candidates, images)."""
    common = _by_group(random, (n_studies, 1, n_images), icc, groups)
    own = _by_group(random, (n_studies, n_candidates, n_images), icc, groups)
    return np.float32(shared**0.5) * common + np.float32((1 - shared) ** 0.5) * own


def _by_group(
    random: np.random.Generator,
    shape: tuple[int, int, int],
    icc: float,
    groups: npt.NDArray[np.int64] | None,
) -> npt.NDArray[np.float32]:
    """Return standard normal values; two images of one group have the correlation ``icc``."""
    values = random.standard_normal(shape, dtype=np.float32)
    if groups is None or not icc:
        return values
    of_groups = random.standard_normal((*shape[:2], int(groups.max()) + 1), dtype=np.float32)
    return np.float32((1 - icc) ** 0.5) * values + np.float32(icc**0.5) * of_groups[:, :, groups]
