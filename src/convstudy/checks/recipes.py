"""Checks before training: problems in recipes."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.checks.check import Planned, Spot
from convstudy.numbers import shortest
from convstudy.plan.stages import UNCHANGED
from convstudy.studyfile import Range, Recipe, Study

# adamw and adam take the same steps except for weight decay, so a learning rate for one also suits the other.
ALIASES = {"adamw": "adam"}


def recipes_of(study: Study) -> dict[str, Recipe]:
    """Return the recipe of a study and those of its variants, by their places."""
    return {"recipe": study.recipe} | {
        f"ablate.{name}.{variant_name}": study.recipe.varied(variant.recipe)
        for name, ablate in study.ablate.items()
        for variant_name, variant in ablate.variants.items()
        if variant.recipe
    }


def decay_of_zero(planned: Planned) -> Iterator[Spot]:
    """Find recipes with adamw and weight decay 0: this optimizer is identical to adam."""
    for where, recipe in recipes_of(planned.plan.study).items():
        if recipe.optimizer == "adamw" and recipe.weight_decay == 0:
            yield Spot(
                where,
                "adamw with weight_decay = 0 is identical to adam",
                'set weight_decay = 0.01, or optimizer = "adam"',
            )


def shared_learning_rates(planned: Planned) -> Iterator[Spot]:
    """Find variants and searches that change the optimizer but keep a learning rate tuned for another one."""
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
                    f"{recipe.optimizer} is trained with the learning rate of {base.optimizer}, "
                    f"{shortest(base.learning_rate)}: a difference may come from the learning rate, not the optimizer",
                    f"set a learning_rate in the variant, tuned for {recipe.optimizer} on validation images",
                )
    for name, search in study.search.items():
        values = search.parameters.get("optimizer", ())
        kinds = {_kind(str(value)) for value in values} if not isinstance(values, Range) else set()
        if len(kinds) > 1 and "learning_rate" not in search.parameters:
            yield Spot(
                f"search.{name}.parameters.optimizer",
                f"{len(kinds)} optimizers are tried at one learning rate, which may suit only one of them",
                "add learning_rate to the parameters of the search",
            )


def _kind(optimizer: str) -> str:
    return ALIASES.get(optimizer, optimizer)
