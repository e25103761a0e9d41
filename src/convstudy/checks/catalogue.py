"""Every check in one table. A new one is a function, a line here, its name in ``studyfile/suppress.py``
and its section in ``docs/checks.md``.
"""

from __future__ import annotations

from typing import Any

from convstudy.analysis import Analysis
from convstudy.checks import images, learning_curves, networks, outcomes, questions, recipes, sameness
from convstudy.checks.check import Check, Planned, look
from convstudy.checks.finding import Findings
from convstudy.plan import Plan

PLAN_CHECKS: tuple[Check[Planned], ...] = (
    Check("no-op-layer", "before", "warning", "A layer that does nothing", networks.no_op_layers),
    Check("unused-network", "before", "note", "A network that no question names", networks.unused_networks),
    Check("unused-block", "before", "note", "A block that no network uses", networks.unused_blocks),
    Check(
        "dropout-before-batch-norm",
        "before",
        "warning",
        "Dropout that distorts a batch-norm",
        networks.dropout_before_norm,
    ),
    Check(
        "batch-norm-at-its-start",
        "before",
        "warning",
        "A batch-norm that has not forgotten its start",
        networks.norms_at_their_start,
    ),
    Check(
        "norm-over-one-value",
        "before",
        "warning",
        "A batch-norm over a single value",
        networks.norms_over_one_value,
    ),
    Check(
        "adamw-without-decay", "before", "warning", "adamw without the decay it is for", recipes.decay_of_zero
    ),
    Check(
        "shared-learning-rate",
        "before",
        "warning",
        "Optimizers compared at one learning rate",
        recipes.shared_learning_rates,
    ),
    Check("single-value", "before", "warning", "A search over one value", questions.single_values),
    Check(
        "small-budget",
        "before",
        "warning",
        "A halving search whose budget is below its first look",
        questions.small_budgets,
    ),
    Check(
        "unequal-tuning",
        "before",
        "warning",
        "Compared networks that were not tuned alike",
        questions.unequal_tuning,
    ),
    Check(
        "few-validation-images",
        "before",
        "note",
        "A choice by too few images for the region",
        questions.few_validation_images,
    ),
    Check("single-seed", "before", "warning", "A comparison with one seed", questions.single_seeds),
    Check("few-seeds", "before", "note", "A comparison with two seeds", questions.few_seeds),
    Check(
        "test-set-in-a-choice",
        "before",
        "warning",
        "A choice made after the test set was opened",
        questions.choices_after_test_evaluation,
    ),
)
"""Looked at before anything trains."""

RUN_CHECKS: tuple[Check[Analysis], ...] = (
    Check(
        "diverged-fit",
        "during",
        "warning",
        "A fit whose loss was no number any more",
        learning_curves.diverged_fits,
    ),
    Check("collapsed-fit", "during", "warning", "A fit that ended at chance", learning_curves.collapsed_fits),
    Check(
        "dead-relus", "during", "warning", "A layer half of which says nothing", learning_curves.dead_relus
    ),
    Check(
        "still-improving",
        "during",
        "warning",
        "A network that was still getting better",
        learning_curves.still_improving,
    ),
    Check(
        "early-overfitting",
        "during",
        "note",
        "A validation loss that rose for half the training",
        learning_curves.early_overfitting,
    ),
    Check(
        "unstable-end",
        "during",
        "warning",
        "An accuracy that swings in the last epochs",
        learning_curves.unstable_ends,
    ),
    Check("failed-fit", "after", "warning", "A fit that could not be finished", outcomes.failed_fits),
    Check("same-weights", "after", "warning", "A change that changed nothing", sameness.same_weights),
    Check(
        "winner-at-edge",
        "after",
        "note",
        "A search won by its lowest or highest value",
        outcomes.winners_at_edge,
    ),
    Check(
        "difference-within-noise",
        "after",
        "note",
        "A choice that is not clearly better than the next",
        outcomes.differences_within_noise,
    ),
    Check(
        "overfitting",
        "after",
        "note",
        "A network that knows its training images by heart",
        outcomes.overfitted,
    ),
    Check("seed-outlier", "after", "warning", "A seed far from the others", outcomes.outlying_seeds),
    Check(
        "validation-test-gap",
        "after",
        "note",
        "Test images harder than validation promised",
        outcomes.scores_below_validation,
    ),
    Check(
        "test-set-reused",
        "after",
        "warning",
        "A test set that has answered many questions",
        outcomes.reused_test_sets,
    ),
)
"""Looked at during training and after it."""

IMAGE_CHECKS: tuple[Check[Analysis], ...] = (
    Check(
        "train-test-duplicates",
        "images",
        "warning",
        "Test images that are training images too",
        images.train_test_duplicates,
    ),
    Check("class-imbalance", "images", "warning", "Classes of very different sizes", images.class_imbalance),
    Check("constant-images", "images", "warning", "Images that show nothing", images.constant_images),
    Check(
        "badly-calibrated",
        "images",
        "note",
        "Confidence that is not the accuracy",
        images.badly_calibrated,
    ),
)
"""Looked at once the test set was opened."""

CHECKS: tuple[Check[Any], ...] = (*PLAN_CHECKS, *RUN_CHECKS, *IMAGE_CHECKS)


def check_plan(plan: Plan, n_test_evaluations: int = 0) -> Findings:
    """Return what the checks before training find.

    Args:
        plan: the plan to look at.
        n_test_evaluations: how often this store has opened the dataset's test set already: a choice made after
        that may have
            been made by somebody who has seen test figures.
    """
    return look(PLAN_CHECKS, Planned(plan, n_test_evaluations), plan.study.suppress)


def check_results(analysis: Analysis) -> Findings:
    """Return what the checks during and after training and of the images find, in a run that is finished or not."""
    return look((*RUN_CHECKS, *IMAGE_CHECKS), analysis, analysis.results.study.suppress)


def check_run(analysis: Analysis) -> Findings:
    """Return what all checks find in a run: in its plan, during its training and after it, and in its images."""
    results = analysis.results
    return check_plan(results.plan, results.n_test_evaluations_before) + check_results(analysis)
