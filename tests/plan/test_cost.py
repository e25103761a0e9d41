"""The cost of fits, worked by hand."""

from __future__ import annotations

from dataclasses import replace

from convstudy.data import Holdout, dataset_info
from convstudy.networks import Network
from convstudy.plan import Cost, Fit, epochs_added, fit_cost, make_plan, own_epochs, plan_cost
from convstudy.plan.cost import images_to_evaluate
from convstudy.record import Epoch, Record
from convstudy.spec import Recipe
from tests.plan.made import study


def test_the_cost_of_a_fit_is_what_one_works_out_by_hand() -> None:
    info = dataset_info("digits")
    assert info.image_shape == (28, 28, 1)
    fit = Fit(
        "digits",
        info.digest,
        Network.read(["conv 2 3 relu stride=2", "flatten", "dense 5"]),
        Recipe(epochs=3),
        Holdout(0.25, 0, subset=100),
        0,
        1,
    )
    # Convolution: 13 × 13 places, 2 filters of 3 × 3 × 1; dense: 338 × 5; output: 5 × 10.
    multiply_adds = 13 * 13 * 2 * 9 + 338 * 5 + 50
    # An epoch: 75 images forward and twice that backward, then 75 + 25 images forward; two operations each.
    operations = 2 * multiply_adds * (3 * 75 + 100) * 3
    assert fit_cost(fit) == Cost(1, 75 * 3, operations)


def test_a_sample_to_measure_on_and_views_count() -> None:
    recipe = Recipe()
    assert images_to_evaluate(recipe, 900, 100) == 1000
    assert images_to_evaluate(recipe.varied({"measure_at_most": 50}), 900, 100) == 150
    assert images_to_evaluate(recipe.varied({"measure_at_most": 5000}), 900, 100) == 1000
    assert images_to_evaluate(recipe.varied({"views": "shift"}), 900, 100) == 1400


def test_the_cost_of_a_plan_is_that_of_its_fits() -> None:
    fits = make_plan(study()).fits
    whole = plan_cost(fits)
    assert whole.n_fits == len(fits) == 12
    assert whole.images == sum(fit_cost(fit).images for fit in fits)
    assert whole.operations == sum(fit_cost(fit).operations for fit in fits)
    assert plan_cost([]) == Cost(0, 0, 0)
    assert fit_cost(fits[0]) + fit_cost(fits[1]) == plan_cost(fits[:2])


WHOLE = make_plan(study()).fits[0]
TWO, FIVE = replace(WHOLE, until=2), replace(WHOLE, until=5)
N_EPOCHS = WHOLE.recipe.epochs


def test_fits_of_one_lineage_go_on_from_one_another() -> None:
    assert fit_cost(FIVE).images * N_EPOCHS == fit_cost(WHOLE).images * 5
    assert epochs_added([WHOLE, TWO, FIVE]) == {TWO.id: 2, FIVE.id: 3, WHOLE.id: N_EPOCHS - 5}
    together = plan_cost([WHOLE, TWO, FIVE])
    assert (together.images, together.operations) == (fit_cost(WHOLE).images, fit_cost(WHOLE).operations)
    assert together.n_fits == 3
    # What is trained is not trained again; a fit that ends sooner begins anew, and spoils nothing for the others.
    assert epochs_added([FIVE], trained=[TWO]) == {FIVE.id: 3}
    assert epochs_added([TWO, WHOLE], trained=[FIVE]) == {TWO.id: 2, WHOLE.id: N_EPOCHS - 5}
    assert epochs_added([TWO], trained=[TWO]) == {TWO.id: 0}
    # Another seed is another lineage.
    other = replace(TWO, seed=99)
    assert epochs_added([TWO, other]) == {TWO.id: 2, other.id: 2}


def test_each_epoch_of_a_lineage_is_counted_once() -> None:
    history = tuple(Epoch(n, 0.1, 1.0, 0.5, 1.0, 0.5, 1.0, 0.5) for n in range(1, 6))
    records = {
        fit.id: Record(fit.id, "done", history[: fit.until], best_epoch=1, counted_epoch=1)
        for fit in (FIVE, TWO)
    }
    own = own_epochs([WHOLE, FIVE, TWO, FIVE], records)
    assert {fit_id: [epoch.number for epoch in epochs] for fit_id, epochs in own.items()} == {
        TWO.id: [1, 2],
        FIVE.id: [3, 4, 5],
    }
