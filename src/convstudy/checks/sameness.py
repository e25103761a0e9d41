"""After training: candidates whose weights and scores are the same, so that their difference changed nothing."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import Analysis, StageResult
from convstudy.checks.check import Spot
from convstudy.checks.text import listed, so_many
from convstudy.plan.stages import UNCHANGED


def same_weights(analysis: Analysis) -> Iterator[Spot]:
    """Variants with the weights and scores of their base; candidates of a search or comparison with equal ones.

    Equal weights with other scores are no finding: test-time ``tta`` change predictions and not weights.
    """
    for stage_result in analysis.stage_results:
        if stage_result.question == "ablate":
            yield from _variants(analysis, stage_result)
        elif stage_result.asked:
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
                f"this variant changed nothing: its weights and scores are those of the network {UNCHANGED} in "
                f"{so_many(shared, len(row.fits))}, and the verdict on it compares a model with itself",
                "a value that takes effect (patience below the number of epochs, clip_norm below the norms of the "
                "gradients), or no such variant",
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
                f"{listed(names)} have the same weights and scores in {so_many(parts, len(parts))}: what sets them "
                "apart changed nothing, and a choice among them means nothing",
                "values that take effect, or only one of these candidates",
            )
