"""Two trained models on the same test images: which images tell them apart, and McNemar's exact test.

Only images that one model gets right and the other wrong tell them apart. If the two were equally good, each such image
would be as likely to fall one way as the other: a fair coin (McNemar 1947). The test is about these two models, not
about the networks or recipes that they came from: another seed gives other models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Discordance:
    """How often two models were right on the same ``n`` images: both, only one of them, neither."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def n(self) -> int:
        """How many images there are."""
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def exact_p(self) -> float:
        """The probability of a split at least as uneven if both models were equally good: exact, two-sided.

        >>> Discordance(90, 8, 1, 1).exact_p  # 2 · (1 + 9) / 2⁹
        0.0390625
        """
        from scipy.stats import binom

        few, many = sorted((self.first_only, self.second_only))
        return min(1.0, 2 * float(binom.cdf(few, few + many, 0.5))) if few + many else 1.0


def discordance(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> Discordance:
    """Return how two models differ, from which images each got right: bool, shape (n,), both in the same order.

    Raises:
        ValueError: where the shapes differ.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"the models were scored on {first.shape} and {second.shape} images")
    both, one, other = int((first & second).sum()), int((first & ~second).sum()), int((~first & second).sum())
    return Discordance(both, one, other, len(first) - both - one - other)
