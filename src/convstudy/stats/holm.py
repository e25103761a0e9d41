"""Holm's correction for multiple comparisons.

Of twenty comparisons of equal candidates, one is "significant" at 5 % on average. Holm (1979) limits the probability of
any wrong claim among all of them to 5 %: the smallest p-value is multiplied by the number n of comparisons, the next
one by n − 1, and so on. Holm's correction is never less powerful than Bonferroni's.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float], n_comparisons: int = 0) -> tuple[float, ...]:
    """Return Holm's adjusted p-values, in the given order.

    Args:
        p_values: one per comparison.
        n_comparisons: the total number of comparisons, if ``p_values`` does not contain all of them. The other p-values
            are unknown, so the largest possible factors are used.

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
