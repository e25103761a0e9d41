"""A plan as values: stages of candidates, each with its fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from convstudy.data import Dataset
from convstudy.networks import Network
from convstudy.plan.fit import Fit
from convstudy.plan.halving import RungSize
from convstudy.plan.ranking import CandidateScore
from convstudy.studyfile import Recipe, Study
from convstudy.studyfile.part import Tried

UNCHANGED = "as it is"


@dataclass(frozen=True)
class Candidate:
    """One of the things that a stage puts side by side.

    In a search that halves, ``fits`` are those of the last rung that it took part in. ``depends_on`` names the stages
    whose choice could still change it; while there are any, its fits stand in for those to come. ``combines`` names
    the two variants of an ablation that are both in it; of all others it is empty.
    """

    name: str
    network_name: str
    network: Network
    recipe: Recipe
    values: Mapping[str, Tried]
    fits: tuple[Fit, ...]
    depends_on: tuple[str, ...] = ()
    combines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rung:
    """One rung of a search that halves: its size as scheduled, and what came of it.

    ``evaluated`` names the candidates whose ``fits`` these are, with ``scores`` as soon as all fits have records, and
    ``promoted`` those that are in the next rung; in the last one it is the winner. All are empty in a rung to come, and
    stay so where one candidate alone was left before it.
    """

    size: RungSize
    evaluated: tuple[str, ...] = ()
    fits: tuple[Fit, ...] = ()
    scores: tuple[CandidateScore, ...] = ()
    promoted: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether it is known who goes on."""
        return bool(self.scores)


@dataclass(frozen=True)
class Stage:
    """A question of the study: ``question`` is ``"search"``, ``"compare"``, ``"ablate"`` or ``"final"``.

    Two more kinds judge a nested search: ``"inner"``, the whole search anew on the training part of one outer fold,
    and ``"nested"``, the winner of each of these on its outer fold.

    Attributes:
        candidates: what is put side by side, as far as it is known.
        pending: fits that stand in for those of later rungs or later trials; while there are any, nothing is chosen.
        rungs: of a search that halves, first to last.
        grid_epochs: how many epochs the grid of a search would train; None for other stages, and where a range has
            no grid.
        judges: the name of the nested search that the stage judges; empty for other stages.
    """

    question: str
    name: str
    candidates: tuple[Candidate, ...]
    pending: tuple[Fit, ...] = ()
    rungs: tuple[Rung, ...] = ()
    grid_epochs: int | None = None
    judges: str = ""

    @property
    def key(self) -> str:
        """How the stage is called everywhere: ``"search.kernel-size"``."""
        return f"{self.question}.{self.name}"

    @property
    def chooses(self) -> bool:
        """Whether one of its candidates is chosen, for the stages that follow."""
        return self.question in ("search", "compare", "inner")

    @property
    def tested(self) -> bool:
        """Whether the models of this stage are scored on the sealed test set, after all choices."""
        return self.question in ("compare", "ablate", "final")

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The stages whose choice at least one candidate waits for."""
        return tuple(dict.fromkeys(key for candidate in self.candidates for key in candidate.depends_on))

    @property
    def fits(self) -> tuple[Fit, ...]:
        """Every fit of its candidates once, those of earlier rungs too, without those that only stand in."""
        fits = [fit for rung in self.rungs for fit in rung.fits]
        fits += [fit for candidate in self.candidates for fit in candidate.fits]
        return _once(fits)

    @property
    def owners(self) -> dict[str, str]:
        """Fit id -> the name of the candidate that it belongs to, for every fit."""
        owners: dict[str, str] = {}
        for rung in self.rungs:
            for number, fit in enumerate(rung.fits):
                owners.setdefault(fit.id, rung.evaluated[number // rung.size.n_folds])
        for candidate in self.candidates:
            for fit in candidate.fits:
                owners.setdefault(fit.id, candidate.name)
        return owners

    @property
    def n_candidates(self) -> int:
        """How many candidates it puts side by side in the end, those included that are still to be drawn."""
        n_to_come = 0 if self.rungs else len(self.pending) // len(self.candidates[0].fits)
        return len(self.candidates) + n_to_come

    @property
    def contenders(self) -> frozenset[str]:
        """The names of the candidates among which it chooses: those of the last rung reached, or all."""
        reached = [rung.evaluated for rung in self.rungs if rung.evaluated]
        return frozenset(reached[-1] if reached else (candidate.name for candidate in self.candidates))

    def eliminated_in(self, name: str) -> int | None:
        """Return the number (from 1) of the rung that a candidate did not get beyond, if there is one."""
        for number, rung in enumerate(self.rungs, start=1):
            if rung.decided and name in rung.evaluated and name not in rung.promoted:
                return number
        return None

    def candidate(self, name: str) -> Candidate:
        """Return the candidate of this name; raise ``KeyError`` where there is none."""
        return {candidate.name: candidate for candidate in self.candidates}[name]


@dataclass(frozen=True)
class Plan:
    """All fits that a study needs, in stages."""

    study: Study
    stages: tuple[Stage, ...]

    @property
    def dataset(self) -> Dataset:
        """The images that all fits are trained on, as a value."""
        return self.study.dataset

    @cached_property
    def fits(self) -> tuple[Fit, ...]:
        """Every fit once, in the order of the stages (an ablation's base is the comparison's), stand-ins included."""
        return _once(fit for stage in self.stages for fit in (*stage.fits, *stage.pending))

    @property
    def placeholders(self) -> frozenset[str]:
        """The ids of fits that only stand in for rungs and trials to come: whether they are trained says nothing."""
        pending = {fit.id for stage in self.stages for fit in stage.pending}
        return frozenset(pending - {fit.id for stage in self.stages for fit in stage.fits} if pending else ())

    @cached_property
    def settled_fits(self) -> tuple[Fit, ...]:
        """The fits that no open choice can change any more, and no rung or trial to come."""
        fits: list[Fit] = []
        for stage in self.stages:
            if not stage.depends_on:
                fits += stage.fits
            else:
                fits += [fit for c in stage.candidates if not c.depends_on for fit in c.fits]
        return _once(fits)

    @cached_property
    def tested_fits(self) -> tuple[Fit, ...]:
        """The settled fits whose models are scored on the sealed test set."""
        candidates = [
            c for stage in self.stages if stage.tested for c in stage.candidates if not c.depends_on
        ]
        return _once(fit for candidate in candidates for fit in candidate.fits)

    def stage(self, key: str) -> Stage:
        """Return the stage of this key; raise ``KeyError`` where there is none."""
        return {stage.key: stage for stage in self.stages}[key]


def _once(fits: Iterable[Fit]) -> tuple[Fit, ...]:
    """Return these fits, each once, in the order of their first."""
    return tuple({fit.id: fit for fit in fits}.values())
