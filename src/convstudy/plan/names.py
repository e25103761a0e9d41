"""What fits are called where a person reads of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.data import Fold

if TYPE_CHECKING:
    from convstudy.plan import Fit, Plan


def names_of(plan: Plan) -> dict[str, str]:
    """Return fit id -> what it is in the plan; a fit of two stages is called by the first.

    Fits that stand in for later rungs and trials have no names yet.
    """
    names: dict[str, str] = {}
    for stage in plan.stages:
        owners = stage.owners
        for fit in stage.fits:
            names.setdefault(fit.id, f"{stage.key} {owners[fit.id]}, {_part(fit)}")
    return names


def _part(fit: Fit) -> str:
    """Return which of a candidate's fits this is: its fold or seed, and where it is paused."""
    split = fit.split
    part = f"fold {split.index + 1} of {split.of}" if isinstance(split, Fold) else f"seed {fit.seed}"
    if isinstance(split, Fold) and split.within is not None:
        part = f"inner {part}"
    return part if fit.epoch_budget is None else f"{part}, to epoch {fit.epoch_budget}"
