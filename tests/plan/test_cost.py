"""The cost of fits compared with hand calculations, and the order of fits."""

from __future__ import annotations

from dataclasses import replace

from convstudy.data import BUILT_IN_DATASETS, Holdout
from convstudy.networks import Network
from convstudy.plan import (
    Cost,
    Fit,
    epochs_added,
    fit_cost,
    make_plan,
    own_epochs,
    plan_cost,
    resolve,
    schedule_order,
)
from convstudy.plan.cost import images_to_evaluate
from convstudy.record import Record
from convstudy.studyfile import Recipe, Search
from tests.plan.made import record, study
from tests.scores import epoch_of


def test_fit_cost_equals_hand_calculation() -> None:
    info = BUILT_IN_DATASETS["digits"]
    assert info.image_shape == (28, 28, 1)
    fit = Fit(
        info,
        Network.read(["conv 2 3 relu stride=2", "flatten", "dense 5"]),
        Recipe(epochs=3),
        Holdout(0.25, 0, subset=100),
        0,
        1,
    )
    # Convolution: 13 × 13 positions, 2 filters of 3 × 3 × 1; dense: 338 × 5; output: 5 × 10.
    macs = 13 * 13 * 2 * 9 + 338 * 5 + 50
    # An epoch: 75 images forward, twice that backward, then 75 + 25 images forward. One MAC is two FLOPs.
    flops = 2 * macs * (3 * 75 + 100) * 3
    assert fit_cost(fit) == Cost(1, 75 * 3, flops)


def test_images_to_evaluate_counts_sample_and_tta() -> None:
    recipe = Recipe()
    assert images_to_evaluate(recipe, 900, 100) == 1000
    assert images_to_evaluate(recipe.varied({"train_eval_samples": 50}), 900, 100) == 150
    assert images_to_evaluate(recipe.varied({"train_eval_samples": 5000}), 900, 100) == 1000
    assert images_to_evaluate(recipe.varied({"tta": "shift"}), 900, 100) == 1400
    assert images_to_evaluate(recipe.varied({"tta": "shift-uncertain"}), 900, 100) == 1000


def test_plan_cost_is_sum_of_fit_costs() -> None:
    fits = make_plan(study()).fits
    whole = plan_cost(fits)
    assert whole.n_fits == len(fits) == 12
    assert whole.images == sum(fit_cost(fit).images for fit in fits)
    assert whole.flops == sum(fit_cost(fit).flops for fit in fits)
    assert plan_cost([]) == Cost(0, 0, 0)
    assert fit_cost(fits[0]) + fit_cost(fits[1]) == plan_cost(fits[:2])


WHOLE = make_plan(study()).fits[0]
TWO, FIVE = replace(WHOLE, epoch_budget=2), replace(WHOLE, epoch_budget=5)
N_EPOCHS = WHOLE.recipe.epochs


def test_fits_of_one_trial_add_epochs_to_each_other() -> None:
    assert fit_cost(FIVE).images * N_EPOCHS == fit_cost(WHOLE).images * 5
    assert epochs_added([WHOLE, TWO, FIVE]) == {TWO.id: 2, FIVE.id: 3, WHOLE.id: N_EPOCHS - 5}
    together = plan_cost([WHOLE, TWO, FIVE])
    assert (together.images, together.flops) == (fit_cost(WHOLE).images, fit_cost(WHOLE).flops)
    assert together.n_fits == 3
    # Trained epochs are not repeated. A fit with fewer epochs than the checkpoint trains all, and affects no other.
    assert epochs_added([FIVE], trained=[TWO]) == {FIVE.id: 3}
    assert epochs_added([TWO, WHOLE], trained=[FIVE]) == {TWO.id: 2, WHOLE.id: N_EPOCHS - 5}
    assert epochs_added([TWO], trained=[TWO]) == {TWO.id: 0}
    # Another seed is another trial.
    other = replace(TWO, seed=99)
    assert epochs_added([TWO, other]) == {TWO.id: 2, other.id: 2}


def test_fit_that_two_stages_share_counts_once() -> None:
    assert epochs_added([TWO, WHOLE, TWO, WHOLE]) == {TWO.id: 2, WHOLE.id: N_EPOCHS - 2}
    assert plan_cost([TWO, WHOLE, TWO]) == plan_cost([TWO, WHOLE])


def test_own_epochs_count_each_epoch_of_a_trial_once() -> None:
    history = tuple(epoch_of(n, 0.1, (1.0, 0.5), (1.0, 0.5), 1.0, 0.5) for n in range(1, 6))
    records = {
        fit.id: Record(fit.id, "done", history[: fit.epoch_budget], best_epoch=1, selected_epoch=1)
        for fit in (FIVE, TWO)
    }
    own = own_epochs([WHOLE, FIVE, TWO, FIVE], records)
    assert {fit_id: [epoch.number for epoch in epochs] for fit_id, epochs in own.items()} == {
        TWO.id: [1, 2],
        FIVE.id: [3, 4, 5],
    }


def test_schedule_order_is_by_stage_then_longest_fit_first() -> None:
    plan = make_plan(study())
    search, compare = plan.stage("search.kernel"), plan.stage("compare.all")
    order = schedule_order(plan, ())
    assert {fit.id for fit in order} == {fit.id for fit in plan.settled_fits}
    # The search is first because other stages depend on it, and in it the larger kernel.
    small, large = (candidate.fits for candidate in search.candidates)
    assert fit_cost(large[0]).flops > fit_cost(small[0]).flops
    # (Folds of an odd number of images differ in size by one, so either can be first.)
    assert [set(order[:2]), set(order[2:4])] == [set(large), set(small)]
    # Then the settled fits of the comparison: 49 × 10 MACs cost more than 49 × 6 + 6 × 10.
    two, three = (compare.candidate(name).fits for name in ("two", "three"))
    assert order[4:] == [*three, *two]
    done = {large[1].id: record(large[1]), two[0].id: record(two[0])}
    left = schedule_order(plan, done)
    assert (left[0], set(left[1:3]), left[3:]) == (large[0], set(small), [*three, two[1]])


def test_schedule_order_ignores_epochs_already_trained() -> None:
    halving = Search(
        network="one",
        parameters={"kernel": (1, 2, 3, 5)},
        folds=2,
        method="halving",
        budget=0.9,
        recipe={"epochs": 8},
    )
    asked = study(search={"kernel": halving})
    plan, _ = resolve(asked, {})
    first = schedule_order(plan, ())[:4]
    assert all(fit.epoch_budget for fit in first)
    done = {fit.id: record(fit, accuracy) for fit, accuracy in zip(first, (0.6, 0.5, 0.4, 0.3), strict=True)}
    plan, _ = resolve(asked, done)
    second = [fit for fit in schedule_order(plan, done) if fit.epoch_budget or fit.n_epochs == 8]
    resumed_trials = {fit.trial_id for fit in first}
    costs = epochs_added(second, first)
    resumed = [costs[fit.id] for fit in second if fit.trial_id in resumed_trials]
    new = [costs[fit.id] for fit in second if fit.trial_id not in resumed_trials]
    assert resumed and new
    assert max(resumed) < min(new)
    in_order = [fit_cost(fit, costs[fit.id]).flops for fit in second]
    assert in_order == sorted(in_order, reverse=True)
