"""Checks before training: problems in searches and comparisons, in the numbers of seeds and validation images."""

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
from convstudy.stats.error_ratio import Share
from convstudy.stats.power import RULE_OF_THREE
from convstudy.studyfile import Range


def single_values(planned: Planned) -> Iterator[Spot]:
    """Find searches over one value."""
    for name, search in planned.plan.study.search.items():
        for key, values in search.parameters.items():
            if not isinstance(values, Range) and len(set(values)) == 1:
                yield Spot(
                    f"search.{name}.parameters.{key}",
                    f"{key} has only one value, {values[0]}",
                    "list more values, or set it in the network",
                )


def small_budgets(planned: Planned) -> Iterator[Spot]:
    """Find halving searches with a budget below their minimum of one epoch of one fold per candidate."""
    for stage in planned.plan.stages:
        if stage.question != "search" or not stage.rungs or not stage.grid_epochs:
            continue
        search = planned.plan.study.search[stage.name]
        if (minimum := len(stage.candidates)) > search.budget * stage.grid_epochs:
            yield Spot(
                f"search.{stage.name}.budget",
                f"one epoch of one fold for each of {minimum:,} candidates exceeds the budget, "
                f"{shortest(search.budget)} of the grid's {stage.grid_epochs:,} epochs; the search trains this minimum "
                "and decides on it alone",
                f"set budget = {shortest(min(1.0, 3 * minimum / stage.grid_epochs), 2)} or more, or list fewer values",
            )


def single_seeds(planned: Planned) -> Iterator[Spot]:
    """Find comparisons and ablations with one seed."""
    if planned.plan.study.seeds == 1 and (planned.plan.study.compare or planned.plan.study.ablate):
        yield Spot(
            "study.seeds",
            "with one seed, the variation between seeds is unknown: no difference can be distinguished from chance",
            "set seeds = 5 or more",
        )


def few_seeds(planned: Planned) -> Iterator[Spot]:
    """Find comparisons and ablations with two seeds."""
    if planned.plan.study.seeds == 2 and (planned.plan.study.compare or planned.plan.study.ablate):
        yield Spot(
            "study.seeds",
            "with two seeds, the variation between seeds is hardly known: Student's t interval is 7 times as wide as "
            "with five",
            "set seeds = 5 or more",
        )


def unequal_tuning(planned: Planned) -> Iterator[Spot]:
    """Find comparisons of networks whose searches evaluate different numbers of candidates."""
    plan = planned.plan
    n_tried = dict.fromkeys(plan.study.network, 0)
    for stage in plan.stages:
        if stage.question == "search":
            n_tried[plan.study.search[stage.name].network] += stage.n_candidates
    for name, compare in plan.study.compare.items():
        counts = {n_tried[network] for network in compare.networks}
        if len(counts) > 1:
            groups = [
                f"{listed([network for network in compare.networks if n_tried[network] == count])} "
                f"{f'over {count:,} candidates' if count else 'without a search'}"
                for count in sorted(counts, reverse=True)
            ]
            yield Spot(
                f"compare.{name}",
                f"the networks are not tuned equally: {', '.join(groups)}; the best of more candidates looks better by "
                "chance alone",
                "run a search of similar size for each network, or none",
            )


def few_validation_images(planned: Planned) -> Iterator[Spot]:
    """Find searches and comparisons with too few validation images to show equivalence within the margin."""
    study = planned.plan.study
    metric, margin = metric_named(study.metric), study.margin
    if isinstance(margin, Share) or margin == 0 or not holds("rule of three", metric):
        return
    few = [
        (stage.key, n)
        for stage in planned.plan.stages
        if stage.question in ("search", "compare") and (n := _n_validating(stage)) * margin < RULE_OF_THREE
    ]
    if few:
        fewest = min(n for _, n in few)
        data = planned.plan.study.dataset
        # Groups and times decide the exact number.
        about = "about " if data.n_groups or data.has_times else ""
        # Images of one group err alike, so that many images of few groups would not help.
        apart = " of different groups" if data.n_groups else ""
        counts = listed([f"{about}{n:,} in {key}" for key, n in few])
        yield Spot(
            "study.equivalence_margin",
            f"selection uses few validation images: {counts}; differences of up to "
            f"{shortest(100 * RULE_OF_THREE / fewest, 2)} percentage points cannot be excluded (rule of three), but "
            f"the equivalence margin is {shortest(100 * margin)}",
            f"set equivalence_margin = {shortest(math.ceil(1000 * RULE_OF_THREE / fewest) / 10)}, or use "
            f"{math.ceil(RULE_OF_THREE / margin):,} validation images{apart}",
        )


def _n_validating(stage: Stage) -> int:
    """Return an upper bound of the number of different validation images of a stage."""
    fits = stage.candidates[0].fits
    split = fits[0].split
    n_images = fits[0].dataset.n_train if split.subset is None else split.subset
    if fits[0].dataset.has_times:  # the first block of images is in no fold; all seeds have the same holdout
        return (
            n_images * split.of // (split.of + 1)
            if isinstance(split, Fold)
            else int(n_images * split.fraction)
        )
    if isinstance(split, Fold):
        # With rungs, the last one selects. It can have fewer folds than the search.
        n_folds = stage.rungs[-1].size.n_folds if stage.rungs else split.of
        return n_images * n_folds // split.of
    n_splits = len({fit.split for fit in fits})
    return min(n_images, n_splits * split_sizes(fits[0].dataset.n_train, split)[1])


def choices_after_test_evaluation(planned: Planned) -> Iterator[Spot]:
    """Find studies that select candidates although the test set has already been evaluated."""
    study = planned.plan.study
    if planned.n_test_evaluations and (study.search or study.compare):
        yield Spot(
            "study.dataset",
            f"the test set of {study.dataset.name} has been evaluated {counted(planned.n_test_evaluations, 'time')} in "
            "this runs folder, and this study selects candidates: if it was changed after looking at test scores, its "
            "own test scores are too good",
            "say so when you publish, or keep unseen images for the final evaluation",
        )
