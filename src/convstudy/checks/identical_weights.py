"""A check after training: finds candidates with identical weights and scores. Their difference had no effect."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import Analysis, StageResult
from convstudy.checks.check import Spot
from convstudy.checks.text import fits_text, listed
from convstudy.plan.stages import UNCHANGED


def same_weights(analysis: Analysis) -> Iterator[Spot]:
    """Find variants identical to their base, and identical candidates of a search or comparison.

    Equal weights with different scores are not a problem: ``tta`` changes predictions but not weights.
    """
    for stage_result in analysis.stage_results:
        if stage_result.question == "ablate":
            yield from _variants(analysis, stage_result)
        elif stage_result.is_main:
            yield from _equal_candidates(stage_result)


def _variants(analysis: Analysis, stage_result: StageResult) -> Iterator[Spot]:
    stage = analysis.results.plan.stage(stage_result.stage)
    rows = {row.name: row for row in stage_result.rows if row.settled}
    base = rows.get(UNCHANGED)
    for name, row in rows.items():
        if base is None or row is base or stage.candidate(name).combines:
            continue
        if row.shares_models(base):
            shared = [part for part in row.models if part in base.models]
            yield Spot(
                f"{stage_result.stage}: {name}",
                f"this variant changed nothing: its weights and scores equal those of the {UNCHANGED} in "
                f"{fits_text(shared, len(row.fits))}, so its verdict compares a model with itself",
                "set a value that has an effect (patience below the number of epochs, clip_norm below the gradient "
                "norms), or remove the variant",
            )


def _equal_candidates(stage_result: StageResult) -> Iterator[Spot]:
    groups: dict[tuple[tuple[str, tuple[object, ...]], ...], list[str]] = {}
    for row in stage_result.rows:
        if row.settled and row.fits and row.n_done == len(row.fits):
            groups.setdefault(tuple(row.models.items()), []).append(row.name)
    for models, names in groups.items():
        if len(names) > 1:
            parts = [part for part, _ in models]
            yield Spot(
                stage_result.stage,
                f"{listed(names)} have the same weights and scores in {fits_text(parts, len(parts))}: the values that "
                "differ have no effect, so choosing between them means nothing",
                "use values that have an effect, or only one of these candidates",
            )
