"""Before training: what is the matter with what a study asks, and of how many images and seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator

from convstudy.analysis.methods import holds
from convstudy.checks.check import Planned, Spot
from convstudy.checks.text import listed
from convstudy.data import Fold, split_sizes
from convstudy.metrics import metric_named
from convstudy.numbers import counted, shortest
from convstudy.plan import Stage
from convstudy.stats.sample_size import RULE_OF_THREE
from convstudy.studyfile import Range


def single_values(planned: Planned) -> Iterator[Spot]:
    """Searches over one value, which cannot find anything."""
    for name, search in planned.plan.study.search.items():
        for key, values in search.parameters.items():
            if not isinstance(values, Range) and len(set(values)) == 1:
                yield Spot(
                    f"search.{name}.parameters.{key}",
                    f"{key} has one value only, {values[0]}",
                    "give it more values, or set it in the network",
                )


def small_budgets(planned: Planned) -> Iterator[Spot]:
    """Searches that halve with a budget below one epoch of one fold for each candidate: this much they train."""
    for stage in planned.plan.stages:
        if stage.question != "search" or not stage.rungs or not stage.grid_epochs:
            continue
        search = planned.plan.study.search[stage.name]
        if (least := len(stage.candidates)) > search.budget * stage.grid_epochs:
            yield Spot(
                f"search.{stage.name}.budget",
                f"one epoch of one fold for each of {least:,} candidates is more than {shortest(search.budget)} of the "
                f"grid's {stage.grid_epochs:,} epochs; this least is trained, and decides alone",
                f"budget = {shortest(min(1.0, 3 * least / stage.grid_epochs), 2)} or more, or fewer values",
            )


def single_seeds(planned: Planned) -> Iterator[Spot]:
    """Comparisons with one seed, which can show no spread."""
    if planned.plan.study.seeds == 1 and (planned.plan.study.compare or planned.plan.study.ablate):
        yield Spot(
            "study.seeds",
            "one seed shows no spread: no difference can be told from chance",
            "seeds = 5 or more",
        )


def few_seeds(planned: Planned) -> Iterator[Spot]:
    """Comparisons with two seeds: the spread of two figures is hardly known."""
    if planned.plan.study.seeds == 2 and (planned.plan.study.compare or planned.plan.study.ablate):
        yield Spot(
            "study.seeds",
            "two seeds hardly show a spread: Student's interval over them is 7 times as wide as over five",
            "seeds = 5 or more",
        )


def unequal_tuning(planned: Planned) -> Iterator[Spot]:
    """Comparisons of networks of which one was searched over more candidates than another."""
    plan = planned.plan
    n_tried = dict.fromkeys(plan.study.network, 0)
    for stage in plan.stages:
        if stage.question == "search":
            n_tried[plan.study.search[stage.name].network] += stage.n_candidates
    for name, compare in plan.study.compare.items():
        counts = {n_tried[network] for network in compare.networks}
        if len(counts) > 1:
            told = [
                f"{listed([network for network in compare.networks if n_tried[network] == count])} over "
                f"{f'{count:,} candidates' if count else 'none'}"
                for count in sorted(counts, reverse=True)
            ]
            yield Spot(
                f"compare.{name}",
                f"the networks are not tuned alike: {', '.join(told)}, and who is tried more often looks better",
                "a search of like size for each of them, or none",
            )


def few_validation_images(planned: Planned) -> Iterator[Spot]:
    """Choices by so few validation images that no tie within the region could show on them."""
    study = planned.plan.study
    metric, margin = metric_named(study.metric), study.margin
    if margin == 0 or not holds("rule of three", metric):
        return
    few = [
        (stage.key, n)
        for stage in planned.plan.stages
        if stage.question in ("search", "compare") and (n := _n_validating(stage)) * margin < RULE_OF_THREE
    ]
    if few:
        least = min(n for _, n in few)
        told = listed([f"{n:,} in {key}" for key, n in few])
        yield Spot(
            "study.equivalence_margin",
            f"few validation images choose: {told}; even without one difference on them, "
            f"{shortest(100 * RULE_OF_THREE / least, 2)} points would remain possible, and up to "
            f"{shortest(100 * margin)} points are to count as none",
            f"equivalence_margin = {shortest(math.ceil(1000 * RULE_OF_THREE / least) / 10)}, or "
            f"{math.ceil(RULE_OF_THREE / margin):,} validation images",
        )


def _n_validating(stage: Stage) -> int:
    """Return by how many different images a stage chooses, at most."""
    fits = stage.candidates[0].fits
    split = fits[0].split
    n_images = fits[0].dataset.n_train if split.subset is None else split.subset
    if isinstance(split, Fold):
        return n_images
    return min(n_images, len(fits) * split_sizes(fits[0].dataset.n_train, split)[1])


def choices_after_test_evaluation(planned: Planned) -> Iterator[Spot]:
    """Studies that still choose when the test set has been opened: changes made after looking are choices too."""
    study = planned.plan.study
    if planned.n_test_evaluations and (study.search or study.compare):
        yield Spot(
            "study.dataset",
            f"the test set of {study.dataset.name} has been opened "
            f"{counted(planned.n_test_evaluations, 'time')} here, and "
            "this study still chooses: if its changes were made after looking, its test scores are too good",
            "say so where you publish, or keep fresh images for the last word",
        )
