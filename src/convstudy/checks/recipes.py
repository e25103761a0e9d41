"""Before training: what is the matter with how networks are trained."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.checks.check import Planned, Spot
from convstudy.numbers import shortest
from convstudy.plan.stages import UNCHANGED
from convstudy.studyfile import Range

# The same steps but for weight decay, so that a learning rate for one is a learning rate for the other.
ALIKE = {"adamw": "adam"}


def decay_of_zero(planned: Planned) -> Iterator[Spot]:
    """Recipes with adamw and no weight decay, which is adam."""
    study = planned.plan.study
    recipes = {"recipe": study.recipe} | {
        f"ablate.{name}.{variant_name}": study.recipe.varied(variant.recipe)
        for name, ablate in study.ablate.items()
        for variant_name, variant in ablate.variants.items()
        if variant.recipe
    }
    for where, recipe in recipes.items():
        if recipe.optimizer == "adamw" and recipe.weight_decay == 0:
            yield Spot(
                where,
                "adamw with weight_decay 0 is the same as adam",
                'weight_decay = 0.01, or optimizer = "adam"',
            )


def shared_learning_rates(planned: Planned) -> Iterator[Spot]:
    """Variants and searches that change the optimizer and leave the learning rate as it was found for another."""
    study = planned.plan.study
    for stage in planned.plan.stages:
        if stage.question != "ablate":
            continue
        base = stage.candidate(UNCHANGED).recipe
        for name, variant in study.ablate[stage.name].variants.items():
            recipe = stage.candidate(name).recipe
            if "learning_rate" not in variant.recipe and _kind(recipe.optimizer) != _kind(base.optimizer):
                yield Spot(
                    f"{stage.key}.{name}",
                    f"{recipe.optimizer} is trained at the learning rate of {base.optimizer}, "
                    f"{shortest(base.learning_rate)}: a difference may be the rate's and not the optimizer's",
                    f"learning_rate = ... beside the optimizer, found for {recipe.optimizer} on validation images",
                )
    for name, search in study.search.items():
        values = search.parameters.get("optimizer", ())
        kinds = {_kind(str(value)) for value in values} if not isinstance(values, Range) else set()
        if len(kinds) > 1 and "learning_rate" not in search.parameters:
            yield Spot(
                f"search.{name}.parameters.optimizer",
                f"{len(kinds)} optimizers are tried at one learning rate, which suits one of them",
                "parameters learning_rate beside optimizer",
            )


def _kind(optimizer: str) -> str:
    return ALIKE.get(optimizer, optimizer)
