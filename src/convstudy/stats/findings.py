"""The study's questions answered: which candidate leads each stage, and how it stands against every other
one.
"""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.plan import Candidate, Stage
from convstudy.plan.stages import UNCHANGED
from convstudy.stats.candidates import CandidateRow, candidate_rows
from convstudy.stats.searches import SearchCourse, search_course
from convstudy.stats.verdicts import Verdict, verdict
from convstudy.store.results import Results

VALIDATION, TEST = "validation_accuracy", "test_accuracy"


@dataclass(frozen=True)
class Contest:
    """A stage as a contest of one candidate, the ``leader``, against each of the others.

    The leader is the one that the stage chose by validation; in an ablation it is the network as it is.
    Verdicts are on ``measure``: the validation accuracy in a search, else the test accuracy. In a search and a
    comparison they read "leader against other", in an ablation "variant against the network as it is".
    ``runner_up`` is the candidate with the next best mean validation accuracy. Verdicts pair what both sides
    have, by seed or fold; a candidate that a search trained on fewer folds or epochs than the leader has none, and
    is no runner-up. ``course`` tells how a search went about it.
    """

    stage: str
    question: str
    name: str
    measure: str
    rows: tuple[CandidateRow, ...]
    leader: CandidateRow | None
    runner_up: CandidateRow | None
    verdicts: tuple[Verdict, ...]
    course: SearchCourse | None = None

    def verdict_on(self, name: str) -> Verdict | None:
        """Return the verdict in which this candidate stands against the leader."""
        return next((v for v in self.verdicts if name in (v.first, v.second) and v.first != v.second), None)

    @property
    def settled(self) -> bool:
        """Whether no open choice of an earlier stage can change a candidate any more."""
        return all(row.settled for row in self.rows)


@dataclass(frozen=True)
class Headline:
    """The candidate that the study comes down to: whose mistakes, kernels and confusion the report shows."""

    stage: Stage
    candidate: Candidate


def contest(results: Results, stage: Stage) -> Contest:
    """Return the contest of one stage."""
    rows = candidate_rows(results, stage)
    measure = VALIDATION if stage.question == "search" else TEST
    if stage.question == "ablate":
        leader = next(row for row in rows if row.name == UNCHANGED)
        others = [row for row in rows if row is not leader]
        verdicts = tuple(_against(row, leader, measure) for row in others)
        return Contest(stage.key, stage.question, stage.name, measure, rows, leader, None, verdicts)
    if stage.question == "final":
        return Contest(stage.key, stage.question, stage.name, measure, rows, rows[0], None, ())
    chosen = next((row for row in rows if row.chosen), None)
    others = [row for row in rows if chosen is not None and row is not chosen and row.trained_like(chosen)]
    scored = [row for row in others if row.validation_accuracy.mean is not None]
    runner_up = min(scored, key=_rank, default=None) if chosen else None
    verdicts = tuple(_against(chosen, row, measure) for row in others) if chosen else ()
    course = search_course(results, stage)
    return Contest(stage.key, stage.question, stage.name, measure, rows, chosen, runner_up, verdicts, course)


def contests(results: Results) -> tuple[Contest, ...]:
    """Return the contests of all stages, in the order of the plan."""
    return tuple(contest(results, stage) for stage in results.plan.stages)


def headline(results: Results) -> Headline | None:
    """Return the chosen candidate of the last comparison, else an ablation's network as it is, else the
    final one.

    ``None`` where it hangs on a choice that is not made, or has no fit that is done.
    """
    compared = [stage for stage in results.plan.stages if stage.question == "compare"]
    others = [stage for stage in results.plan.stages if stage.question in ("ablate", "final")]
    found: tuple[Stage, str] | None = None
    if compared:
        choice = results.choice(compared[-1].key)
        found = (compared[-1], choice.chosen) if choice and choice.chosen else None
    elif others:
        found = (others[0], others[0].candidates[0].name)
    if found is None:
        return None
    stage, name = found
    candidate = stage.candidate(name)
    done = [record for record in results.records_of(candidate) if record.done]
    return Headline(stage, candidate) if done and not candidate.waits_for else None


def _against(first: CandidateRow, second: CandidateRow, measure: str) -> Verdict:
    """Return the verdict on two candidates over the seeds or folds that both have."""
    mine, theirs = first.scores(measure), second.scores(measure)
    shared = [part for part in mine if part in theirs]
    return verdict(
        first.name,
        second.name,
        measure.replace("_", " "),
        [mine[part] for part in shared],
        [theirs[part] for part in shared],
        first.evidence + second.evidence,
    )


def _rank(row: CandidateRow) -> tuple[float, float]:
    accuracy, loss = row.validation_accuracy.mean, row.validation_loss.mean
    assert accuracy is not None and loss is not None  # callers leave out what has no score
    return (-accuracy, loss)
