"""A plan and a choice as plain values, which JSON can hold, and back; fits are named by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from convstudy.data import Dataset
from convstudy.plan.choices import Choice
from convstudy.plan.fit import Fit
from convstudy.plan.halving import RungSize
from convstudy.plan.names import names_of
from convstudy.plan.ranking import CandidateScore
from convstudy.plan.stages import Candidate, Plan, Rung, Stage
from convstudy.record import Scores
from convstudy.studyfile import study_document, study_of

Fits = Mapping[str, Fit]
"""Fit id -> fit."""


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain values that :func:`plan_from_json` reads back, given its fits and its dataset.

    ``names`` says what each fit is called: it is for readers and is not read back.
    """
    return {
        "study": study_document(plan.study),
        "stages": [_stage_as_json(stage) for stage in plan.stages],
        "names": names_of(plan),
    }


def plan_from_json(values: Mapping[str, Any], fits: Fits, dataset: Dataset) -> Plan:
    """Return the plan of these plain values; raise ``KeyError`` where a fit is unknown."""
    study = study_of({**values["study"], "dataset": dataset})
    return Plan(study, tuple(_stage_from_json(stage, fits) for stage in values["stages"]))


def choice_as_json(choice: Choice) -> dict[str, Any]:
    """Return a choice as plain values that :func:`choice_from_json` reads back."""
    return asdict(choice)


def choice_from_json(values: Mapping[str, Any]) -> Choice:
    """Return the choice of these plain values."""
    return Choice(**{**values, "scores": _scores_from_json(values["scores"])})


def _stage_as_json(stage: Stage) -> dict[str, Any]:
    return {
        "stage": stage.key,
        "question": stage.question,
        "name": stage.name,
        "candidates": [
            {
                "name": candidate.name,
                "network": candidate.network_name,
                "values": dict(candidate.values),
                "fits": [fit.id for fit in candidate.fits],
                "depends_on": list(candidate.depends_on),
                "combines": list(candidate.combines),
            }
            for candidate in stage.candidates
        ],
        "placeholders": [fit.id for fit in stage.pending],
        "rungs": [
            {
                "size": asdict(rung.size),
                "evaluated": list(rung.evaluated),
                "fits": [fit.id for fit in rung.fits],
                "scores": [asdict(score) for score in rung.scores],
                "promoted": list(rung.promoted),
            }
            for rung in stage.rungs
        ],
        "grid_epochs": stage.grid_epochs,
        "judges": stage.judges,
    }


def _stage_from_json(values: Mapping[str, Any], fits: Fits) -> Stage:
    return Stage(
        question=values["question"],
        name=values["name"],
        candidates=tuple(_candidate_from_json(candidate, fits) for candidate in values["candidates"]),
        pending=tuple(fits[each] for each in values["placeholders"]),
        rungs=tuple(
            Rung(
                RungSize(**rung["size"]),
                tuple(rung["evaluated"]),
                tuple(fits[each] for each in rung["fits"]),
                _scores_from_json(rung["scores"]),
                tuple(rung["promoted"]),
            )
            for rung in values["rungs"]
        ),
        grid_epochs=values["grid_epochs"],
        judges=values["judges"],
    )


def _candidate_from_json(values: Mapping[str, Any], fits: Fits) -> Candidate:
    own = tuple(fits[each] for each in values["fits"])
    return Candidate(
        name=values["name"],
        network_name=values["network"],
        # All fits of a candidate train its network with its recipe.
        network=own[0].network,
        recipe=own[0].recipe,
        values=values["values"],
        fits=own,
        depends_on=tuple(values["depends_on"]),
        combines=tuple(values["combines"]),
    )


def _scores_from_json(values: list[dict[str, Any]]) -> tuple[CandidateScore, ...]:
    return tuple(
        CandidateScore(**{**score, "scores": None if score["scores"] is None else Scores(score["scores"])})
        for score in values
    )
