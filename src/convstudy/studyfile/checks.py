"""Whether the parts of a study go together: names that exist, values that can be, images enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from typing import Any

from pydantic import ValidationError

from convstudy.data.dataset import Dataset
from convstudy.data.splits import Holdout, split_sizes
from convstudy.errors import KeyPath, NetworkError
from convstudy.metrics import metric_named
from convstudy.networks import LAYERS
from convstudy.studyfile.draft import RESERVED, Draft
from convstudy.studyfile.duplicates import ListedValues, check_equal_variants
from convstudy.studyfile.file_error import shown
from convstudy.studyfile.messages import errors_of
from convstudy.studyfile.nesting import check_nested, most_folds
from convstudy.studyfile.pairs import pairs_of, undersized_pairs
from convstudy.studyfile.parameters import check_block, check_network
from convstudy.studyfile.part import Tried
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.recipe import COMBINED_KEYS, RECIPE_KEYS, Recipe
from convstudy.studyfile.study import BEST, METHODS_OF, Ablate, Search, Variant
from convstudy.studyfile.suppress import CHECK_NAMES

MOST_CANDIDATES = 10_000
"""How many combinations of values one search may try."""
MOST_SUGGESTIONS = 2_000
"""How many trials tpe may have: after a stop all are asked for again, and that takes ever longer."""


def check_parts(draft: Draft) -> None:
    """Add to the draft's mistakes whatever does not go together. Shapes are left to :mod:`.fitting`."""
    _check_data(draft)
    for name, block in draft.blocks.items():
        check_block(draft, name, block)
    for name, pattern in draft.networks.items():
        check_network(draft, name, pattern)
    for name, search in draft.searches.items():
        _check_search(draft, name, search)
    _check_searches_together(draft)
    check_nested(draft)
    for name, compare in draft.compares.items():
        _check_networks_named(draft, compare.networks, ("compare", name, "networks"))
    for name, ablate in draft.ablates.items():
        _check_base(draft, name, ablate.network)
        for variant_name, variant in ablate.variants.items():
            _check_variant(draft, ablate.network, variant, ("ablate", name, variant_name))
        check_equal_variants(draft, name, ablate)
        _check_pairs(draft, name, ablate)
    for name in draft.names.get("suppress", ()):
        if name not in CHECK_NAMES:
            draft.report_unknown("check", name, CHECK_NAMES, ("suppress", name))
    if not any(draft.names.get(kind) for kind in ("search", "compare", "ablate")):
        draft.report(
            (),
            "the study asks no question",
            expected="[search.NAME], [compare.NAME], [ablate.NAME]",
            hint='add one: [compare.networks] with networks = ["...", "..."]',
        )
    if not draft.names.get("network") and not _reported(draft, ("network",)):
        draft.report(
            (), "the study has no network", expected="[network.NAME]", hint="add one, with layers = [...]"
        )


def checked_values(key: str, values: tuple[Tried, ...] | Range) -> Sequence[Tried]:
    """Return the values of a key that are looked at before anything trains.

    Of a list these are all, of a range of whole numbers for a parameter too: one kernel fits, the next does not. The
    ends of a range stand for the rest where what is allowed is a range itself: in recipes, and for other numbers.
    """
    if not isinstance(values, Range):
        return values
    return values.integers if values.is_integer and key not in RECIPE_KEYS else values.ends


def n_combinations(search: Search) -> int:
    """Return how many combinations of values have to be looked at.

    A search that draws may come upon all of them, but only those of the network's parameters make other networks.
    """
    n_values = {key: len(checked_values(key, values)) for key, values in search.parameters.items()}
    if not search.draws:
        return math.prod(n_values.values())
    parts = [[n for key, n in n_values.items() if key not in RECIPE_KEYS]]
    parts += [[n for key, n in n_values.items() if key in COMBINED_KEYS]]
    return max(math.prod(part) for part in parts)


def compared_networks(draft: Draft) -> tuple[str, ...]:
    """Return the names of the networks that the comparisons name and that could be read."""
    names = (name for compare in draft.compares.values() for name in compare.networks)
    return tuple(name for name in dict.fromkeys(names) if name in draft.networks)


def bases(draft: Draft, network: str) -> tuple[str, ...]:
    """Return which networks an ablation may come to vary: the one it names, or all that may be the best."""
    if network == BEST:
        return compared_networks(draft)
    return (network,) if network in draft.networks else ()


def _reported(draft: Draft, path: KeyPath) -> bool:
    """Return whether there is a mistake at this path or below."""
    return any(error.path[: len(path)] == path for error in draft.errors)


def _check_data(draft: Draft) -> None:
    """Check the dataset, and that it has images enough for the subset, the validation part and the folds."""
    if draft.head is None:
        return
    dataset = draft.dataset
    if dataset is None or not _check_subset(draft, dataset, draft.subset, ("study", "subset")):
        return
    metric = metric_named(draft.head.metric)
    if dataset.n_classes < metric.least_classes:
        draft.report(
            ("study", "metric"),
            f"{metric.title} is the same for all models of fewer than {metric.least_classes} classes; {dataset.name} "
            f"has {dataset.n_classes}",
            metric.name,
            "another metric",
        )
    split = Holdout(draft.head.validation, 0, draft.subset)
    n_train, n_validation = split_sizes(dataset.n_train, split)
    if min(n_train, n_validation) < dataset.n_classes:
        draft.report(
            ("study", "validation"),
            f"{n_validation:,} of {n_train + n_validation:,} images would validate, too few of a part for "
            f"{dataset.n_classes} classes",
            f"{draft.head.validation}",
            f"a share that leaves {dataset.n_classes} images or more in each part",
        )
    for name, search in draft.searches.items():
        path: KeyPath = ("search", name)
        if not _check_subset(draft, dataset, search.subset, (*path, "subset")):
            continue
        n_images = search.subset_within(draft.subset) or dataset.n_train
        if n_images // dataset.n_classes < search.folds:
            draft.report(
                (*path, "folds"),
                f"{search.folds} folds need {search.folds} images of each class",
                f"{n_images:,} images of {dataset.n_classes} classes",
                most_folds(n_images, dataset.n_classes),
            )


def _check_subset(draft: Draft, dataset: Dataset, subset: int | None, path: KeyPath) -> bool:
    """Report a subset that the dataset cannot give; return whether it can."""
    if subset is None or dataset.n_classes <= subset <= dataset.n_train:
        return True
    draft.report(
        path,
        f"{dataset.name} has {dataset.n_train:,} training images of {dataset.n_classes} classes",
        f"{subset:,}",
        f"a whole number from {dataset.n_classes} to {dataset.n_train:,}",
    )
    return False


def _check_networks_named(draft: Draft, names: tuple[str, ...], path: KeyPath) -> None:
    """Report networks that do not exist or are named twice."""
    known = draft.names.get("network", ())
    for place, name in enumerate(names):
        if name not in known:
            draft.report_unknown("network", name, known, (*path, place))
        elif name in names[:place]:
            draft.report((*path, place), f'"{name}" is named twice', name, "each network once")


def _check_search(draft: Draft, name: str, search: Search) -> None:
    """Check what a search varies: keys that exist, values that can be, each once, not too many."""
    path: KeyPath = ("search", name)
    known = draft.names.get("network", ())
    if search.network not in known:
        draft.report_unknown("network", search.network, known, (*path, "network"))
    n_findings = len(draft.errors)
    _check_recipe(draft, draft.recipe, search.recipe, (*path, "recipe"))
    base = _varied(draft.recipe, search.recipe) if len(draft.errors) == n_findings else draft.recipe
    pattern = draft.networks.get(search.network)
    _check_method(draft, search, path)
    for key, values in search.parameters.items():
        at: KeyPath = (*path, "parameters", key)
        if pattern is not None and key not in pattern.parameters and key not in RECIPE_KEYS:
            noun = f'parameter of "{search.network}" or recipe key'
            draft.report_unknown(noun, key, (*pattern.parameters, *RECIPE_KEYS), at)
        if key in search.recipe:
            what = f"{key} is both varied and given under recipe; it can be only one of them"
            draft.report(at, what, key, "parameters or recipe")
        if values == ():
            draft.report(at, f"{key} has no value to try", "[]", "a list of values, such as [3, 5]")
        if n_combinations(search) > MOST_CANDIDATES:
            continue
        listed = ListedValues(key)
        for place, value in enumerate(checked_values(key, values)):
            if what := listed.repeats(value):
                draft.report((*at, place), what, shown(value), "each value once")
            elif key in RECIPE_KEYS:
                _check_recipe(draft, base, {key: value}, at, place)
            elif isinstance(value, bool):
                what = f"{key} is a parameter of a network and needs a number or a text"
                draft.report((*at, place), what, shown(value), "a number or a text")
    if n_combinations(search) > MOST_CANDIDATES:
        of = f" of parameters of {shown(search.network)}" if search.draws else ""
        got = f"{n_combinations(search):,} combinations{of}"
        draft.report(
            (*path, "parameters"), "the search would try too much", got, f"at most {MOST_CANDIDATES:,}"
        )
    elif len(draft.errors) == n_findings:
        _check_recipe_combinations(draft, search.network, search.recipe, (*path, "parameters"))


def _check_method(draft: Draft, search: Search, path: KeyPath) -> None:
    """Check that a search gives what its method uses and nothing else, and that its method is there."""
    for key, methods in METHODS_OF.items():
        if key in search.model_fields_set and search.method not in methods:
            what = f'{key} has no meaning for the method "{search.method}"'
            wanted = " or ".join(f'method = "{method}"' for method in methods)
            draft.report((*path, key), what, key, wanted, f"take it out, or set {wanted}")
    for key, values in search.parameters.items():
        if isinstance(values, Range) and not search.draws:
            what = f'the method "{search.method}" tries every value, and {key} has a range of them'
            wanted = "a list of values, such as [3, 5]"
            draft.report((*path, "parameters", key), what, shown(values.model_dump(exclude_defaults=True)), wanted,
                         'list the values, or set method = "random" or method = "tpe"')  # fmt: skip
    if search.method == "halving" and "epochs" in search.parameters:
        what = "halving itself decides how many epochs each candidate is worth, so epochs cannot be varied"
        draft.report(
            (*path, "parameters", "epochs"), what, "epochs", hint='method = "grid", "random" or "tpe"'
        )
    if search.method == "tpe" and search.trials > MOST_SUGGESTIONS:
        wanted = f"at most {MOST_SUGGESTIONS:,}"
        what, hint = 'the method "tpe" would take too long over so many trials', 'method = "random"'
        draft.report((*path, "trials"), what, f"{search.trials:,}", wanted, hint)
    if search.method == "tpe" and find_spec("optuna") is None:
        what = 'the method "tpe" needs the package optuna, which is not installed here'
        draft.report((*path, "method"), what, "tpe", hint="pip install optuna")


def _check_recipe_combinations(draft: Draft, network: str, changes: Mapping[str, Any], path: KeyPath) -> bool:
    """Report a combination of recipe values that cannot be, where each value alone can; return whether all can.

    What a search of the network finds holds for the questions that follow, so its values meet theirs.
    """
    varied = {
        key: checked_values(key, values)
        for search in draft.searches.values()
        if search.network == network
        for key, values in search.parameters.items()
        if key in COMBINED_KEYS and key not in changes
    }
    if math.prod(len(values) for values in varied.values()) > MOST_CANDIDATES:
        return True  # reported as a search that is too large
    for row in product(*varied.values()):
        if not _check_recipe(draft, draft.recipe, {**dict(zip(varied, row, strict=True)), **changes}, path):
            return False
    return True


def _check_recipe(
    draft: Draft, base: Recipe, changes: Mapping[str, Any], path: KeyPath, place: int | None = None
) -> bool:
    """Report changes that the recipe cannot take; return whether it can. ``place``: in a list of values."""
    try:
        base.varied(changes)
    except ValidationError as error:
        for found in errors_of(error, Recipe, {**base.model_dump(), **changes}, path):
            at = found.path if place is None else (*path, place)
            draft.report(at, found.what, found.got, found.expected, found.hint)
        return False
    return True


def _varied(base: Recipe, changes: Mapping[str, Any]) -> Recipe:
    return base.varied(changes) if changes else base


def _check_searches_together(draft: Draft) -> None:
    """Report a key of a network that two searches vary: there would be two winners."""
    owners: dict[tuple[str, str], str] = {}
    for name, search in draft.searches.items():
        for key in search.parameters:
            owner = owners.setdefault((search.network, key), name)
            if owner != name:
                draft.report(
                    ("search", name, "parameters", key),
                    f'[search.{owner}] varies {key} of "{search.network}" too: there would be two winners',
                    key,
                    "each key of a network in one search",
                )


def _check_base(draft: Draft, name: str, network: str) -> None:
    """Check which network an ablation varies."""
    path: KeyPath = ("ablate", name, "network")
    if network == BEST:
        n_comparisons = len(draft.names.get("compare", ()))
        if n_comparisons != 1:
            draft.report(
                path,
                f'"{BEST}" is the winner of the comparison, and there is not exactly one',
                f"{n_comparisons} [compare.NAME] sections",
                "1",
                "name a network, or add a comparison" if not n_comparisons else "name a network",
            )
    elif network not in draft.names.get("network", ()):
        known = tuple(dict.fromkeys((*draft.names.get("network", ()), BEST)))
        draft.report_unknown("network", network, known, path)


def _check_variant(draft: Draft, network: str, variant: Variant, path: KeyPath) -> None:
    """Check what a variant leaves out and changes."""
    if path[-1] in RESERVED:
        what = f'"{path[-1]}" has a meaning of its own in an ablation; a variant needs another name'
        draft.report(path, what, str(path[-1]))
    if not (variant.changes_network or variant.recipe):
        if not _reported(draft, path):
            draft.report(
                path, "this variant changes nothing", expected="without, activation, init or a recipe key"
            )
        return
    words_there = _layer_words(draft, bases(draft, network))
    for place, word in enumerate(variant.without):
        at: KeyPath = (*path, "without", place)
        if word not in LAYERS:
            draft.report_unknown("layer", word, tuple(LAYERS), at)
        elif word in variant.without[:place]:
            draft.report(at, f'"{word}" is named twice', word, "each layer once")
        elif words_there and word not in words_there:
            whose = "no compared network" if network == BEST else f'"{network}" does not'
            what = f"{whose} has a {word} layer" if network == BEST else f"{whose} have a {word} layer"
            draft.report(at, what, word, ", ".join(sorted(words_there)))
    if _check_recipe(draft, draft.recipe, variant.recipe, path):
        for base in bases(draft, network):
            if not _check_recipe_combinations(draft, base, variant.recipe, path):
                return


def _check_pairs(draft: Draft, name: str, ablate: Ablate) -> None:
    """Check that an ablation that asks for interactions has pairs, and that their recipes go together."""
    path: KeyPath = ("ablate", name, "interactions")
    pairs, apart = pairs_of(ablate), undersized_pairs(ablate)
    if ablate.interactions and not pairs and not _reported(draft, path[:2]):
        same = [f"{pair.first} and {pair.second} both change {pair.shared[0]}" for pair in apart[:1]]
        draft.report(
            path,
            "there are no two variants to train together",
            same[0] if same else "one variant",
            "two variants or more that do not change the same",
            "add one, or take interactions out",
        )
    for pair in pairs:
        alone = [(*path[:2], pair.first), (*path[:2], pair.second)]
        meets = all(set(variant.recipe) & set(COMBINED_KEYS) for variant in pair.variants)
        if not meets or any(_reported(draft, place) for place in alone):
            continue
        n_errors = len(draft.errors)
        for base in bases(draft, ablate.network):
            if not _check_recipe_combinations(draft, base, pair.together.recipe, path):
                break
        draft.errors[n_errors:] = [
            replace(found, path=path, what=f'"{pair.name}": {found.what}')
            for found in draft.errors[n_errors:]
        ]


def _layer_words(draft: Draft, names: tuple[str, ...]) -> frozenset[str]:
    """Return the first words of all layers of these networks; none where one of them cannot be read."""
    words: set[str] = set()
    for name in names:
        try:
            words.update(draft.networks[name].network().layer_types)
        except NetworkError:
            return frozenset()
    return frozenset(words)
