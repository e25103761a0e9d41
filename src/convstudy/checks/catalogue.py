"""All checks in one table.

A new check needs a function, a line here, its name in ``studyfile/suppress.py`` and a section in ``docs/checks.md``.
"""

from __future__ import annotations

from typing import Any

from convstudy.analysis import Analysis
from convstudy.checks import (
    identical_weights,
    images,
    imbalance,
    learning_curves,
    networks,
    outcomes,
    questions,
    recipes,
)
from convstudy.checks.check import Check, Planned, run_checks
from convstudy.checks.finding import Findings
from convstudy.plan import Plan

PLAN_CHECKS: tuple[Check[Planned], ...] = (
    Check("no-op-layer", "before", "warning", "A layer that does nothing", networks.no_op_layers),
    Check("unused-network", "before", "note", "A network that is not trained", networks.unused_networks),
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
        "Batch-norm averages close to their initial values",
        networks.norms_at_their_start,
    ),
    Check(
        "norm-over-one-value",
        "before",
        "warning",
        "A batch-norm over a single value",
        networks.norms_over_one_value,
    ),
    Check("adamw-without-decay", "before", "warning", "adamw without weight decay", recipes.decay_of_zero),
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
        "A halving search whose budget is below its minimum",
        questions.small_budgets,
    ),
    Check(
        "unequal-tuning",
        "before",
        "warning",
        "Compared networks that were not tuned equally",
        questions.unequal_tuning,
    ),
    Check(
        "few-validation-images",
        "before",
        "note",
        "Too few validation images for the equivalence margin",
        questions.few_validation_images,
    ),
    Check("single-seed", "before", "warning", "A comparison with one seed", questions.single_seeds),
    Check("few-seeds", "before", "note", "A comparison with two seeds", questions.few_seeds),
    Check(
        "test-set-in-a-choice",
        "before",
        "warning",
        "Selection after a test-set evaluation",
        questions.choices_after_test_evaluation,
    ),
    Check(
        "accuracy-on-imbalanced-classes",
        "before",
        "warning",
        "Selection by accuracy although classes have very different sizes",
        imbalance.accuracy_selects,
    ),
    Check(
        "classes-balanced-twice",
        "before",
        "warning",
        "A recipe that balances the classes in several ways",
        imbalance.corrected_twice,
    ),
)
"""Checks that run before training."""

RUN_CHECKS: tuple[Check[Analysis], ...] = (
    Check(
        "diverged-fit",
        "during",
        "warning",
        "A fit whose loss became NaN or infinite",
        learning_curves.diverged_fits,
    ),
    Check(
        "collapsed-fit",
        "during",
        "warning",
        "A fit that ended at chance level",
        learning_curves.collapsed_fits,
    ),
    Check("dead-relus", "during", "warning", "A layer with many dead ReLUs", learning_curves.dead_relus),
    Check(
        "still-improving",
        "during",
        "warning",
        "A network that was still improving",
        learning_curves.still_improving,
    ),
    Check(
        "early-overfitting",
        "during",
        "note",
        "A validation loss that rose in the second half of training",
        learning_curves.early_overfitting,
    ),
    Check(
        "unstable-end",
        "during",
        "warning",
        "An accuracy that fluctuates in the last epochs",
        learning_curves.unstable_ends,
    ),
    Check("failed-fit", "after", "warning", "A fit that failed", outcomes.failed_fits),
    Check(
        "same-weights", "after", "warning", "Candidates with the same weights", identical_weights.same_weights
    ),
    Check(
        "winner-at-edge",
        "after",
        "note",
        "A best candidate at the edge of the search space",
        outcomes.winners_at_edge,
    ),
    Check(
        "difference-within-noise",
        "after",
        "note",
        "A selected candidate that is not clearly better than the next",
        outcomes.differences_within_noise,
    ),
    Check(
        "overfitting",
        "after",
        "note",
        "A network much better on its training images",
        outcomes.overfitted,
    ),
    Check("seed-outlier", "after", "warning", "A seed far from the others", outcomes.outlying_seeds),
    Check(
        "validation-test-gap",
        "after",
        "note",
        "A test accuracy below the validation accuracy",
        outcomes.scores_below_validation,
    ),
    Check(
        "test-set-reused",
        "after",
        "warning",
        "A test set used for many candidates",
        outcomes.reused_test_sets,
    ),
)
"""Checks that run during and after training."""

IMAGE_CHECKS: tuple[Check[Analysis], ...] = (
    Check(
        "train-test-duplicates",
        "images",
        "warning",
        "Test images that duplicate training images",
        images.train_test_duplicates,
    ),
    Check("class-imbalance", "images", "warning", "Classes of very different sizes", images.class_imbalance),
    Check("constant-images", "images", "warning", "Images of one value", images.constant_images),
    Check(
        "badly-calibrated",
        "images",
        "note",
        "Confidence that differs from accuracy",
        images.badly_calibrated,
    ),
)
"""Checks that run after the test set has been evaluated."""

CHECKS: tuple[Check[Any], ...] = (*PLAN_CHECKS, *RUN_CHECKS, *IMAGE_CHECKS)


def check_plan(plan: Plan, n_test_evaluations: int = 0, class_counts: tuple[int, ...] = ()) -> Findings:
    """Run the checks that need only a plan.

    Args:
        plan: the plan to check.
        n_test_evaluations: the number of earlier evaluations of the dataset's test set in this runs folder; a study
            that was changed after these evaluations may have been tuned on test scores.
        class_counts: the number of training images of each class; empty if it is not known.

    Returns:
        The findings; those that the study suppresses are in ``suppressed``.
    """
    return run_checks(PLAN_CHECKS, Planned(plan, n_test_evaluations, class_counts), plan.study.suppress)


def check_results(analysis: Analysis) -> Findings:
    """Run the checks of training, scores and images on a run, finished or not."""
    return run_checks((*RUN_CHECKS, *IMAGE_CHECKS), analysis, analysis.results.study.suppress)


def check_run(analysis: Analysis) -> Findings:
    """Run all checks on a run: on its plan, its training, its scores and its images."""
    results = analysis.results
    counts = results.images.train.class_counts if results.images else ()
    return check_plan(results.plan, results.n_test_evaluations_before, counts) + check_results(analysis)
