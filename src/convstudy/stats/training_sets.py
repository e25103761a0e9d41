"""Training sets as a third source of uncertainty, next to seeds and test images.

With other training images, a network would have another accuracy. A study with ``resample = "training"`` trains each
two seeds on a random half of its N training images, another half for each two. Let σ² be the variance of a candidate's
mean between independent training sets of N / 2 images. Two halves of the same N images share about half of their
images, so that halves differ less than independent sets do: by (1 − f) σ², where f = 1/2 is the share that each takes;
f σ² is common to all halves (for a statistic that is a mean over training images; the same argument as in Nadeau and
Bengio 2003, whose folds share images too). The variance of the mean over J halves is therefore, as theirs,

    (1 / J + f / (1 − f)) · s²          s²: the variance of the J means, each over two seeds

with J − 1 degrees of freedom. s² also contains half of the variance between seeds, which is not common to the halves.
The interval is therefore too wide if seeds vary much more than training sets; leaving it out would cover 85 to 94 %
only (docs/statistics.md). It is never narrower than the interval over seeds alone. The estimand is the mean over
training sets of N / 2 images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, variance
from typing import TYPE_CHECKING

from convstudy.stats.differences import CONFIDENCE, Difference, Source
from convstudy.stats.summary import summarise

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.floating]

FRACTION = 0.5
"""The fraction of the training images that a training set has."""
SHARED = FRACTION / (1 - FRACTION)
"""The variance that all training sets have in common, as a multiple of the variance between them."""


@dataclass(frozen=True)
class TrainingSets:
    """The training set of each row of a seeds × images table.

    Attributes:
        of_rows: the number of the training set of each row.

    >>> TrainingSets((0, 0, 1, 1)).n
    2
    """

    of_rows: tuple[int, ...]

    @property
    def n(self) -> int:
        """The number of training sets."""
        return len(set(self.of_rows))

    def rows(self, table: Values) -> Values:
        """Return one row per training set, whose variance as a crossed factor is that of the formula above.

        The mean of each row over images moves away from the mean of all rows by a constant factor. The means over rows,
        and the differences between images within a row, stay. So :mod:`~convstudy.stats.two_way` needs no case for
        training sets.

        Args:
            table: values of each seed and image, shape (seeds, images).

        Returns:
            Shape (training sets, images).

        >>> import numpy as np
        >>> rows = TrainingSets((0, 0, 1, 1)).rows(np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
        >>> rows.mean(axis=1).round(3).tolist()  # the means of 0.5 and 0 differ by √3 times as much
        [0.683, -0.183]
        """
        import numpy as np

        of_rows = np.array(self.of_rows)
        means = np.stack([table[of_rows == number].mean(axis=0) for number in sorted(set(self.of_rows))])
        own = means.mean(axis=1, keepdims=True)
        factor = math.sqrt(1 + len(means) * SHARED)
        spread: Values = means + (factor - 1) * (own - own.mean())
        return spread

    def means(self, values: Sequence[float]) -> tuple[float, ...]:
        """Return the mean of each training set.

        Args:
            values: one value per seed.
        """
        by_set: dict[int, list[float]] = {}
        for number, value in zip(self.of_rows, values, strict=True):
            by_set.setdefault(number, []).append(value)
        return tuple(fmean(by_set[number]) for number in sorted(by_set))

    def separated(self, difference: Difference, pairs: Sequence[float]) -> Difference:
        """Return a difference with training sets and seeds as sources of their own.

        Args:
            difference: from :func:`~convstudy.stats.two_way.two_way_difference` of the :meth:`rows` of two candidates.
            pairs: the difference of each seed.

        Returns:
            The same interval. The pairs are the means of the training sets. The sources ``"training sets"`` and
            ``"seeds"`` replace the source of the rows; they have its degrees of freedom. If the source of an interval
            over seeds alone is wider, it replaces them: the means of a few training sets can agree by chance although
            their seeds do not.
        """
        all_seeds = Source("seeds", variance(pairs) / len(pairs), len(pairs) - 1) if len(pairs) > 1 else None
        by_set: dict[int, list[float]] = {}
        for number, value in zip(self.of_rows, pairs, strict=True):
            by_set.setdefault(number, []).append(value)
        repeated = [variance(each) / len(each) for each in by_set.values() if len(each) > 1]
        of_seeds = fmean(repeated) / len(by_set) if repeated else 0.0
        sources: list[Source] = []
        for source in difference.sources:
            if source.name != "seeds":
                sources.append(source)
            elif all_seeds is not None and all_seeds.half_width(CONFIDENCE) > source.half_width(CONFIDENCE):
                sources += [Source("training sets", 0.0, source.degrees), all_seeds]
            else:
                seeds = min(source.variance, of_seeds)
                sources.append(Source("training sets", source.variance - seeds, source.degrees))
                sources.append(Source("seeds", seeds, source.degrees))
        means = self.means(pairs)
        return replace(difference, pairs=means, summary=summarise(means), sources=tuple(sources))
