"""A study to stages: search, compare, ablate (or, where a study only searches, a final training of the winner).

A stage's choice feeds the next: a search settles parameters of its network, a comparison settles what ``"best"`` is.
Before a choice is made its stage's default stands in (the parameter as declared, the first network compared), and the
candidates that hang on it say so in ``waits_for``.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from convstudy.data import Fold, Holdout, Split, dataset_info
from convstudy.networks import Network
from convstudy.plan.fit import Fit
from convstudy.spec import Ablate, Compare, Recipe, Search, Study
from convstudy.spec.study import BEST, Tried

UNCHANGED = "as it is"


@dataclass(frozen=True)
class Candidate:
    """One of the things that a stage puts side by side.

    ``waits_for`` names the stages whose choice could still change it; while there are any, its fits stand in for
    those to come.
    """

    name: str
    network_name: str
    network: Network
    recipe: Recipe
    values: Mapping[str, Tried]
    fits: tuple[Fit, ...]
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A question of the study: ``question`` is ``"search"``, ``"compare"``, ``"ablate"`` or ``"final"``."""

    question: str
    name: str
    candidates: tuple[Candidate, ...]

    @property
    def key(self) -> str:
        """How the stage is called everywhere: ``"search.kernel-size"``."""
        return f"{self.question}.{self.name}"

    @property
    def chooses(self) -> bool:
        """Whether one of its candidates is chosen, for the stages that follow."""
        return self.question in ("search", "compare")

    @property
    def tested(self) -> bool:
        """Whether the models of this stage are scored on the sealed test set, after all choices."""
        return self.question != "search"

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The stages whose choice at least one candidate waits for."""
        return tuple(dict.fromkeys(key for candidate in self.candidates for key in candidate.waits_for))

    def candidate(self, name: str) -> Candidate:
        """Return the candidate of this name; raise ``KeyError`` where there is none."""
        return {candidate.name: candidate for candidate in self.candidates}[name]


@dataclass(frozen=True)
class Plan:
    """All fits that a study needs, in stages."""

    study: Study
    stages: tuple[Stage, ...]

    @cached_property
    def fits(self) -> tuple[Fit, ...]:
        """Every fit once, in the order of the stages (an ablation's base is the comparison's)."""
        return tuple(
            {fit.id: fit for stage in self.stages for c in stage.candidates for fit in c.fits}.values()
        )

    @cached_property
    def settled_fits(self) -> tuple[Fit, ...]:
        """The fits that no open choice can change any more."""
        candidates = [c for stage in self.stages for c in stage.candidates if not c.waits_for]
        return tuple({fit.id: fit for candidate in candidates for fit in candidate.fits}.values())

    @cached_property
    def tested_fits(self) -> tuple[Fit, ...]:
        """The settled fits whose models are scored on the sealed test set."""
        candidates = [c for stage in self.stages if stage.tested for c in stage.candidates if not c.waits_for]
        return tuple({fit.id: fit for candidate in candidates for fit in candidate.fits}.values())

    def stage(self, key: str) -> Stage:
        """Return the stage of this key; raise ``KeyError`` where there is none."""
        return {stage.key: stage for stage in self.stages}[key]


# A plan is made anew after each choice, mostly of the same fits; they are values, so that one may stand for all, and
# its id is worked out once.
_fit = lru_cache(maxsize=20_000)(Fit)


@dataclass
class _Settled:
    """What the choices so far say of one network."""

    values: dict[str, Tried]
    waits_for: tuple[str, ...] = ()


class _Planner:
    """Walks through a study's questions, carrying choices from one to the next."""

    def __init__(self, study: Study, choices: Mapping[str, str]) -> None:
        self.study = study
        self.choices = choices
        self.digest = dataset_info(study.dataset).digest
        self.networks = {name: _Settled({}) for name in study.network}
        self.best: tuple[str, tuple[str, ...]] | None = None

    def stages(self) -> tuple[Stage, ...]:
        stages = [self.search(name, search) for name, search in self.study.search.items()]
        stages += [self.compare(name, compare) for name, compare in self.study.compare.items()]
        stages += [self.ablate(name, ablate) for name, ablate in self.study.ablate.items()]
        if not self.study.compare and not self.study.ablate:
            searched = dict.fromkeys(search.network for search in self.study.search.values())
            stages += [Stage("final", name, (self.candidate(name, name),)) for name in searched]
        return tuple(stages)

    def search(self, name: str, search: Search) -> Stage:
        settled = self.networks[search.network]
        splits: list[Split] = [
            Fold(index, search.folds, 0, search.subset_within(self.study.subset))
            for index in range(search.folds)
        ]
        candidates: dict[str, Candidate] = {}
        for values in _grid(search.vary):
            text = ", ".join(f"{key}={value}" for key, value in values.items())
            merged = {**settled.values, **values}
            network, recipe = self.trained_as(search.network, merged, search.recipe)
            fits = tuple(
                self.fit(network, recipe, split, split_number) for split_number, split in enumerate(splits)
            )
            candidates[text] = Candidate(
                text, search.network, network, recipe, merged, fits, settled.waits_for
            )
        stage = Stage("search", name, tuple(candidates.values()))
        chosen = self.choices.get(stage.key)
        if chosen in candidates:
            settled.values = dict(candidates[chosen].values)
        else:
            settled.waits_for = (*settled.waits_for, stage.key)
        return stage

    def compare(self, name: str, compare: Compare) -> Stage:
        stage = Stage(
            "compare", name, tuple(self.candidate(network, network) for network in compare.networks)
        )
        chosen = self.choices.get(stage.key)
        if chosen in compare.networks:
            self.best = (chosen, ())
        else:
            self.best = (compare.networks[0], (*stage.waits_for, stage.key))
        return stage

    def ablate(self, name: str, ablate: Ablate) -> Stage:
        base: str = ablate.network
        waits_for: tuple[str, ...] = ()
        if base == BEST:
            if self.best is None:
                raise LookupError("a study with an ablation of the best has a comparison")  # spec/ checks it
            base, waits_for = self.best
        candidates = [self.candidate(UNCHANGED, base, waits_for=waits_for)]
        for variant_name, variant in ablate.variants.items():
            network, recipe = self.trained_as(base, self.networks[base].values, variant.recipe)
            candidates.append(
                self.candidate(variant_name, base, variant.network(network), recipe, waits_for=waits_for)
            )
        return Stage("ablate", name, tuple(candidates))

    def trained_as(
        self, name: str, values: Mapping[str, Tried], changes: Mapping[str, Any]
    ) -> tuple[Network, Recipe]:
        """Return network and recipe with these values, which may be parameters of the network or recipe keys."""
        pattern = self.study.network[name]
        parameters = {key: value for key, value in values.items() if key in pattern.parameters}
        recipe_values = {key: value for key, value in values.items() if key not in pattern.parameters}
        return pattern.network(**parameters), self.study.recipe.varied({**recipe_values, **changes})

    def candidate(
        self,
        name: str,
        base: str,
        network: Network | None = None,
        recipe: Recipe | None = None,
        waits_for: tuple[str, ...] = (),
    ) -> Candidate:
        """Return a candidate trained over the study's seeds."""
        settled = self.networks[base]
        if network is None or recipe is None:
            network, recipe = self.trained_as(base, settled.values, {})
        fits = tuple(
            self.fit(network, recipe, Holdout(self.study.validation, seed, self.study.subset), seed)
            for seed in range(self.study.seeds)
        )
        every = tuple(dict.fromkeys((*settled.waits_for, *waits_for)))
        return Candidate(name, base, network, recipe, settled.values, fits, every)

    def fit(self, network: Network, recipe: Recipe, split: Split, seed: int) -> Fit:
        return _fit(self.study.dataset, self.digest, network, recipe, split, seed, self.study.threads)


def make_plan(study: Study, choices: Mapping[str, str] | None = None) -> Plan:
    """Return the plan of a checked study.

    Args:
        study: a study that :func:`convstudy.spec.check_study` has passed.
        choices: stage key -> name of the chosen candidate, for the choices made so far.
    """
    return Plan(study, _Planner(study, choices or {}).stages())


def _grid(vary: Mapping[str, tuple[Tried, ...]]) -> list[dict[str, Tried]]:
    """Return every combination of values, the last key changing fastest."""
    return [dict(zip(vary, values, strict=True)) for values in itertools.product(*vary.values())]
