"""Levels of repeated tests and of many questions, and a fast line of their simulation."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.statistics import test_looks as simulation
from benchmarks.statistics.statistics_simulation import WORLDS
from convstudy.stats.looks import look_confidence, shared_confidence
from convstudy.stats.measure import Measure
from convstudy.stats.verdicts import Verdict, at_look, corrected, for_questions, verdict

N_STUDIES = 400


def limit(rate: float, n_studies: int = N_STUDIES) -> float:
    """Return a rate plus four Monte-Carlo standard errors."""
    return float(rate + 4 * (rate * (1 - rate) / n_studies) ** 0.5)


def test_levels_of_all_later_looks_add_up_to_five_percent() -> None:
    errors = [1 - look_confidence(look) for look in range(2, 3000)]
    assert 0.048 < sum(errors) <= 0.05 + 1e-9
    assert all(earlier >= later for earlier, later in pairwise(errors))
    assert look_confidence(1) == 0.95
    with pytest.raises(ValueError, match="look must be 1 or more; got 0"):
        look_confidence(0)


def test_shared_levels_never_exceed_the_level_of_one() -> None:
    for n in range(1, 500):
        error = 1 - shared_confidence(0.95, n)
        assert 0.9 * 0.05 < error * n <= 0.05 + 1e-6, n


def scored(gap: float) -> Verdict:
    first, second = [0.98 + gap, 0.979 + gap, 0.981 + gap], [0.98, 0.98, 0.98]
    return verdict("a", "b", Measure("test", "accuracy"), first, second, n_images=100_000)


def test_later_look_widens_the_interval_and_can_take_a_verdict_away() -> None:
    plain = scored(0.004)
    (first,) = corrected([at_look(plain, (3,), 1)])
    (later,) = corrected([at_look(plain, (3, 5), 2)])
    assert replace(first, looks=()) == plain
    assert (first.kind, later.kind) == ("better", "inconclusive")
    assert later.difference.confidence == 0.975 and later.looks == (3, 5)
    assert first.difference.low is not None and later.difference.low is not None
    assert later.difference.low < first.difference.low and later.p == first.p


def test_questions_leave_the_verdict_and_add_a_corrected_interval() -> None:
    family = corrected([scored(0.005), scored(0.012)])
    alone = for_questions(family, 0)
    assert [each.clear_for_questions for each in alone] == [each.clear for each in family]
    asked = for_questions(family, 38)
    assert [each.kind for each in asked] == [each.kind for each in family]
    assert asked[1].n_questions == 40 and asked[1].for_questions.confidence == 0.9988
    # Holm's factor of the smaller p-value is the number of all questions.
    assert asked[1].questions_p == pytest.approx(40 * asked[1].p)
    narrow, wide = asked[1].difference, asked[1].for_questions
    assert wide.low is not None and narrow.low is not None and wide.low < narrow.low
    assert family[1].clear and not asked[1].clear_for_questions


def test_simulated_false_claims_over_all_looks_stay_within_their_bounds() -> None:
    """The old code, with 95 % at each look, exceeds both bounds in this world."""
    world = WORLDS[2]
    random = np.random.default_rng(7)
    equal = simulation.differences(random, world, N_STUDIES, max(simulation.EACH), 10_000)
    ratios = (1 + simulation.MARGIN / world.error,)
    apart = simulation.differences(
        random, replace(world, ratios=ratios), N_STUDIES, max(simulation.EACH), 10_000
    )
    found = simulation.flags_of_looks("", simulation.EACH, equal, apart, 10_000)
    _, old, new, later, better_old, better_new = (float(flags.mean()) for flags in found)
    assert later <= limit(0.05) and new <= limit(0.10) and better_new <= limit(0.05)
    assert old > limit(0.10) and better_old > limit(0.05)


def test_simulated_winner_of_many_studies_is_rarely_better_after_the_correction() -> None:
    """Without the correction, which the old code did not have, the rate exceeds the bound."""
    random = np.random.default_rng(8)
    found = simulation.sequence(random, WORLDS[2], 200, 40, 10_000)
    plain, corrected_final = (float(flags.mean()) for flags in found[:2])
    assert corrected_final <= limit(0.05, 200) < plain
