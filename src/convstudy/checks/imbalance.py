"""Checks before training: classes of different sizes, and what a study does about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from convstudy.checks.check import Planned, Spot
from convstudy.checks.recipes import recipes_of
from convstudy.checks.text import listed
from convstudy.metrics import ACCURACY, BALANCED_ACCURACY
from convstudy.numbers import decimals
from convstudy.stats import balance_of
from convstudy.studyfile import Recipe


def accuracy_selects(planned: Planned) -> Iterator[Spot]:
    """Find studies that select by accuracy although the largest class has over 3 times the images of the smallest."""
    study, counts = planned.plan.study, planned.class_counts
    if not counts or study.metric != ACCURACY:
        return
    balance = balance_of(counts)
    if not balance.is_imbalanced:
        return
    largest, smallest = (study.dataset.class_names[label] for label in (balance.largest, balance.smallest))
    sizes = f"{counts[balance.largest]:,} and {counts[balance.smallest]:,}"
    yield Spot(
        "study.metric",
        f"class {largest} has {decimals(balance.ratio, 1)} times the training images of class {smallest} ({sizes}), "
        "and accuracy selects epochs and candidates: it hardly counts small classes",
        f'set metric = "{BALANCED_ACCURACY}"; class_weights, sampling or logit_adjustment in the recipe train for it',
    )


def corrected_twice(planned: Planned) -> Iterator[Spot]:
    """Find recipes with several answers to classes of different sizes, each of which alone balances the classes."""
    for where, recipe in recipes_of(planned.plan.study).items():
        used = [key for key, is_used in _answers(recipe).items() if is_used]
        if len(used) > 1:
            yield Spot(
                where,
                f"{listed(used)} each balance the classes; together, small classes count more than large ones",
                "keep one of them, or compare them in an ablation",
            )


def _answers(recipe: Recipe) -> Mapping[str, bool]:
    return {
        "class_weights": recipe.class_weights == "balanced",
        "sampling": recipe.sampling == "balanced",
        "logit_adjustment": recipe.logit_adjustment > 0,
    }
