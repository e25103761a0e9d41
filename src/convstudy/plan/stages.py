"""The classes of a plan: stages of candidates, each with its fits. All are frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from convstudy.data import Dataset
from convstudy.networks import Network
from convstudy.plan.fit import Fit
from convstudy.plan.halving import RungSize
from convstudy.plan.ranking import CandidateScore
from convstudy.stats.sequential import LookResult
from convstudy.studyfile import Recipe, Study
from convstudy.studyfile.part import SearchValue

UNCHANGED = "unmodified network"


@dataclass(frozen=True)
class Candidate:
    """A network with a recipe that a stage compares with others.

    Attributes:
        name: its name in the stage, such as ``"kernel=3"``.
        network_name: the name of its network in the study.
        network: the network.
        recipe: the recipe.
        values: the values that searches have fixed.
        fits: one fit per fold or seed; in a search with rungs, those of the last rung that evaluated it.
        depends_on: the keys of the stages whose missing choice can still change the candidate. While there are any,
            the fits are placeholders: they count in the cost of the plan, but are not trained.
        combines: the names of the two variants that a candidate of an ablation combines; otherwise empty.
    """

    name: str
    network_name: str
    network: Network
    recipe: Recipe
    values: Mapping[str, SearchValue]
    fits: tuple[Fit, ...]
    depends_on: tuple[str, ...] = ()
    combines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rung:
    """One rung of a search by screening or halving. A rung whose candidates are not known yet has only a size.

    Attributes:
        size: the scheduled size.
        evaluated: the names of its candidates.
        fits: the fits of its candidates, ``size.n_folds`` per candidate in the order of ``evaluated``.
        scores: the scores of its candidates; empty until all fits have records.
        promoted: the names of the candidates of the next rung; in the last rung, the winner.
    """

    size: RungSize
    evaluated: tuple[str, ...] = ()
    fits: tuple[Fit, ...] = ()
    scores: tuple[CandidateScore, ...] = ()
    promoted: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether the promoted candidates are known."""
        return bool(self.scores)


@dataclass(frozen=True)
class Stage:
    """One question of the study, with its candidates.

    Attributes:
        question: ``"search"``, ``"compare"``, ``"ablate"`` or ``"final"``. A nested search adds ``"inner"``, the
            search repeated on the training part of one outer fold, and ``"nested"``, the winners of the inner
            searches on their outer folds.
        name: the name of the search, comparison, ablation or network.
        candidates: the candidates that are known so far.
        pending: placeholders for the fits of later rungs or trials. While there are any, the stage makes no choice.
        rungs: the rungs of a search by screening or halving, first to last; otherwise empty.
        grid_epochs: the number of epochs of a search's full grid; ``None`` for other stages, and if the space has a
            range of decimal numbers.
        nested_search: the name of the nested search that an inner or nested stage belongs to; otherwise empty.
        looks: the results of the looks at validation scores, if the stage adds seeds until its pairs are decided.
        max_seeds: the largest number of seeds of such a stage; ``None`` for other stages.
    """

    question: str
    name: str
    candidates: tuple[Candidate, ...]
    pending: tuple[Fit, ...] = ()
    rungs: tuple[Rung, ...] = ()
    grid_epochs: int | None = None
    nested_search: str = ""
    looks: tuple[LookResult, ...] = ()
    max_seeds: int | None = None

    @property
    def key(self) -> str:
        """The unique key of the stage, such as ``"search.kernel-size"``."""
        return f"{self.question}.{self.name}"

    @property
    def chooses(self) -> bool:
        """Whether the stage chooses one of its candidates. Later stages may depend on this choice."""
        return self.question in ("search", "compare", "inner")

    @property
    def tested(self) -> bool:
        """Whether the models of this stage are evaluated on the test set, after all choices."""
        return self.question in ("compare", "ablate", "final")

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The keys of the stages whose missing choice at least one candidate depends on."""
        return tuple(dict.fromkeys(key for candidate in self.candidates for key in candidate.depends_on))

    @property
    def fits(self) -> tuple[Fit, ...]:
        """Every fit of its candidates once, including those of earlier rungs, without placeholders."""
        fits = [fit for rung in self.rungs for fit in rung.fits]
        fits += [fit for candidate in self.candidates for fit in candidate.fits]
        return _once(fits)

    @property
    def owners(self) -> dict[str, str]:
        """Fit id -> the name of the fit's candidate."""
        owners: dict[str, str] = {}
        for rung in self.rungs:
            # The fits of a rung are grouped by candidate, one per fold.
            for number, fit in enumerate(rung.fits):
                owners.setdefault(fit.id, rung.evaluated[number // rung.size.n_folds])
        for candidate in self.candidates:
            for fit in candidate.fits:
                owners.setdefault(fit.id, candidate.name)
        return owners

    @property
    def n_candidates(self) -> int:
        """The number of candidates, including candidates that are not drawn yet."""
        if self.rungs or self.max_seeds is not None:
            return len(self.candidates)
        return len(self.candidates) + len(self.pending) // len(self.candidates[0].fits)

    @property
    def finalists(self) -> frozenset[str]:
        """The names of the candidates that can be chosen: all, or those of the latest rung or look."""
        reached = [rung.evaluated for rung in self.rungs if rung.evaluated]
        reached += [look.evaluated for look in self.looks]
        return frozenset(reached[-1] if reached else (candidate.name for candidate in self.candidates))

    def eliminated_in(self, name: str) -> int | None:
        """Return the number (from 1) of the rung that eliminated a candidate; ``None`` if none did."""
        for number, rung in enumerate(self.rungs, start=1):
            if rung.decided and name in rung.evaluated and name not in rung.promoted:
                return number
        return None

    def candidate(self, name: str) -> Candidate:
        """Return the candidate with this name; raise ``KeyError`` if there is none."""
        return {candidate.name: candidate for candidate in self.candidates}[name]


@dataclass(frozen=True)
class Plan:
    """All fits that a study needs, in stages."""

    study: Study
    stages: tuple[Stage, ...]

    @property
    def dataset(self) -> Dataset:
        """The dataset of all fits."""
        return self.study.dataset

    @cached_property
    def fits(self) -> tuple[Fit, ...]:
        """Every fit once, in the order of the stages, including placeholders."""
        return _once(fit for stage in self.stages for fit in (*stage.fits, *stage.pending))

    @property
    def placeholders(self) -> frozenset[str]:
        """The ids of fits that are only placeholders: later rungs and trials may need other fits instead."""
        pending = {fit.id for stage in self.stages for fit in stage.pending}
        return frozenset(pending - {fit.id for stage in self.stages for fit in stage.fits} if pending else ())

    @cached_property
    def settled_fits(self) -> tuple[Fit, ...]:
        """The fits that can be trained now: no missing choice can change them."""
        fits: list[Fit] = []
        for stage in self.stages:
            if not stage.depends_on:
                fits += stage.fits
            else:
                # Of a stage with missing choices, candidates that do not depend on them can be trained.
                fits += [fit for c in stage.candidates if not c.depends_on for fit in c.fits]
        return _once(fits)

    @cached_property
    def tested_fits(self) -> tuple[Fit, ...]:
        """The settled fits whose models are evaluated on the test set."""
        candidates = [
            c for stage in self.stages if stage.tested for c in stage.candidates if not c.depends_on
        ]
        return _once(fit for candidate in candidates for fit in candidate.fits)

    def stage(self, key: str) -> Stage:
        """Return the stage with this key; raise ``KeyError`` if there is none."""
        return {stage.key: stage for stage in self.stages}[key]


def _once(fits: Iterable[Fit]) -> tuple[Fit, ...]:
    """Return the fits without repetitions, in the order of their first occurrence."""
    return tuple({fit.id: fit for fit in fits}.values())
