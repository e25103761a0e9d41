"""Several comparisons at once: Holm's correction of their p-values.

Of twenty comparisons of equals one comes out "clear" at 5 %. Holm (1979) keeps the chance of even one wrong claim among
all of them at 5 %: the smallest p-value is multiplied by the number of comparisons, the next by one fewer, and so on.
Unlike Bonferroni's it pays for no comparison twice.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float], n_comparisons: int = 0) -> tuple[float, ...]:
    """Return Holm's adjusted p-values, in the order given.

    Args:
        p_values: one for each comparison at hand.
        n_comparisons: how many there are in all, if these are only some of them; those that are not at hand may
            then have any p-value: each factor is as large as it can be.

    Raises:
        ValueError: where fewer comparisons are claimed than there are p-values.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    n_all = n_comparisons or len(p_values)
    if n_all < len(p_values):
        raise ValueError(f"{len(p_values)} p-values of {n_all} comparisons")
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (n_all - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
