"""The variances of a study that plans use: estimates, and upper limits because estimates from few data are uncertain.

A plan from estimates alone is too small in about half of all studies, because about half of all variance estimates are
too low. The upper end of a plan therefore uses upper 80 % limits of both variances (:data:`LEVEL`; Browne 1995):

- Between seeds or folds the estimate has a chi-squared distribution, for normal values. With 5 seeds the limit is 2.4
  times the estimate, with 10 seeds 1.7 times.
- Between images most values are 0: the variance is a sum over the few images on which the candidates differ, and their
  number is uncertain. The limit is that of Fay and Feuer (1997) for a weighted sum of Poisson counts: a gamma
  distribution with the mean and variance of the sum, after one more image is added, one like those that cause the
  variance. If the candidates never differ on n images, the limit is that of one image in n / 1.6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from convstudy.stats.power import FoldStudy, SeedStudy
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS, Components, components

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEVEL = 0.8
"""The level of the upper limits."""

_Study = TypeVar("_Study", SeedStudy, FoldStudy)


@dataclass(frozen=True)
class Pilot(Generic[_Study]):
    """A study from which the next one is planned.

    Attributes:
        estimate: the estimated variances.
        uppers: the same, with one variance at its upper limit in each: first that between seeds or folds, then that
            between images. Both at once would be exceeded in fewer than 20 % of studies.
        n_pairs: the number of seeds or folds.
        n_images: the number of images.
    """

    estimate: _Study
    uppers: tuple[_Study, ...]
    n_pairs: int
    n_images: int


def seed_pilot(table: npt.NDArray[np.floating], largest: float = 1.0) -> Pilot[SeedStudy]:
    """Return the variances of a table of differences, shape (seeds, images).

    Args:
        table: from two seeds or more.
        largest: the largest possible absolute value on an unseen image, the size of the two pseudo-observations.

    Raises:
        ValueError: if there are fewer than two seeds or images.

    >>> import numpy as np
    >>> table = np.zeros((5, 1000))
    >>> table[:, :3] = 1  # the same three images with every seed
    >>> found = seed_pilot(table)
    >>> round(found.estimate.image * 1000, 2), round(found.uppers[1].image * 1000, 2)
    (2.99, 5.51)
    """
    squares = table.mean(axis=0) ** 2
    return seed_pilot_of(components(table), float(squares.sum()), float((squares**2).sum()), largest)


def seed_pilot_of(
    found: Components, squares: float, fourths: float, largest: float = 1.0
) -> Pilot[SeedStudy]:
    """Return the variances from variance components.

    Args:
        found: the variance components, from two seeds or more.
        squares: the sum over images of the squared mean over seeds.
        fourths: the sum over images of its fourth power.
        largest: the largest possible absolute value on an unseen image.

    Raises:
        ValueError: if there is one seed.
    """
    if found.seed is None:
        raise ValueError("a pilot must have two seeds or more; got 1")
    n_images = found.n_images
    pseudo = PSEUDO_OBSERVATIONS * largest**2
    # The variance between the means of seeds contains ``rest``, which is well known.
    rest = found.rest / n_images
    most = max(0.0, limit_factor(found.n_seeds - 1) * (found.seed + rest) - rest)
    # The added image is one like those that cause the variance; without any, it has the largest possible value.
    typical = fourths / squares if squares > 0 else largest**2
    more = (upper_sum(squares, fourths, typical) - squares) / n_images
    study = SeedStudy(found.seed, found.image, found.rest, pseudo)
    uppers = (replace(study, seed=most), replace(study, image=study.image + more))
    return Pilot(study, uppers, found.n_seeds, n_images)


def model_pilot(variance: float, n_images: int) -> Pilot[SeedStudy]:
    """Return the variances of two trained models, without a variance between seeds.

    Args:
        variance: the variance of the difference on one image; for the same images, about the fraction of images on
            which the models differ.
        n_images: the number of images.
    """
    n_differ = variance * n_images
    most = upper_sum(n_differ, n_differ, 1.0) / n_images
    pseudo = float(PSEUDO_OBSERVATIONS)
    found = SeedStudy(0.0, variance, 0.0, pseudo)
    return Pilot(found, (replace(found, image=most),), 1, n_images)


def fold_pilot(fold_variance: float, image: float, n_folds: int, n_images: int) -> Pilot[FoldStudy]:
    """Return the variances of a search.

    Args:
        fold_variance: the variance of the difference between folds. The sampling of images is part of it, and is
            subtracted.
        image: the variance of the difference between images, pooled over folds.
        n_folds: the number of folds.
        n_images: the number of images of all folds.
    """
    by_images, degrees = n_folds * image / n_images, n_folds - 1
    n_differ = image * n_images
    most = upper_sum(n_differ, n_differ, 1.0) / n_images
    # With few folds, the difference of two variances is mostly noise. Training counts only if it is evident.
    evident = limit_factor(degrees, 1 - LEVEL) * fold_variance > by_images
    found = FoldStudy(
        max(0.0, fold_variance - by_images) if evident else 0.0, image, float(PSEUDO_OBSERVATIONS)
    )
    fold = max(0.0, limit_factor(degrees) * fold_variance - by_images)
    return Pilot(found, (replace(found, fold=fold), replace(found, image=most)), n_folds, n_images)


def limit_factor(degrees: int, level: float = LEVEL) -> float:
    """Return the ratio of the upper limit of a variance to its estimate, for normal values.

    >>> round(limit_factor(4), 2), round(limit_factor(9), 2)
    (2.43, 1.67)
    """
    from scipy.special import gammaincinv

    # degrees · s² / σ² has a chi-squared distribution, which is a gamma distribution with the shape degrees / 2.
    return degrees / (2 * float(gammaincinv(degrees / 2, 1 - level)))


def upper_sum(total: float, squares: float, added: float) -> float:
    """Return the upper limit of the expectation of a sum over a random number of images (Fay and Feuer 1997).

    Args:
        total: the sum over images.
        squares: the sum of the squared terms.
        added: the term of the image that is added.

    >>> round(upper_sum(0, 0, 1), 2), round(upper_sum(10, 10, 1), 2)  # Poisson limits of 0 and of 10 images
    (1.61, 13.65)
    """
    from scipy.special import gammaincinv

    mean, variance = total + added, squares + added**2
    return float(gammaincinv(mean**2 / variance, LEVEL)) * variance / mean
