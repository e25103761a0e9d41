"""Two trained models on the same test images: the images on which they differ, and McNemar's exact test.

Only images on which one model is correct and the other wrong contain information about the difference. If the models
were equally good, each such image would favour each model with probability 1/2 (McNemar 1947). The test is about these
two models, not about their networks or recipes: another seed gives other models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.stats.image_groups import group_indices

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Discordance:
    """The numbers of images on which both models, only one, or neither is correct.

    Attributes:
        both, first_only, second_only, neither: the numbers of images.
        by_group: the p-value of the test for images in groups (:func:`grouped_p`); ``None`` without groups.
    """

    both: int
    first_only: int
    second_only: int
    neither: int
    by_group: float | None = None

    @property
    def n(self) -> int:
        """The number of images."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def exact_p(self) -> float:
        """McNemar's exact two-sided p-value.

        It is the probability that the images on which the models differ are split between them at least as unevenly, if
        both models were equally good.

        >>> Discordance(90, 8, 1, 1).exact_p  # 2 · (1 + 9) / 2⁹
        0.0390625
        """
        from scipy.stats import binom

        # The binomial distribution is symmetric, so the two-sided p-value is twice the smaller tail.
        few, many = sorted((self.first_only, self.second_only))
        return min(1.0, 2 * float(binom.cdf(few, few + many, 0.5))) if few + many else 1.0


def discordance(
    first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], groups: Integers | None = None
) -> Discordance:
    """Return the agreement of two models from the images that each classifies correctly.

    Args:
        first: bool, shape (n,).
        second: bool, shape (n,), in the same order.
        groups: the group of each image, shape (n,); ``None`` if images are independent.

    Raises:
        ValueError: if the shapes differ.

    >>> import numpy as np
    >>> discordance(np.array([True, True, False, True]), np.array([True, False, False, False]))
    Discordance(both=1, first_only=2, second_only=0, neither=1, by_group=None)
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"first and second must have one shape (n,); got {first.shape} and {second.shape}")
    both, one, other = int((first & second).sum()), int((first & ~second).sum()), int((~first & second).sum())
    indices = None if groups is None else group_indices(groups, len(first))
    by_group = None if indices is None else grouped_p(first, second, indices)
    return Discordance(both, one, other, len(first) - both - one - other, by_group)


def grouped_p(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], groups: Integers) -> float:
    """Return the exact two-sided p-value of McNemar's test for images in groups.

    Images of one group are not independent, so McNemar's test would count one patient as several. If both models were
    equally good on each group, exchanging them in a group would be as probable as not: the sign of each group's
    difference is random. The p-value is the probability that random signs give a sum of differences at least as far
    from 0 as the observed one (a permutation test, Pitman 1937). If each image is its own group, it is McNemar's exact
    test.

    Args:
        first: the images that the first model classifies correctly, bool, shape (n,).
        second: those of the second model, in the same order.
        groups: the group of each image, numbers 0, 1, … without gaps.

    >>> import numpy as np
    >>> first, second = np.ones(40, bool), np.ones(40, bool)
    >>> second[:8] = False
    >>> grouped_p(first, second, np.arange(40) // 4)  # 8 images, but only 2 groups
    0.5
    """
    import numpy as np

    totals = np.abs(np.bincount(groups, first.astype(np.float64) - second)).round().astype(np.int64)
    observed = abs(int(first.sum()) - int(second.sum()))
    sums = np.ones(1)  # the probabilities of the sums of 0 or the difference of each group
    for size, count in zip(*np.unique(totals[totals > 0], return_counts=True), strict=True):
        sums = _with_random_signs(sums, int(size), int(count))
    most = len(sums) - 1
    # A sum of n signs ± is 2 · (sum of those with +) − the sum of all.
    distances = np.abs(2 * np.arange(most + 1) - most)
    return min(1.0, float(sums[distances >= observed].sum()))


def _with_random_signs(sums: npt.NDArray[np.float64], size: int, count: int) -> npt.NDArray[np.float64]:
    """Add ``count`` groups with this difference, each with probability 1/2, to the distribution of a sum."""
    import numpy as np
    from scipy.stats import binom

    added = np.zeros(size * count + 1)
    added[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
    if len(sums) == 1:
        return added
    n = len(sums) + size * count
    # By Fourier transforms, because the sums of 100,000 images would need 10¹⁰ products.
    found: npt.NDArray[np.float64] = np.fft.irfft(np.fft.rfft(sums, n) * np.fft.rfft(added, n), n)
    return np.maximum(found, 0.0)
