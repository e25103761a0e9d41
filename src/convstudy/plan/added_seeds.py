"""Seeds that a stage adds until each pair of its candidates is decided by validation scores (``max_seeds``).

The plan has the seeds of all looks that the records allow (:mod:`convstudy.stats.sequential`). Like the rungs of a
search, they depend on the study and the records only, so that neither interruptions nor the number of workers change
them. Later seeds are placeholders. After a test-set evaluation, the numbers of seeds are final.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from convstudy.data import split_sizes
from convstudy.metrics import metric_named
from convstudy.plan.fit import Fit
from convstudy.plan.stages import UNCHANGED, Candidate, Stage
from convstudy.record import Outcome
from convstudy.stats.sequential import LookResult, SeedRule, compared_pairs, looks, next_look, take_looks
from convstudy.studyfile import Study

SEED_COUNTS = "seeds of "
"""The prefix of a stage key under which the numbers of seeds are stored among the choices of a run."""


def with_added_seeds(
    stage: Stage, study: Study, records: Mapping[str, Outcome], made: Mapping[str, str]
) -> Stage:
    """Return a stage with the seeds that its looks ask for.

    Args:
        stage: a comparison or an ablation whose candidates have one fit for each of ``study.max_seeds`` seeds.
        study: the study.
        records: fit id -> record, for the fits that have ended.
        made: stored choices; see :func:`counts_key`.
    """
    rule = rule_of(stage, study)
    scores = {each.name: _scores(each.fits, records) for each in stage.candidates}
    results: tuple[LookResult, ...] = ()
    # Until earlier stages have chosen, the final networks are unknown.
    if not stage.depends_on:
        results = take_looks(scores, rule)
    counts = dict.fromkeys(rule.candidates, rule.max_seeds)
    kept = _kept_counts(made.get(counts_key(stage), ""))
    if kept.keys() == counts.keys():
        counts, following = kept, None
    else:
        following = next_look(results, rule)
        counts = {name: looks(rule.max_seeds)[0].n_seeds for name in counts}
        for look in results:
            counts |= dict.fromkeys(look.evaluated, look.n_seeds)
        if following is not None and results:
            counts |= dict.fromkeys(results[-1].continued, following.n_seeds)
    growing = set(results[-1].continued if results else counts) if following is not None else set()
    candidates: list[Candidate] = []
    pending: list[Fit] = []
    for candidate in stage.candidates:
        n = counts[candidate.name]
        candidates.append(replace(candidate, fits=candidate.fits[:n]))
        pending += candidate.fits[n:] if candidate.name in growing else ()
    # Two candidates can share fits; a fit is a placeholder only if no candidate has it.
    known = {fit.id for candidate in candidates for fit in candidate.fits}
    later = {fit.id: fit for fit in pending if fit.id not in known}
    return replace(
        stage,
        candidates=tuple(candidates),
        pending=tuple(later.values()),
        looks=results,
        max_seeds=rule.max_seeds,
    )


def rule_of(stage: Stage, study: Study) -> SeedRule:
    """Return the rule of a stage whose candidates have all seeds up to the maximum."""
    metric, fit = metric_named(study.metric), stage.candidates[0].fits[0]
    n_train, n_validation = split_sizes(study.dataset.n_train, fit.split)
    return SeedRule(
        candidates=tuple(candidate.name for candidate in stage.candidates),
        max_seeds=study.max_seeds or 0,
        margin=study.margin if isinstance(study.margin, float) else 0.0,  # a share is refused (margin_checks)
        reference=_reference(stage),
        lower_is_better=not metric.higher_is_better,
        images_per_seed=n_validation,
        # In order of time, every seed validates on the same, latest images.
        n_images=n_validation if study.dataset.has_times else n_train + n_validation,
        proportion=metric.counts,
    )


def pairs_of(stage: Stage) -> tuple[tuple[str, str], ...]:
    """Return the pairs that the looks of a stage compare."""
    return compared_pairs(tuple(candidate.name for candidate in stage.candidates), _reference(stage))


def _reference(stage: Stage) -> str:
    """Return the candidate of an ablation with which all others are compared; empty for a comparison."""
    return UNCHANGED if stage.question == "ablate" else ""


def counts_key(stage: Stage) -> str:
    """Return the key under which the numbers of seeds of a stage are stored among the choices of a run."""
    return f"{SEED_COUNTS}{stage.key}"


def seed_counts(stage: Stage) -> str:
    """Return the number of seeds of each candidate as a text to store; empty while seeds may still be added.

    :func:`with_added_seeds` reads it.
    """
    if stage.max_seeds is None or stage.pending or stage.depends_on:
        return ""
    return json.dumps({each.name: len(each.fits) for each in stage.candidates}, sort_keys=True)


def _kept_counts(text: str) -> dict[str, int]:
    return {str(name): int(n) for name, n in json.loads(text).items()} if text else {}


def _scores(fits: tuple[Fit, ...], records: Mapping[str, Outcome]) -> list[float | None]:
    """Return the validation score of each seed up to the first one without a final record; None for a failed fit."""
    scores: list[float | None] = []
    for fit in fits:
        record = records.get(fit.id)
        if record is None or not record.final:
            break
        scores.append(record.selected.validation[fit.metric] if record.done else None)
    return scores
