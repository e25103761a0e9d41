"""All checks in one table.

A new check needs a function, a function that says why it does not apply (``applicability.py``), a line here, its name
in ``studyfile/suppress.py`` and a section in ``docs/checks.md``.
"""

from __future__ import annotations

from typing import Any

from convstudy.analysis import Analysis
from convstudy.checks import (
    applicability,
    baselines,
    identical_weights,
    images,
    imbalance,
    label_errors,
    learning_curves,
    networks,
    outcomes,
    questions,
    recipes,
    searches,
)
from convstudy.checks.check import Check, Planned, run_checks
from convstudy.checks.finding import Findings, Outcome
from convstudy.plan import Plan

PLAN_CHECKS: tuple[Check[Planned], ...] = (
    Check(
        "no-op-layer",
        "before",
        "warning",
        "A layer that does nothing",
        networks.no_op_layers,
        applicability.always,
    ),
    Check(
        "unused-network",
        "before",
        "note",
        "A network that is not trained",
        networks.unused_networks,
        applicability.always,
    ),
    Check(
        "unused-block",
        "before",
        "note",
        "A block that no network uses",
        networks.unused_blocks,
        applicability.without_block,
    ),
    Check(
        "dropout-before-batch-norm",
        "before",
        "warning",
        "Dropout that distorts a batch-norm",
        networks.dropout_before_norm,
        applicability.without_dropout_and_norm,
    ),
    Check(
        "batch-norm-at-its-start",
        "before",
        "warning",
        "Batch-norm averages close to their initial values",
        networks.norms_at_their_start,
        applicability.without_batch_norm,
    ),
    Check(
        "norm-over-one-value",
        "before",
        "warning",
        "A batch-norm over a single value",
        networks.norms_over_one_value,
        applicability.without_single_image_batch,
    ),
    Check(
        "adamw-without-decay",
        "before",
        "warning",
        "adamw without weight decay",
        recipes.decay_of_zero,
        applicability.without_adamw,
    ),
    Check(
        "shared-learning-rate",
        "before",
        "warning",
        "Optimizers compared at one learning rate",
        recipes.shared_learning_rates,
        applicability.without_other_optimizer,
    ),
    Check(
        "single-value",
        "before",
        "warning",
        "A search over one value",
        questions.single_values,
        applicability.without_search,
    ),
    Check(
        "small-budget",
        "before",
        "warning",
        "A halving search whose budget is below its minimum",
        questions.small_budgets,
        applicability.without_rungs,
    ),
    Check(
        "unequal-tuning",
        "before",
        "warning",
        "Compared networks that were not tuned equally",
        questions.unequal_tuning,
        applicability.without_comparison,
    ),
    Check(
        "few-validation-images",
        "before",
        "note",
        "Too few validation images for the equivalence margin",
        questions.few_validation_images,
        applicability.without_validation_limit,
    ),
    Check(
        "single-seed",
        "before",
        "warning",
        "A comparison with one seed",
        questions.single_seeds,
        applicability.without_seeds,
    ),
    Check(
        "few-seeds",
        "before",
        "note",
        "A comparison with two seeds",
        questions.few_seeds,
        applicability.without_seeds,
    ),
    Check(
        "test-set-in-a-choice",
        "before",
        "warning",
        "Selection after a test-set evaluation",
        questions.choices_after_test_evaluation,
        applicability.without_selection,
    ),
    Check(
        "accuracy-on-imbalanced-classes",
        "before",
        "warning",
        "Selection by accuracy although classes have very different sizes",
        imbalance.accuracy_selects,
        applicability.without_accuracy,
    ),
    Check(
        "classes-balanced-twice",
        "before",
        "warning",
        "A recipe that balances the classes in several ways",
        imbalance.corrected_twice,
        applicability.always,
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
        applicability.before_any_fit,
    ),
    Check(
        "collapsed-fit",
        "during",
        "warning",
        "A fit that ended at chance level",
        learning_curves.collapsed_fits,
        applicability.before_any_done_fit,
    ),
    Check(
        "dead-relus",
        "during",
        "warning",
        "A layer with many dead ReLUs",
        learning_curves.dead_relus,
        applicability.before_any_candidate,
    ),
    Check(
        "still-improving",
        "during",
        "warning",
        "A network that was still improving",
        learning_curves.still_improving,
        applicability.without_full_rate,
    ),
    Check(
        "early-overfitting",
        "during",
        "note",
        "A validation loss that rose in the second half of training",
        learning_curves.early_overfitting,
        applicability.without_history,
    ),
    Check(
        "unstable-end",
        "during",
        "warning",
        "An accuracy that fluctuates in the last epochs",
        learning_curves.unstable_ends,
        applicability.without_history,
    ),
    Check(
        "failed-fit",
        "after",
        "warning",
        "A fit that failed",
        outcomes.failed_fits,
        applicability.before_any_fit,
    ),
    Check(
        "same-weights",
        "after",
        "warning",
        "Candidates with the same weights",
        identical_weights.same_weights,
        applicability.without_pair,
    ),
    Check(
        "winner-at-edge",
        "after",
        "note",
        "A best candidate at the edge of the search space",
        outcomes.winners_at_edge,
        applicability.without_edge,
    ),
    Check(
        "difference-within-noise",
        "after",
        "note",
        "A selected candidate that is not clearly better than the next",
        outcomes.differences_within_noise,
        applicability.without_runner_up,
    ),
    Check(
        "no-better-than-first",
        "after",
        "note",
        "A search whose best candidate is not clearly better than the stated or first one",
        searches.no_better_than_first,
        searches.without_first,
    ),
    Check(
        "no-better-than-baseline",
        "after",
        "warning",
        "A network that is not clearly better than a baseline that costs nothing",
        baselines.no_better_than_baseline,
        baselines.without_baselines,
    ),
    Check(
        "overfitting",
        "after",
        "note",
        "A network much better on its training images",
        outcomes.overfitted,
        applicability.before_any_candidate,
    ),
    Check(
        "seed-outlier",
        "after",
        "warning",
        "A seed far from the others",
        outcomes.outlying_seeds,
        applicability.without_five_seeds,
    ),
    Check(
        "validation-test-gap",
        "after",
        "note",
        "A test accuracy below the validation accuracy",
        outcomes.scores_below_validation,
        applicability.without_test_interval,
    ),
    Check(
        "test-set-reused",
        "after",
        "warning",
        "A test set used for many candidates",
        outcomes.reused_test_sets,
        applicability.before_test_evaluation,
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
        applicability.before_inspection,
    ),
    Check(
        "class-imbalance",
        "images",
        "warning",
        "Classes of very different sizes",
        images.class_imbalance,
        applicability.before_inspection,
    ),
    Check(
        "constant-images",
        "images",
        "warning",
        "Images of one value",
        images.constant_images,
        applicability.before_inspection,
    ),
    Check(
        "badly-calibrated",
        "images",
        "note",
        "Confidence that differs from accuracy",
        images.badly_calibrated,
        applicability.without_calibration,
    ),
    Check(
        "likely-label-errors",
        "images",
        "note",
        "Labels that models confidently contradict",
        label_errors.likely_label_errors,
        label_errors.without_examined_labels,
    ),
    Check(
        "margin-below-label-errors",
        "images",
        "note",
        "An equivalence margin below the rate of suspected label errors",
        label_errors.margins_below_label_errors,
        label_errors.without_comparable_margin,
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
        The findings; those that the study suppresses are in ``suppressed``. The outcomes list the checks of training,
        scores and images as not applicable.
    """
    later = (*RUN_CHECKS, *IMAGE_CHECKS)
    reason = applicability.NOT_TRAINED
    outcomes = tuple(Outcome(check.name, check.title, "not applicable", reason) for check in later)
    return _of_plan(plan, n_test_evaluations, class_counts) + Findings(outcomes=outcomes)


def check_results(analysis: Analysis) -> Findings:
    """Run the checks of training, scores and images on a run, finished or not."""
    return run_checks((*RUN_CHECKS, *IMAGE_CHECKS), analysis, analysis.results.study.suppress)


def check_run(analysis: Analysis) -> Findings:
    """Run all checks on a run: on its plan, its training, its scores and its images."""
    results = analysis.results
    counts = results.images.train.class_counts if results.images else ()
    return _of_plan(results.plan, results.n_test_evaluations_before, counts) + check_results(analysis)


def _of_plan(plan: Plan, n_test_evaluations: int, class_counts: tuple[int, ...]) -> Findings:
    return run_checks(PLAN_CHECKS, Planned(plan, n_test_evaluations, class_counts), plan.study.suppress)
