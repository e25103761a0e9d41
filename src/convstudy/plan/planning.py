"""Plan the stages of a study: searches, comparisons, ablations, a final training, and nested cross-validation.

Only a study without comparisons and ablations has a final training. It trains the networks with their chosen values on
all seeds.

The choice of a stage is its best candidate by validation scores. Later stages depend on earlier choices: the choice of
a search fixes parameters of its network, and the choice of a comparison is the network that ``"best"`` means. Before a
choice is made, a placeholder replaces it: the value that the network declares, or the first network of the comparison.
If a candidate uses a placeholder, its ``depends_on`` lists the stage whose choice is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from convstudy.data import Dataset, Fold, Split
from convstudy.networks import Network
from convstudy.plan.added_seeds import with_added_seeds
from convstudy.plan.fit import Fit
from convstudy.plan.nested import nested_stages
from convstudy.plan.searches import Make, search_stage
from convstudy.plan.stages import UNCHANGED, Candidate, Plan, Stage
from convstudy.record import Outcome
from convstudy.studyfile import Ablate, Compare, Recipe, Search, Study, Variant, pairs_of
from convstudy.studyfile.part import SearchValue
from convstudy.studyfile.study import BEST, candidate_name

NO_CHOICES: Mapping[str, str] = MappingProxyType({})
NO_RECORDS: Mapping[str, Outcome] = MappingProxyType({})


@lru_cache(maxsize=1)
def _searched(study: str, dataset: Dataset) -> dict[tuple[object, ...], dict[str, Candidate]]:
    """Return a cache of the candidates of this study's searches. Its keys are everything that a candidate depends on.

    A run plans again after each choice, and after every four trials of a TPE search. With the cache, each candidate and
    its fit ids are made once. Only the latest study is kept (``maxsize=1``), because a study may have 50,000 fits.
    """
    return {}


@dataclass
class _Settled:
    """The values that choices have fixed for one network, and the stages whose choice is still missing."""

    values: dict[str, SearchValue]
    depends_on: tuple[str, ...] = ()


class _Planner:
    """Makes the stages in order and passes the choices of each to the next."""

    def __init__(self, study: Study, choices: Mapping[str, str], records: Mapping[str, Outcome]) -> None:
        self.study = study
        self.choices = choices
        self.records = records
        self.searched = _searched(study.model_dump_json(exclude={"dataset"}), study.dataset)
        self.networks = {name: _Settled({}) for name in study.network}
        self.best: tuple[str, tuple[str, ...]] | None = None
        self.nested: list[Stage] = []

    def stages(self) -> tuple[Stage, ...]:
        stages = [self.search(name, search) for name, search in self.study.search.items()]
        stages += [self.compare(name, compare) for name, compare in self.study.compare.items()]
        stages += [self.ablate(name, ablate) for name, ablate in self.study.ablate.items()]
        if not self.study.compare and not self.study.ablate:
            searched = dict.fromkeys(search.network for search in self.study.search.values())
            threads = self.study.final_threads
            stages += [
                Stage("final", name, (self.candidate(name, name, threads=threads),)) for name in searched
            ]
        # Nested cross-validation is last, because no other stage depends on it.
        return (*stages, *self.nested)

    def added_seeds(self, stage: Stage) -> Stage:
        """Return a stage with the seeds that its looks ask for, if the study adds seeds; otherwise the stage itself."""
        if self.study.max_seeds is None:
            return stage
        return with_added_seeds(stage, self.study, self.records, self.choices)

    def search(self, name: str, search: Search) -> Stage:
        """Return the stage of a search; fix its chosen values in the network, and plan its nested cross-validation."""
        settled = self.networks[search.network]
        subset = search.subset_within(self.study.subset)

        def make_on(splits: Sequence[Fold]) -> Make:
            made = self.searched.setdefault((name, tuple(splits), repr(settled)), {})

            def candidate(values: Mapping[str, SearchValue]) -> Candidate:
                text = repr(values)  # as dict keys, 1 and 1.0 would be equal
                if text not in made:
                    made[text] = new_candidate(values)
                return made[text]

            def new_candidate(values: Mapping[str, SearchValue]) -> Candidate:
                # Earlier searches of this network have fixed some values; values of this search take precedence.
                merged = {**settled.values, **values}
                network, recipe = self.trained_as(search.network, merged, search.recipe)
                fits = tuple(self.fit(network, recipe, split, split.index) for split in splits)
                text = candidate_name(values)
                return Candidate(text, search.network, network, recipe, merged, fits, settled.depends_on)

            return candidate

        folds = [Fold(index, search.folds, 0, subset) for index in range(search.folds)]
        stage = search_stage(name, search, make_on(folds), self.records)
        if search.nested:
            n_outer = search.outer_folds or search.folds
            outer = [Fold(index, n_outer, 0, subset) for index in range(n_outer)]
            self.nested += nested_stages(name, search, outer, make_on, self.choices, self.records)
        chosen = {each.name: each for each in stage.candidates}.get(self.choices.get(stage.key, ""))
        if chosen is not None:
            settled.values = dict(chosen.values)
        else:
            settled.depends_on = (*settled.depends_on, stage.key)
        return stage

    def compare(self, name: str, compare: Compare) -> Stage:
        """Return the stage of a comparison. ``"best"`` becomes its choice; until then, its first network."""
        stage = Stage(
            "compare", name, tuple(self.candidate(network, network) for network in compare.networks)
        )
        stage = self.added_seeds(stage)
        chosen = self.choices.get(stage.key)
        if chosen in compare.networks:
            self.best = (chosen, ())
        else:
            self.best = (compare.networks[0], (*stage.depends_on, stage.key))
        return stage

    def ablate(self, name: str, ablate: Ablate) -> Stage:
        """Return the stage of an ablation: the unchanged network, each variant, and pairs if the study asks."""
        base: str = ablate.network
        depends_on: tuple[str, ...] = ()
        if base == BEST:
            if self.best is None:
                # check_study refuses such a study.
                raise LookupError("an ablation of the best network needs a comparison")
            base, depends_on = self.best
        candidates = [self.candidate(UNCHANGED, base, depends_on=depends_on)]
        changes: list[tuple[str, Variant, tuple[str, ...]]]
        changes = [(each, variant, ()) for each, variant in ablate.variants.items()]
        changes += [(pair.name, pair.together, (pair.first, pair.second)) for pair in pairs_of(ablate)]
        for each, variant, combines in changes:
            network, recipe = self.trained_as(base, self.networks[base].values, variant.recipe)
            varied = self.candidate(each, base, variant.network(network), recipe, depends_on=depends_on)
            candidates.append(replace(varied, combines=combines))
        return self.added_seeds(Stage("ablate", name, tuple(candidates)))

    def trained_as(
        self, name: str, values: Mapping[str, SearchValue], changes: Mapping[str, Any]
    ) -> tuple[Network, Recipe]:
        """Return network and recipe with these values; a value is a parameter of the network or a recipe key."""
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
        depends_on: tuple[str, ...] = (),
        threads: int | None = None,
    ) -> Candidate:
        """Return a candidate with one fit per seed of the study, each with the study's number of threads or another.

        If the study adds seeds, the candidate has a fit for each seed up to the maximum.
        """
        settled = self.networks[base]
        if network is None or recipe is None:
            network, recipe = self.trained_as(base, settled.values, {})
        fits = tuple(
            self.fit(network, recipe, self.study.holdout(seed), seed, threads)
            for seed in range(self.study.max_seeds or self.study.seeds)
        )
        every = tuple(dict.fromkeys((*settled.depends_on, *depends_on)))
        return Candidate(name, base, network, recipe, settled.values, fits, every)

    def fit(
        self, network: Network, recipe: Recipe, split: Split, seed: int, threads: int | None = None
    ) -> Fit:
        """Return a fit with the study's dataset and metric, and its number of threads unless another is given."""
        threads = threads or self.study.threads
        return Fit(self.study.dataset, network, recipe, split, seed, threads, metric=self.study.metric)


def make_plan(
    study: Study,
    choices: Mapping[str, str] = NO_CHOICES,
    records: Mapping[str, Outcome] = NO_RECORDS,
) -> Plan:
    """Return the plan of a study.

    Args:
        study: a study that has passed :func:`convstudy.studyfile.check_study`.
        choices: stage key -> name of the chosen candidate, for the choices made so far. Stored numbers of seeds are
            among them (:func:`convstudy.plan.added_seeds.counts_key`).
        records: fit id -> record, for the fits that have ended. They determine the next rungs and trials of searches,
            and the seeds that are added.
    """
    return Plan(study, _Planner(study, choices, records).stages())
