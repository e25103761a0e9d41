from __future__ import annotations

import numpy as np
import pytest

from convstudy.stats.mcnemar import Discordance, discordance


def test_discordance_counts_images_by_correct_model() -> None:
    first = np.array([1, 1, 1, 0, 0, 1], dtype=bool)
    second = np.array([1, 0, 0, 1, 0, 1], dtype=bool)
    assert discordance(first, second) == Discordance(both=2, first_only=2, second_only=1, neither=1)
    assert discordance(first, second).n == 6


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (0, 5, 2 / 32), (5, 0, 2 / 32), (2, 4, 2 * (1 + 6 + 15) / 64), (3, 3, 1.0)],
)
def test_exact_p_is_that_of_a_fair_coin(one: int, other: int, p: float) -> None:
    assert Discordance(90, one, other, 0).exact_p == pytest.approx(p)


def test_discordance_rejects_different_shapes() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        discordance(np.ones(3, dtype=bool), np.ones(4, dtype=bool))
