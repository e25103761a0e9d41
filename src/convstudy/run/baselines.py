"""Computes the baselines of a plan, next to the test-set evaluation, and stores their predictions."""

from __future__ import annotations

import numpy as np

from convstudy.data import Images, Split, baseline_key, baseline_predictions
from convstudy.history import History
from convstudy.plan import Plan
from convstudy.store import Layout


def missing_baselines(plan: Plan, history: History) -> tuple[Split, ...]:
    """Return the splits whose baselines are not computed: those of the searches, and one for the test set.

    The networks of all stages are evaluated on the same test images, and the baselines have no seed: they are fitted
    once, for all seeds.
    """
    wanted: dict[str, Split] = {}
    for fit in plan.tested_fits[:1]:
        wanted[baseline_key(fit.split)] = fit.split
    for stage in plan.stages:
        if stage.question == "search":
            # The candidates of the last rung have the most folds.
            fits = max((candidate.fits for candidate in stage.candidates), key=len)
            wanted |= {baseline_key(fit.split): fit.split for fit in fits}
    return tuple(split for split in wanted.values() if history.baseline(plan.dataset, split) is None)


def save_baselines(
    layout: Layout, digest: str, train: Images, test: Images, splits: tuple[Split, ...]
) -> None:
    """Fit the baselines of splits, and write their predictions.

    Args:
        layout: the runs folder.
        digest: the digest of the dataset.
        train: its training images.
        test: its test images.
        splits: see :func:`convstudy.data.baseline_predictions`.

    Raises:
        StoreError: if a file cannot be written.
    """
    # Imported here, because commands that do not train must not load torch.
    from convstudy.engine.weights import write_arrays

    for split in splits:
        found = baseline_predictions(train, test, split)
        arrays = {
            "images": found.images,
            "labels": found.labels,
            "predicted": found.predicted,
            "n_train": np.array(found.n_train, np.int64),
            "seconds": np.array(found.seconds, np.float64),
        }
        write_arrays(layout.baseline(digest, baseline_key(split)), arrays)
