"""How many steps are timed to expect the seconds of fits, and what the others are expected to take."""

from __future__ import annotations

from itertools import product

import pytest

from convstudy.engine import run_time
from convstudy.engine.run_time import MAX_TIMED, estimate_run_time
from convstudy.networks import layer_table
from convstudy.plan import Fit
from tests.engine.small import small_fit


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Fit]:
    """Return the fits that are timed; a step takes 1 ms, and 1 ns more for each multiply-add."""
    found: list[Fit] = []

    def hyperparameters(fit: Fit, seconds: float) -> tuple[float, float]:
        found.append(fit)
        info = fit.dataset
        work = layer_table(fit.network, info.image_shape, info.n_classes).macs
        factor = 3 if fit.recipe.optimizer == "muon" else 1
        n_images = min(fit.recipe.batch_size, 200)
        step = factor * (1e-3 + 1e-9 * work * n_images)
        return step / n_images, step / n_images / 3

    monkeypatch.setattr(run_time, "_timed", hyperparameters)
    return found


@pytest.mark.parametrize("n_units", [3, 10, 100])
def test_the_number_of_timed_networks_does_not_grow_with_the_plan(n_units: int, timed: list[Fit]) -> None:
    fits = [
        small_fit(layers=("flatten", f"dense {16 + units}", "dense 8"), optimizer=optimizer)
        for units, optimizer in product(range(n_units), ("adam", "muon"))
    ]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == min(2 * n_units, MAX_TIMED)
    timed.clear()
    alone = {fit.id: estimate_run_time([fit]).seconds[fit.id] for fit in fits}
    assert len(timed) == 2 * n_units
    # Exact between two that are timed; the smallest or largest of one optimizer may have none beyond it.
    assert expected == pytest.approx(alone, rel=0.1)
    assert sum(expected[fit_id] == pytest.approx(alone[fit_id]) for fit_id in alone) >= 0.9 * len(fits)


def test_networks_with_other_batches_are_interpolated_by_the_work_of_a_step(timed: list[Fit]) -> None:
    fits = [small_fit(batch_size=size) for size in range(10, 200)]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == MAX_TIMED
    alone = {fit.id: estimate_run_time([fit]).seconds[fit.id] for fit in fits}
    assert expected == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize(("n_families", "off"), [(5, 1.001), (12, 1.001), (20, 4)])
def test_networks_of_several_kinds_take_about_as_long_as_expected(
    n_families: int, off: float, timed: list[Fit]
) -> None:
    """Sizes double. The largest of five kinds were expected to take an eighth of their time."""
    sizes = [2**power for power in range(1, 12)]
    fits = [
        small_fit(layers=("flatten", *n_layers * (f"dense {size}",)))
        for n_layers, size in product(range(1, 1 + n_families), sizes)
    ]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == MAX_TIMED
    alone = {fit.id: estimate_run_time([fit]).seconds[fit.id] for fit in fits}
    assert all(1 / off < expected[fit_id] / alone[fit_id] < off for fit_id in alone)
    assert sum(expected.values()) == pytest.approx(sum(alone.values()), rel=0.2)


def test_a_network_of_which_no_like_is_timed_takes_as_long_as_the_nearest(timed: list[Fit]) -> None:
    fits = [
        small_fit(layers=("flatten", *n_layers * ("dense 8",)), optimizer=optimizer)
        for n_layers, optimizer in product(range(40), ("adam", "muon"))
    ]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == MAX_TIMED
    alone = {fit.id: estimate_run_time([fit]).seconds[fit.id] for fit in fits}
    assert all(0.3 < expected[fit_id] / alone[fit_id] < 3.1 for fit_id in alone)


def test_fits_that_differ_in_what_takes_no_time_are_timed_once(timed: list[Fit]) -> None:
    fits = [
        small_fit(learning_rate=rate, epochs=epochs, schedule=schedule)
        for rate, epochs, schedule in product((0.1, 0.01), (1, 2), ("constant", "cosine"))
    ]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == 1 and estimate_run_time([]).seconds == {}
    assert expected[fits[2].id] == pytest.approx(2 * expected[fits[0].id])
