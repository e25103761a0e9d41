"""Check ``[study] resample``."""

from __future__ import annotations

from convstudy.studyfile.draft import Draft
from convstudy.studyfile.study import SEEDS_PER_TRAINING_SET

LEAST_SEEDS = 2 * SEEDS_PER_TRAINING_SET
"""One training set would not show how much training sets differ."""


def check_resampling(draft: Draft) -> None:
    """Add an error for each key that does not go with ``resample = "training"``."""
    head = draft.head
    if head is None or head.resample is None:
        return
    if head.max_seeds is not None:
        # The looks treat seeds as independent, but two seeds share a training set.
        what = "training sets need a fixed number of seeds"
        draft.report(("study", "resample"), what, hint="set seeds instead of max_seeds, or remove resample")
        return
    if head.seeds < LEAST_SEEDS or head.seeds % SEEDS_PER_TRAINING_SET:
        draft.report(
            ("study", "seeds"),
            "",
            str(head.seeds),
            f'an even number, {LEAST_SEEDS} or more, with resample = "training": each {SEEDS_PER_TRAINING_SET} seeds '
            "share a training set",
        )
    path = ("study", "resample")
    if not draft.compares and not draft.ablates and not draft.names.get("compare", draft.names.get("ablate")):
        draft.report(
            path, "only the networks of a comparison or an ablation are trained on halves", hint="remove it"
        )
    if head.dataset.has_times:
        what = "splits are in order of time, so that no random half of the training images is another training set"
        draft.report(path, what, hint="remove it, or remove time from [dataset]")
