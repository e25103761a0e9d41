"""Check the sections of a study against each other: names and values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from typing import Any

from pydantic import ValidationError

from convstudy.errors import KeyPath, NetworkError, one_of
from convstudy.networks import LAYERS
from convstudy.studyfile.ablate import Ablate, Variant
from convstudy.studyfile.added_seeds import check_added_seeds
from convstudy.studyfile.data_checks import check_data
from convstudy.studyfile.draft import RESERVED, Draft
from convstudy.studyfile.duplicates import ListedValues, check_equal_variants
from convstudy.studyfile.file_error import shown
from convstudy.studyfile.margin_checks import check_margins
from convstudy.studyfile.messages import errors_of
from convstudy.studyfile.nesting import check_nested
from convstudy.studyfile.pairs import conflicting_pairs, pairs_of
from convstudy.studyfile.parameters import check_block, check_network
from convstudy.studyfile.part import SearchValue
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.recipe import COMBINED_KEYS, RECIPE_KEYS, Recipe
from convstudy.studyfile.resampling import check_resampling
from convstudy.studyfile.study import BEST, METHODS_OF, RUNG_METHODS, Search
from convstudy.studyfile.suppress import CHECK_NAMES
from convstudy.studyfile.weighted_classes import check_weighted_classes

MAX_CANDIDATES = 10_000
"""The maximum number of combinations of values of one search."""
MAX_TPE_TRIALS = 2_000
"""The maximum number of trials of TPE. A resumed search replays all trials, which takes long if there are many."""


def check_parts(draft: Draft) -> None:
    """Add an error to the draft for each section that does not fit the others. :mod:`.fitting` checks shapes."""
    check_data(draft)
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
    check_weighted_classes(draft)
    check_resampling(draft)
    check_margins(draft)
    if draft.head is not None and draft.head.final_threads is not None and (draft.compares or draft.ablates):
        what = "final_threads has no effect: a study with a comparison or an ablation has no final training"
        draft.report(("study", "final_threads"), what, hint="remove it, or set threads")
    check_added_seeds(draft)
    for name in draft.names.get("suppress", ()):
        if name not in CHECK_NAMES:
            draft.report_unknown("check", name, CHECK_NAMES, ("suppress", name))
    if not any(
        draft.names.get(kind) or _reported(draft, (kind,)) for kind in ("search", "compare", "ablate")
    ):
        draft.report(
            (),
            "there is no [search.NAME], [compare.NAME] or [ablate.NAME] section",
            hint='add one, such as [compare.networks] with networks = ["...", "..."]',
        )
    if not draft.names.get("network") and not _reported(draft, ("network",)):
        draft.report((), "there is no [network.NAME] section", hint="add one, with layers = [...]")


def checked_values(key: str, values: tuple[SearchValue, ...] | Range) -> Sequence[SearchValue]:
    """Return the values of a key that are checked before training.

    These are all values of a list, and all integers of a range of a network parameter, because a kernel size can fit
    when the next one does not. The allowed values of recipe keys and of other numbers are intervals, so the two ends
    of a range are enough.
    """
    if not isinstance(values, Range):
        return values
    return values.integers if values.is_integer and key not in RECIPE_KEYS else values.ends


def n_combinations(search: Search) -> int:
    """Return the number of combinations of values that are checked.

    A random or TPE search can draw any combination. But only the parameters of the network change its shapes, and only
    some recipe keys depend on each other, so these two groups are checked separately.
    """
    n_values = {key: len(checked_values(key, values)) for key, values in search.parameters.items()}
    if not search.draws:
        return math.prod(n_values.values())
    parts = [[n for key, n in n_values.items() if key not in RECIPE_KEYS]]
    parts += [[n for key, n in n_values.items() if key in COMBINED_KEYS]]
    return max(math.prod(part) for part in parts)


def compared_networks(draft: Draft) -> tuple[str, ...]:
    """Return the names of the compared networks that could be read."""
    names = (name for compare in draft.compares.values() for name in compare.networks)
    return tuple(name for name in dict.fromkeys(names) if name in draft.networks)


def bases(draft: Draft, network: str) -> tuple[str, ...]:
    """Return the networks that an ablation can modify: the named one, or for "best" all compared networks."""
    if network == BEST:
        return compared_networks(draft)
    return (network,) if network in draft.networks else ()


def _reported(draft: Draft, path: KeyPath) -> bool:
    """Return whether there is an error at or below this path."""
    return any(error.path[: len(path)] == path for error in draft.errors)


def _check_networks_named(draft: Draft, names: tuple[str, ...], path: KeyPath) -> None:
    """Report networks that do not exist or are listed twice."""
    known = draft.names.get("network", ())
    for place, name in enumerate(names):
        if known and name not in known:  # without any network, the missing section is reported
            draft.report_unknown("network", name, known, (*path, place))
        elif name in names[:place]:
            draft.report((*path, place), "a network is listed twice", shown(name))


def _check_search(draft: Draft, name: str, search: Search) -> None:
    """Check the keys and values of a search: unknown keys, invalid or repeated values, too many combinations."""
    path: KeyPath = ("search", name)
    known = draft.names.get("network", ())
    if known and search.network not in known:
        draft.report_unknown("network", search.network, known, (*path, "network"))
    n_errors = len(draft.errors)
    _check_recipe(draft, draft.recipe, search.recipe, (*path, "recipe"))
    base = draft.recipe.varied(search.recipe) if len(draft.errors) == n_errors else draft.recipe
    pattern = draft.networks.get(search.network)
    _check_method(draft, search, path)
    for key, values in search.parameters.items():
        at: KeyPath = (*path, "parameters", key)
        if pattern is not None and key not in pattern.parameters and key not in RECIPE_KEYS:
            noun = f'recipe key or parameter of "{search.network}"'
            draft.report_unknown(noun, key, (*pattern.parameters, *RECIPE_KEYS), at)
        if key in search.recipe:
            draft.report(at, "a key can be under parameters or under recipe, not both", key)
        if values == ():
            draft.report(at, "", "[]", "a list of values, such as [3, 5]")
        if n_combinations(search) > MAX_CANDIDATES:
            continue
        listed = ListedValues(key)  # reports a repeated value, which would be trained and counted twice
        for place, value in enumerate(checked_values(key, values)):
            if what := listed.repeats(value):
                draft.report((*at, place), what, shown(value))
            elif key in RECIPE_KEYS:
                _check_recipe(draft, base, {key: value}, at, place)
            elif isinstance(value, bool):
                draft.report((*at, place), "", shown(value), "a number or a string")
    if n_combinations(search) > MAX_CANDIDATES:
        of = f" of parameters of {shown(search.network)}" if search.draws else ""
        got, expected = f"{n_combinations(search):,}", f"at most {MAX_CANDIDATES:,}"
        draft.report((*path, "parameters"), f"there are too many combinations{of}", got, expected)
    elif len(draft.errors) == n_errors:
        _check_recipe_combinations(draft, search.network, search.recipe, (*path, "parameters"))


def _check_method(draft: Draft, search: Search, path: KeyPath) -> None:
    """Check that the method of a search is installed and uses each of its keys."""
    for key, methods in METHODS_OF.items():
        if key in search.model_fields_set and search.method not in methods:
            wanted = " or ".join(f'method = "{method}"' for method in methods)
            what, hint = f'method "{search.method}" does not use {key}', f"remove the key, or set {wanted}"
            draft.report((*path, key), what, key, hint=hint)
    for key, values in search.parameters.items():
        if isinstance(values, Range) and not search.draws:
            got, expected = (
                shown(values.model_dump(exclude_defaults=True)),
                "a list of values, such as [3, 5]",
            )
            hint = 'ranges need method = "random" or method = "tpe"'
            draft.report((*path, "parameters", key), "", got, expected, hint)
    if search.method in RUNG_METHODS and "epochs" in search.parameters:
        what = f'method "{search.method}" sets the epochs itself'
        hint = 'use method = "grid", "random" or "tpe"'
        draft.report((*path, "parameters", "epochs"), what, "epochs", hint=hint)
    if search.method == "tpe" and search.trials > MAX_TPE_TRIALS:
        expected, hint = f'at most {MAX_TPE_TRIALS} for method "tpe"', 'use method = "random"'
        draft.report((*path, "trials"), "", f"{search.trials}", expected, hint)
    if search.method == "tpe" and find_spec("optuna") is None:
        what = 'method "tpe" needs the package optuna, which is not installed'
        draft.report((*path, "method"), what, "tpe", hint="pip install optuna")


def _check_recipe_combinations(draft: Draft, network: str, changes: Mapping[str, Any], path: KeyPath) -> bool:
    """Report an invalid combination of valid recipe values; return whether all combinations are valid.

    The values that a search of the network chooses are combined with the changes of later stages.
    """
    # Only COMBINED_KEYS depend on each other, so that few combinations are checked.
    varied = {
        key: checked_values(key, values)
        for name, search in draft.searches.items()
        if search.network == network
        for key, values in search.parameters.items()
        if key in COMBINED_KEYS
        and key not in changes
        and not _reported(draft, ("search", name, "parameters", key))
    }
    if math.prod(len(values) for values in varied.values()) > MAX_CANDIDATES:
        return True  # reported as a search that is too large
    for row in product(*varied.values()):
        if not _check_recipe(draft, draft.recipe, {**dict(zip(varied, row, strict=True)), **changes}, path):
            return False
    return True


def _check_recipe(
    draft: Draft, base: Recipe, changes: Mapping[str, Any], path: KeyPath, place: int | None = None
) -> bool:
    """Report invalid changes of a recipe; return whether they are valid. ``place`` is the index in a list of values."""
    try:
        base.varied(changes)
    except ValidationError as error:
        for found in errors_of(error, Recipe, {**base.model_dump(), **changes}, path):
            at = found.path if place is None else (*path, place)
            draft.report(at, found.what, found.got, found.expected, found.hint)
        return False
    return True


def _check_searches_together(draft: Draft) -> None:
    """Report a key of a network that two searches vary, because it would have two chosen values."""
    owners: dict[tuple[str, str], str] = {}
    for name, search in draft.searches.items():
        for key in search.parameters:
            owner = owners.setdefault((search.network, key), name)
            if owner != name:
                draft.report(
                    ("search", name, "parameters", key),
                    f'[search.{owner}] also searches {key} of "{search.network}"; only one search can choose its value',
                    key,
                )


def _check_base(draft: Draft, name: str, network: str) -> None:
    """Check the network of an ablation."""
    path: KeyPath = ("ablate", name, "network")
    if network == BEST:
        n_comparisons = len(draft.names.get("compare", ()))
        if n_comparisons != 1:
            draft.report(
                path,
                f'"{BEST}" needs exactly one [compare.NAME] section',
                f"{n_comparisons}",
                hint="name a network" if n_comparisons else "name a network, or add a comparison",
            )
    elif (names := draft.names.get("network", ())) and network not in names:
        known = tuple(dict.fromkeys((*names, BEST)))
        draft.report_unknown("network", network, known, path)


def _check_variant(draft: Draft, network: str, variant: Variant, path: KeyPath) -> None:
    """Check the name and the changes of a variant."""
    if path[-1] in RESERVED:
        what = f'"{path[-1]}" is a key of an ablation; rename the variant'
        draft.report(path, what, str(path[-1]))
    if not (variant.changes_network or variant.recipe):
        if not _reported(draft, path):
            hint = 'set "without", "activation", "init" or a recipe key'
            draft.report(path, "the variant changes nothing", hint=hint)
        return
    layer_types = _layer_types(draft, bases(draft, network))
    for place, word in enumerate(variant.without):
        at: KeyPath = (*path, "without", place)
        if word not in LAYERS:
            draft.report_unknown("layer", word, tuple(LAYERS), at)
        elif word in variant.without[:place]:
            draft.report(at, "a layer type is listed twice", shown(word))
        elif layer_types and word not in layer_types:
            owner = "no compared network has a" if network == BEST else f'"{network}" has no'
            what = f'{owner} "{word}" layer'
            draft.report(at, what, word, one_of(sorted(layer_types)))
    if _check_recipe(draft, draft.recipe, variant.recipe, path):
        for base in bases(draft, network):
            if not _check_recipe_combinations(draft, base, variant.recipe, path):
                return


def _check_pairs(draft: Draft, name: str, ablate: Ablate) -> None:
    """Check that an ablation with interactions has pairs, and that the recipes of each pair can be combined."""
    path: KeyPath = ("ablate", name, "interactions")
    pairs, conflicting = pairs_of(ablate), conflicting_pairs(ablate)
    if ablate.interactions and not pairs and not _reported(draft, path[:2]):
        same = [f"{pair.first} and {pair.second} both change {pair.shared[0]}" for pair in conflicting[:1]]
        draft.report(
            path,
            "interactions need two variants whose changes can be combined in one network",
            same[0] if same else "one variant",
            hint="add a variant, or remove interactions",
        )
    for pair in pairs:
        variant_paths = [(*path[:2], pair.first), (*path[:2], pair.second)]
        # Two recipes can conflict only if both set one of these keys.
        can_conflict = all(set(variant.recipe) & set(COMBINED_KEYS) for variant in pair.variants)
        if not can_conflict or any(_reported(draft, variant_path) for variant_path in variant_paths):
            continue
        n_errors = len(draft.errors)
        for base in bases(draft, ablate.network):
            if not _check_recipe_combinations(draft, base, pair.together.recipe, path):
                break
        draft.errors[n_errors:] = [
            replace(
                found,
                path=path,
                what=f'"{pair.name}": {found.path[-1]} must be {found.expected}',
                expected="",
            )
            for found in draft.errors[n_errors:]
        ]


def _layer_types(draft: Draft, names: tuple[str, ...]) -> frozenset[str]:
    """Return the layer types of these networks; none if one of them cannot be read."""
    types: set[str] = set()
    for name in names:
        try:
            types.update(draft.networks[name].network().layer_types)
        except NetworkError:
            return frozenset()
    return frozenset(types)
