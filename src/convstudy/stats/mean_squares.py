"""The mean squares of a seeds × images table, from which variance components follow (``two_way``, ``grouped``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.stats.differences import ROUNDING, Source

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Squares:
    """Mean squares of a seeds × images table; ``rest`` and ``seeds`` are 0 with one seed."""

    mean: float
    seeds: float
    images: float
    rest: float
    n_seeds: int
    n_images: int

    @property
    def seeds_are_equal(self) -> bool:
        """Whether the means of two or more seeds are equal, within rounding, although their values differ."""
        return self.n_seeds > 1 and self.seeds < ROUNDING * self.rest

    @property
    def sources(self) -> tuple[Source, ...]:
        """The variance of the mean, by source."""
        cells = self.n_seeds * self.n_images
        # The mean square of the images contains the rest. The difference can be negative, but a variance cannot.
        beyond = max(0.0, self.images - self.rest)
        if self.seeds_are_equal:
            # The means of the seeds are equal by chance. The true variance of these means is at least that of the rest.
            beyond = max(beyond, self.rest)
        images = Source("images", beyond / cells, self.n_images - 1)
        if self.n_seeds == 1:
            return (images,)
        # The variance between the means of seeds contains the rest, which must not be counted twice.
        return (Source("seeds", self.seeds / cells, self.n_seeds - 1), images)


def squares_of(table: Values, extra: int = 0, size: float = 1.0) -> Squares:
    """Return the mean squares of a table with ``extra`` images added.

    On the added images, every seed has the value +``size`` on half of them and −``size`` on the other half.
    """
    import numpy as np

    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2:
        raise ValueError(f"a table must have at least one seed and two images; got the shape {table.shape}")
    values = np.asarray(table, dtype=np.float64)
    n_seeds, n = values.shape[0], values.shape[1] + extra
    by_seed, by_image = values.sum(axis=1) / n, values.mean(axis=0)
    mean = float(by_seed.mean())
    # Deviations from the mean avoid cancellation: losses differ little compared with their size. Half of the extra
    # images have the value size, half −size: their sum is 0, and the mean square of their deviations is size² + mean².
    total = float(((values - mean) ** 2).sum()) + extra * n_seeds * (size**2 + mean**2)
    images = n_seeds * (float(((by_image - mean) ** 2).sum()) + extra * (size**2 + mean**2))
    seeds = n * float(((by_seed - mean) ** 2).sum())
    rest = max(0.0, total - images - seeds)
    return Squares(
        mean=mean,
        seeds=seeds / (n_seeds - 1) if n_seeds > 1 else 0.0,
        images=images / (n - 1),
        rest=rest / ((n_seeds - 1) * (n - 1)) if n_seeds > 1 else 0.0,
        n_seeds=n_seeds,
        n_images=n,
    )
