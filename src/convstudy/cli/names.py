"""What fits are called where a person reads of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.data import Fold

if TYPE_CHECKING:
    from convstudy.plan import Plan


def names_of(plan: Plan) -> dict[str, str]:
    """Return fit id -> what it is in the plan; a fit of two stages is called by the first."""
    names: dict[str, str] = {}
    for stage in plan.stages:
        for candidate in stage.candidates:
            for fit in candidate.fits:
                split = fit.split
                part = (
                    f"fold {split.index + 1} of {split.of}" if isinstance(split, Fold) else f"seed {fit.seed}"
                )
                names.setdefault(fit.id, f"{stage.key} {candidate.name}, {part}")
    return names
