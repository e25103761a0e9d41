"""Readable names of fits, for progress displays and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.data import Fold

if TYPE_CHECKING:
    from convstudy.plan import Fit, Plan


def names_of(plan: Plan) -> dict[str, str]:
    """Return fit id -> a name such as ``"search.size kernel=3, fold 1 of 5"``.

    A fit that several stages share has the name from the first of them. Placeholders, the fits that stand for later
    rungs and trials whose values are not known yet, have no name.
    """
    names: dict[str, str] = {}
    for stage in plan.stages:
        owners = stage.owners
        for fit in stage.fits:
            names.setdefault(fit.id, f"{stage.key} {owners[fit.id]}, {_part(fit)}")
    return names


def _part(fit: Fit) -> str:
    """Return the fold or seed of a fit, and its epoch budget if it has one."""
    split = fit.split
    part = f"fold {split.index + 1} of {split.of}" if isinstance(split, Fold) else f"seed {fit.seed}"
    if isinstance(split, Fold) and split.within is not None:
        part = f"inner {part}"
    return part if fit.epoch_budget is None else f"{part}, to epoch {fit.epoch_budget}"
