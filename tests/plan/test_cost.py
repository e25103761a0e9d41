"""The cost of fits, worked by hand."""

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


def test_the_cost_of_a_fit_is_what_one_works_out_by_hand() -> None:
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
    # Convolution: 13 × 13 places, 2 filters of 3 × 3 × 1; dense: 338 × 5; output: 5 × 10.
    macs = 13 * 13 * 2 * 9 + 338 * 5 + 50
    # An epoch: 75 images forward and twice that backward, then 75 + 25 images forward; two operations each.
    flops = 2 * macs * (3 * 75 + 100) * 3
    assert fit_cost(fit) == Cost(1, 75 * 3, flops)


def test_a_sample_to_measure_on_and_views_count() -> None:
    recipe = Recipe()
    assert images_to_evaluate(recipe, 900, 100) == 1000
    assert images_to_evaluate(recipe.varied({"train_eval_samples": 50}), 900, 100) == 150
    assert images_to_evaluate(recipe.varied({"train_eval_samples": 5000}), 900, 100) == 1000
    assert images_to_evaluate(recipe.varied({"tta": "shift"}), 900, 100) == 1400


def test_the_cost_of_a_plan_is_that_of_its_fits() -> None:
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


def test_fits_of_one_lineage_go_on_from_one_another() -> None:
    assert fit_cost(FIVE).images * N_EPOCHS == fit_cost(WHOLE).images * 5
    assert epochs_added([WHOLE, TWO, FIVE]) == {TWO.id: 2, FIVE.id: 3, WHOLE.id: N_EPOCHS - 5}
    together = plan_cost([WHOLE, TWO, FIVE])
    assert (together.images, together.flops) == (fit_cost(WHOLE).images, fit_cost(WHOLE).flops)
    assert together.n_fits == 3
    # What is trained is not trained again; a fit that ends sooner begins anew, and spoils nothing for the others.
    assert epochs_added([FIVE], trained=[TWO]) == {FIVE.id: 3}
    assert epochs_added([TWO, WHOLE], trained=[FIVE]) == {TWO.id: 2, WHOLE.id: N_EPOCHS - 5}
    assert epochs_added([TWO], trained=[TWO]) == {TWO.id: 0}
    # Another seed is another lineage.
    other = replace(TWO, seed=99)
    assert epochs_added([TWO, other]) == {TWO.id: 2, other.id: 2}


def test_each_epoch_of_a_lineage_is_counted_once() -> None:
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


def test_stages_take_turns_and_within_one_the_dearest_fit_comes_first() -> None:
    plan = make_plan(study())
    search, compare = plan.stage("search.kernel"), plan.stage("compare.all")
    turns = schedule_order(plan, ())
    assert {fit.id for fit in turns} == {fit.id for fit in plan.settled_fits}
    # The choice of the search holds the others up, so that it is trained first, the larger kernel before the smaller.
    small, large = (candidate.fits for candidate in search.candidates)
    assert fit_cost(large[0]).flops > fit_cost(small[0]).flops
    # (Folds of an odd number of images differ by one, so that either may be the first.)
    assert [set(turns[:2]), set(turns[2:4])] == [set(large), set(small)]
    # Of the comparison, what no choice can change: 49 × 10 products are dearer than 49 × 6 and 6 × 10.
    two, three = (compare.candidate(name).fits for name in ("two", "three"))
    assert turns[4:] == [*three, *two]
    done = {large[1].id: record(large[1]), two[0].id: record(two[0])}
    left = schedule_order(plan, done)
    assert (left[0], set(left[1:3]), left[3:]) == (large[0], set(small), [*three, two[1]])


def test_what_a_paused_fit_was_trained_for_is_no_part_of_its_turn() -> None:
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
    going_on = {fit.trial_id for fit in first}
    costs = epochs_added(second, first)
    begun = [costs[fit.id] for fit in second if fit.trial_id in going_on]
    new = [costs[fit.id] for fit in second if fit.trial_id not in going_on]
    assert begun and new
    assert max(begun) < min(new)
    by_turn = [fit_cost(fit, costs[fit.id]).flops for fit in second]
    assert by_turn == sorted(by_turn, reverse=True)
