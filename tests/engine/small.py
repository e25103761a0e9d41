"""A fit that takes a fraction of a second, with batch normalization and dropout."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from convstudy.data import BUILT_IN_DATASETS, Dataset, Holdout, Split
from convstudy.engine.fit import TrainedFit, run_fit
from convstudy.networks import Network
from convstudy.plan.fit import Fit
from convstudy.record import Epoch
from convstudy.studyfile import Recipe

LAYERS = ("conv 4 3 relu stride=4", "max-pool 2", "batch-norm", "dropout 0.3", "flatten")
N_PARAMETERS = 40 + 8 + 370


@cache
def digits() -> Dataset:
    """Return the digits dataset, loaded once."""
    return BUILT_IN_DATASETS["digits"].load()


def small_fit(
    *, seed: int = 0, layers: tuple[str, ...] = LAYERS, split: Split | None = None, **recipe: Any
) -> Fit:
    """Return a fit of 418 parameters on 96 images, by default for three epochs."""
    values = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, **recipe}
    return Fit(
        dataset=BUILT_IN_DATASETS["digits"],
        network=Network.read(layers),
        recipe=Recipe(**values),
        split=split or Holdout(0.2, seed, subset=120),
        seed=seed,
        threads=1,
    )


def trained(fit: Fit, checkpoint: Path | None = None) -> TrainedFit:
    """Train a fit and return its result; fail if the fit fails."""
    result = run_fit(fit, digits().train, checkpoint)
    assert result.record.done, result.record.error
    return result


class Stopped(Exception):
    """Interrupts a fit between two epochs."""


def stopped(fit: Fit, checkpoint: Path, after: int) -> None:
    """Train a fit and interrupt it after an epoch, when its checkpoint is on disk."""

    def stop(epoch: Epoch) -> None:
        if epoch.number == after:
            raise Stopped

    try:
        run_fit(fit, digits().train, checkpoint, stop)
    except Stopped:
        return
    raise AssertionError(f"the fit ended before epoch {after}")


def scores_by_epoch(result: TrainedFit) -> list[tuple[float, ...]]:
    """Return the history without durations."""
    return [
        (
            e.number,
            e.learning_rate,
            e.train["log-loss"],
            e.train["accuracy"],
            e.validation["log-loss"],
            e.validation["accuracy"],
        )
        for e in result.record.history
    ]
