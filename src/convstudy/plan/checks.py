"""What a reader of the plan should be told before anything trains. A new check is a function and its line in CHECKS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from convstudy.data import dataset_info
from convstudy.networks import layer_table
from convstudy.plan.stages import Plan
from convstudy.spec import Range

# Layers without weights: what dropout does to the variance of their input, they hand on.
PASS_ON_VARIANCE = ("dropout", "flatten", "activation", "max-pool", "average-pool", "global-average-pool")


@dataclass(frozen=True)
class Finding:
    """One thing to know: the check's name, where in the study, what, and how to mend it."""

    check: str
    where: str
    what: str
    mend: str


def idle_layers(plan: Plan) -> Iterator[Finding]:
    """Layers that do nothing, such as a pool over 1 × 1."""
    info = dataset_info(plan.study.dataset)
    for name, pattern in plan.study.network.items():
        table = layer_table(pattern.network(), info.image_shape, info.n_classes)
        for number, row in enumerate(table.rows, start=1):
            if row.idle:
                yield Finding(
                    "idle-layer",
                    f"network.{name}",
                    f'layer {number}, "{row.text}", does nothing: {row.idle}',
                    "take it out, or give it the size that was meant",
                )


def unused_networks(plan: Plan) -> Iterator[Finding]:
    """Networks that no question names."""
    study = plan.study
    named = {search.network for search in study.search.values()}
    named |= {network for compare in study.compare.values() for network in compare.networks}
    named |= {ablate.network for ablate in study.ablate.values()}
    for name in study.network:
        if name not in named:
            yield Finding(
                "unused-network",
                f"network.{name}",
                f"no question names {name}, so it is not trained",
                "name it in a [compare] section, or take it out",
            )


def single_values(plan: Plan) -> Iterator[Finding]:
    """Searches over one value, which cannot find anything."""
    for name, search in plan.study.search.items():
        for key, values in search.vary.items():
            if not isinstance(values, Range) and len(set(values)) == 1:
                yield Finding(
                    "single-value",
                    f"search.{name}.vary.{key}",
                    f"{key} has one value only, {values[0]}",
                    "give it more values, or set it in the network",
                )


def small_budgets(plan: Plan) -> Iterator[Finding]:
    """Searches that halve with a budget below one epoch of one fold for each candidate: this much they train."""
    for stage in plan.stages:
        if not stage.rungs or not stage.grid_epochs:
            continue
        search = plan.study.search[stage.name]
        if (least := len(stage.candidates)) > search.budget * stage.grid_epochs:
            yield Finding(
                "small-budget",
                f"search.{stage.name}.budget",
                f"one epoch of one fold for each of {least:,} candidates is more than {search.budget:g} of the grid's "
                f"{stage.grid_epochs:,} epochs; this least is trained, and decides alone",
                f"budget = {min(1.0, 3 * least / stage.grid_epochs):.2g} or more, or fewer values",
            )


def dropout_before_norm(plan: Plan) -> Iterator[Finding]:
    """Dropout before batch-norm, no weights between: in training the norm sees another variance (Li et al. 2019)."""
    for name, pattern in plan.study.network.items():
        dropout = 0
        for number, layer in enumerate(pattern.network().layers, start=1):
            if layer.word == "dropout":
                dropout = number
            elif layer.word == "batch-norm" and dropout:
                yield Finding(
                    "dropout-before-batch-norm",
                    f"network.{name}",
                    f"the dropout of layer {dropout} distorts the moving variance of the batch-norm of layer {number}",
                    "put the dropout after the batch-norm",
                )
            if layer.word not in PASS_ON_VARIANCE:
                dropout = 0


def decay_of_zero(plan: Plan) -> Iterator[Finding]:
    """Recipes with adamw and no weight decay, which is adam."""
    study = plan.study
    recipes = {"recipe": study.recipe} | {
        f"ablate.{name}.{variant_name}": study.recipe.varied(variant.recipe)
        for name, ablate in study.ablate.items()
        for variant_name, variant in ablate.variants.items()
        if variant.recipe
    }
    for where, recipe in recipes.items():
        if recipe.optimizer == "adamw" and recipe.weight_decay == 0:
            yield Finding(
                "adamw-without-decay",
                where,
                "adamw with weight_decay 0 is the same as adam",
                'weight_decay = 0.01, or optimizer = "adam"',
            )


def single_seeds(plan: Plan) -> Iterator[Finding]:
    """Comparisons with one seed, which can show no spread."""
    if plan.study.seeds == 1 and (plan.study.compare or plan.study.ablate):
        yield Finding(
            "single-seed",
            "study.seeds",
            "one seed shows no spread: no difference can be told from chance",
            "seeds = 5 or more",
        )


CHECKS: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
    idle_layers,
    unused_networks,
    single_values,
    small_budgets,
    dropout_before_norm,
    decay_of_zero,
    single_seeds,
)


def check_plan(plan: Plan, n_openings: int = 0) -> tuple[Finding, ...]:
    """Return all findings of a plan.

    Args:
        plan: the plan to look at.
        n_openings: how often this store has opened the dataset's test set already: a choice made after that may have
            been made by somebody who has seen test figures.
    """
    findings = [finding for check in CHECKS for finding in check(plan)]
    if n_openings and (plan.study.search or plan.study.compare):
        findings.append(
            Finding(
                "test-set-in-a-choice",
                "study.dataset",
                f"the test set of {plan.study.dataset} has been opened {n_openings} times here, and this study still "
                "chooses: if its changes were made after looking, its test scores are too good",
                "say so where you publish, or keep fresh images for the last word",
            )
        )
    return tuple(findings)
