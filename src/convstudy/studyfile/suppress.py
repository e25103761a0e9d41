"""The checks that a study can suppress, each with a reason: ``single-seed = "a smoke run"`` under ``[suppress]``.

The checks are in ``convstudy.checks``, which imports this package. The names of the checks are here, so that an unknown
name in a study file is an error.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

CHECK_NAMES = (
    "no-op-layer",
    "unused-network",
    "unused-block",
    "dropout-before-batch-norm",
    "batch-norm-at-its-start",
    "norm-over-one-value",
    "adamw-without-decay",
    "shared-learning-rate",
    "single-value",
    "small-budget",
    "unequal-tuning",
    "few-validation-images",
    "single-seed",
    "few-seeds",
    "test-set-in-a-choice",
    "accuracy-on-imbalanced-classes",
    "classes-balanced-twice",
    "diverged-fit",
    "collapsed-fit",
    "dead-relus",
    "still-improving",
    "early-overfitting",
    "unstable-end",
    "failed-fit",
    "same-weights",
    "winner-at-edge",
    "difference-within-noise",
    "no-better-than-first",
    "no-better-than-baseline",
    "overfitting",
    "seed-outlier",
    "validation-test-gap",
    "test-set-reused",
    "train-test-duplicates",
    "class-imbalance",
    "constant-images",
    "badly-calibrated",
    "likely-label-errors",
    "margin-below-label-errors",
)
"""The names of all checks that can be suppressed. A test compares them with ``convstudy.checks``."""

MAX_REASON_LENGTH = 500
REASON_TEXT = f"the reason, a string of 1 to {MAX_REASON_LENGTH} characters on one line"


def is_reason(value: object) -> bool:
    """Return whether a value can be the reason for a suppressed check. Reports print it unchanged."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_REASON_LENGTH:
        return False
    return value.isprintable() and not value.isspace()


def _check_reason(text: str) -> str:
    if not is_reason(text):
        raise PydanticCustomError("reason", "must be {expected}", {"expected": REASON_TEXT})
    return text


Reason = Annotated[str, AfterValidator(_check_reason)]
