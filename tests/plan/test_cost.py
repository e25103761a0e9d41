"""The cost of fits, worked by hand."""

from __future__ import annotations

from convstudy.data import Holdout, dataset_info
from convstudy.networks import Network
from convstudy.plan import Cost, Fit, fit_cost, make_plan, plan_cost
from convstudy.plan.cost import images_to_evaluate
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
