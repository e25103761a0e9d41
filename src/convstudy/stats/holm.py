"""Holm's correction for multiple comparisons.

Of twenty comparisons of equals, one is "significant" at 5 % on average. Holm (1979) limits the probability of any
wrong claim among all of them to 5 %: the smallest p-value is multiplied by the number of comparisons, the next by one
fewer, and so on. It is never less powerful than Bonferroni's correction.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float], n_comparisons: int = 0) -> tuple[float, ...]:
    """Return Holm's adjusted p-values, in the given order.

    Args:
        p_values: one per comparison.
        n_comparisons: the total number of comparisons, if ``p_values`` does not contain all of them. The others may
            have any p-value, so the factors are the largest possible.

    Raises:
        ValueError: if ``n_comparisons`` is smaller than the number of p-values.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    n_all = n_comparisons or len(p_values)
    if n_all < len(p_values):
        raise ValueError(
            f"n_comparisons must be at least {len(p_values)}, the number of p-values; got {n_all}"
        )
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        # An adjusted p-value is never below that of a smaller p-value.
        largest = max(largest, min(1.0, (n_all - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
