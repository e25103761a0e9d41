"""Two trained models on the same test images: the images on which they differ, and McNemar's exact test.

Only images on which one model is correct and the other wrong contain information about the difference. If the models
were equally good, each such image would favour each model with probability 1/2 (McNemar 1947). The test is about these
two models, not about their networks or recipes: another seed gives other models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Discordance:
    """The numbers of images on which both models, only one, or neither is correct."""

    both: int
    first_only: int
    second_only: int
    neither: int

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


def discordance(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> Discordance:
    """Return the agreement of two models from the images that each classifies correctly.

    Args:
        first: bool, shape (n,).
        second: bool, shape (n,), in the same order.

    Raises:
        ValueError: if the shapes differ.

    >>> import numpy as np
    >>> discordance(np.array([True, True, False, True]), np.array([True, False, False, False]))
    Discordance(both=1, first_only=2, second_only=0, neither=1)
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"first and second must have one shape (n,); got {first.shape} and {second.shape}")
    both, one, other = int((first & second).sum()), int((first & ~second).sum()), int((~first & second).sum())
    return Discordance(both, one, other, len(first) - both - one - other)
