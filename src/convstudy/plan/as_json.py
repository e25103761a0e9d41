"""Convert plans and choices to JSON values and back. Fits are represented by their ids."""

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
from convstudy.stats.sequential import LookResult, PairDecision
from convstudy.studyfile import study_document, study_of

Fits = Mapping[str, Fit]
"""Fit id -> fit."""


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON values; :func:`plan_from_json` reads them back.

    ``names`` maps the ids of fits to readable names; :func:`plan_from_json` ignores it.
    """
    return {
        "study": study_document(plan.study),
        "stages": [_stage_as_json(stage) for stage in plan.stages],
        "names": names_of(plan),
    }


def plan_from_json(values: Mapping[str, Any], fits: Fits, dataset: Dataset) -> Plan:
    """Return the plan of these values.

    Args:
        values: from :func:`plan_as_json`.
        fits: fit id -> fit, for every fit of the plan.
        dataset: the dataset of the study.

    Raises:
        KeyError: if ``fits`` lacks a fit of the plan.
    """
    study = study_of({**values["study"], "dataset": dataset})
    return Plan(study, tuple(_stage_from_json(stage, fits) for stage in values["stages"]))


def choice_as_json(choice: Choice) -> dict[str, Any]:
    return asdict(choice)


def choice_from_json(values: Mapping[str, Any]) -> Choice:
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
        "nested_search": stage.nested_search,
        "looks": [asdict(look) for look in stage.looks],
        "max_seeds": stage.max_seeds,
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
        nested_search=values["nested_search"],
        looks=tuple(_look_from_json(look) for look in values.get("looks", ())),
        max_seeds=values.get("max_seeds"),
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


def _look_from_json(values: Mapping[str, Any]) -> LookResult:
    return LookResult(
        values["n_seeds"],
        tuple(values["evaluated"]),
        tuple(PairDecision(**decision) for decision in values["decisions"]),
        tuple(values["dropped"]),
        tuple(values["continued"]),
    )


def _scores_from_json(values: list[dict[str, Any]]) -> tuple[CandidateScore, ...]:
    return tuple(
        CandidateScore(**{**score, "scores": None if score["scores"] is None else Scores(score["scores"])})
        for score in values
    )
