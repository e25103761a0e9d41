"""Which checks a study suppresses, each with the reason: ``[suppress]`` and ``single-seed = "a smoke run"`` below it.

Checks themselves live far above (``checks/``); here stand their names, so that a wrong one is a mistake like others.
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
    "overfitting",
    "seed-outlier",
    "validation-test-gap",
    "test-set-reused",
    "train-test-duplicates",
    "class-imbalance",
    "constant-images",
    "badly-calibrated",
)
"""Every check that can be suppressed; a test holds it to the catalogue of checks."""

LONGEST_REASON = 500
REASON_WORDS = f"a text of 1 to {LONGEST_REASON} characters on one line: why the check does not matter here"


def is_reason(value: object) -> bool:
    """Send whether something may stand as the reason for silencing a check; it is printed as it is."""
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_REASON:
        return False
    return value.isprintable() and not value.isspace()


def _check_reason(text: str) -> str:
    if not is_reason(text):
        raise PydanticCustomError("reason", "this is no reason", {"expected": REASON_WORDS})
    return text


Reason = Annotated[str, AfterValidator(_check_reason)]
