"""The trained candidates that checks examine. A fit that several stages share is examined once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from convstudy.analysis import Analysis, CandidateRow, StageResult
from convstudy.analysis.candidates import part_text
from convstudy.plan import Candidate, Stage
from convstudy.record import Record


@dataclass(frozen=True)
class DoneFit:
    """A finished fit; ``part`` names its seed or fold, for example ``"seed 0"``."""

    part: str
    record: Record


@dataclass(frozen=True)
class TrainedCandidate:
    """A candidate that is evaluated on the test set, with its finished fits and its row in the stage result."""

    stage: Stage
    stage_result: StageResult
    candidate: Candidate
    row: CandidateRow
    fits: tuple[DoneFit, ...]

    @property
    def where(self) -> str:
        """The place that a finding names, for example ``"compare.all: one"``."""
        return f"{self.stage.key}: {self.candidate.name}"


def tested_candidates(analysis: Analysis) -> Iterator[TrainedCandidate]:
    """Yield the candidates of comparisons, ablations and final trainings that have a finished fit.

    Candidates that depend on a missing choice are skipped. A network that is both compared and ablated is yielded once,
    for the comparison.
    """
    results = analysis.results
    seen: set[str] = set()
    for stage_result in analysis.stage_results:
        stage = results.plan.stage(stage_result.stage)
        if not stage.tested:
            continue
        for candidate, row in zip(stage.candidates, stage_result.rows, strict=True):
            done = [fit for fit in row.fits if fit.status == "done" and fit.fit_id not in seen]
            if done and row.settled:
                seen |= {fit.fit_id for fit in done}
                fits = tuple(DoneFit(fit.part, results.records[fit.fit_id]) for fit in done)
                yield TrainedCandidate(stage, stage_result, candidate, row, fits)


def failed_parts(analysis: Analysis, wanted: Callable[[Record], bool]) -> dict[str, list[str]]:
    """Return "stage: candidate" -> seeds or folds of the failed fits for which ``wanted`` is true, each fit once."""
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for stage in analysis.results.plan.stages:
        owners = stage.owners
        for fit in stage.fits:
            record = analysis.results.records.get(fit.id)
            if record is None or record.done or fit.id in seen:
                continue
            seen.add(fit.id)
            if wanted(record):
                found.setdefault(f"{stage.key}: {owners[fit.id]}", []).append(part_text(fit))
    return found
