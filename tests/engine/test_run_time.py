"""Run-time estimates: which kinds of steps are timed, and how the others are interpolated."""

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
    """Return the list of timed fits. A simulated step takes 1 ms plus 1 ns per MAC."""
    found: list[Fit] = []

    def simulated(fit: Fit, seconds: float) -> tuple[float, float]:
        found.append(fit)
        info = fit.dataset
        work = layer_table(fit.network, info.image_shape, info.n_classes).macs
        factor = 3 if fit.recipe.optimizer == "muon" else 1
        n_images = min(fit.recipe.batch_size, 200)
        step = factor * (1e-3 + 1e-9 * work * n_images)
        return step / n_images, step / n_images / 3

    monkeypatch.setattr(run_time, "_timed", simulated)
    return found


@pytest.mark.parametrize("n_units", [3, 10, 100])
def test_number_of_timed_networks_is_bounded(n_units: int, timed: list[Fit]) -> None:
    fits = [
        small_fit(layers=("flatten", f"dense {16 + units}", "dense 8"), optimizer=optimizer)
        for units, optimizer in product(range(n_units), ("adam", "muon"))
    ]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == min(2 * n_units, MAX_TIMED)
    timed.clear()
    one_by_one = {fit.id: estimate_run_time([fit]).seconds[fit.id] for fit in fits}
    assert len(timed) == 2 * n_units
    # Exact between two timed networks. The smallest or largest of one optimizer may be extrapolated.
    assert expected == pytest.approx(one_by_one, rel=0.1)
    assert sum(expected[fit_id] == pytest.approx(one_by_one[fit_id]) for fit_id in one_by_one) >= 0.9 * len(
        fits
    )


def test_batch_sizes_are_interpolated_by_work_per_step(timed: list[Fit]) -> None:
    fits = [small_fit(batch_size=size) for size in range(10, 200)]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == MAX_TIMED
    one_by_one = {fit.id: estimate_run_time([fit]).seconds[fit.id] for fit in fits}
    assert expected == pytest.approx(one_by_one, rel=1e-6)


@pytest.mark.parametrize(("n_families", "tolerance"), [(5, 1.001), (12, 1.001), (20, 4)])
def test_estimate_is_close_for_several_families(n_families: int, tolerance: float, timed: list[Fit]) -> None:
    """Sizes double. An earlier version estimated an eighth of the time for the largest of five families."""
    sizes = [2**power for power in range(1, 12)]
    fits = [
        small_fit(layers=("flatten", *n_layers * (f"dense {size}",)))
        for n_layers, size in product(range(1, 1 + n_families), sizes)
    ]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == MAX_TIMED
    one_by_one = {fit.id: estimate_run_time([fit]).seconds[fit.id] for fit in fits}
    assert all(1 / tolerance < expected[fit_id] / one_by_one[fit_id] < tolerance for fit_id in one_by_one)
    assert sum(expected.values()) == pytest.approx(sum(one_by_one.values()), rel=0.2)


def test_untimed_family_is_estimated_from_nearest_family(timed: list[Fit]) -> None:
    fits = [
        small_fit(layers=("flatten", *n_layers * ("dense 8",)), optimizer=optimizer)
        for n_layers, optimizer in product(range(40), ("adam", "muon"))
    ]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == MAX_TIMED
    one_by_one = {fit.id: estimate_run_time([fit]).seconds[fit.id] for fit in fits}
    assert all(0.3 < expected[fit_id] / one_by_one[fit_id] < 3.1 for fit_id in one_by_one)


def test_fits_with_equal_step_duration_are_timed_once(timed: list[Fit]) -> None:
    fits = [
        small_fit(learning_rate=rate, epochs=epochs, schedule=schedule)
        for rate, epochs, schedule in product((0.1, 0.01), (1, 2), ("constant", "cosine"))
    ]
    expected = estimate_run_time(fits).seconds
    assert len(timed) == 1 and estimate_run_time([]).seconds == {}
    assert expected[fits[2].id] == pytest.approx(2 * expected[fits[0].id])


def test_estimate_counts_the_images_of_hard_sampling(timed: list[Fit]) -> None:
    """Of 96 images, two epochs use 96 and 10; evaluation is the same."""
    whole, hard = (small_fit(epochs=2, sampling="hard", hard_fraction=fraction) for fraction in (1.0, 0.1))
    expected = estimate_run_time([whole, hard]).seconds
    assert len(timed) == 1
    assert 0.5 < expected[hard.id] / expected[whole.id] < 0.95
