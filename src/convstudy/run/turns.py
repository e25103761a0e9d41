"""Which training is next, and which fits the open choices wait for."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from convstudy.plan import Plan
from convstudy.run.tasks import Train


def next_training(waiting: deque[Train], under_way: Mapping[str, str]) -> Train | None:
    """Take the first task whose lineage is not under way (fit id -> lineage id): its fits resume from one another."""
    for task in waiting:
        if task.fit.lineage_id not in under_way.values():
            waiting.remove(task)
            return task
    return None


def deciding_fits(plan: Plan, missing: set[str]) -> list[set[str]]:
    """Return, for each stage whose choice is open, the fits it still waits for."""
    stages = [stage for stage in plan.stages if stage.chooses and not stage.waits_for]
    fits = [
        {fit.id for candidate in stage.candidates for fit in candidate.fits} & missing for stage in stages
    ]
    return [ids for ids in fits if ids]
