"""Check that each table of ``class_weights`` names the classes of the dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from convstudy.errors import KeyPath, nearest, one_of
from convstudy.studyfile.draft import Draft
from convstudy.studyfile.file_error import shown

KEY = "class_weights"
MAX_SHOWN = 5
"""The maximum number of unknown or missing classes of one table that are reported."""
MAX_LISTED = 20
"""The maximum number of classes that an error about an unknown class lists."""


def check_weighted_classes(draft: Draft) -> None:
    """Add an error for each name of a table that is not a class, and for each table that lacks a class."""
    if draft.dataset is None:
        return
    names = draft.dataset.class_names
    known = frozenset(names)
    for path, table in _tables(draft):
        if any(error.path[: len(path)] == path for error in draft.errors):
            continue
        # Only some unknown names are reported: each is compared with the names of all classes, to suggest one.
        for name in [name for name in table if name not in known][:MAX_SHOWN]:
            expected = one_of(names) if len(names) <= MAX_LISTED else f"one of the {len(names):,} classes"
            draft.report((*path, name), "unknown class", shown(name), expected, nearest(name, names))
        missing = [name for name in names if name not in table]
        if missing and (len(missing) < len(names) or not table):
            listed = ", ".join(shown(name) for name in missing[:MAX_SHOWN])
            more = f" and {len(missing) - MAX_SHOWN:,} more" if len(missing) > MAX_SHOWN else ""
            draft.report(path, f"each class must have a weight; there is none for {listed}{more}")


def _tables(draft: Draft) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """Yield the tables of class weights of the recipe, of searches and of variants, with their paths."""
    own = draft.recipe.class_weights
    if not isinstance(own, str):
        yield ("recipe", KEY), dict(own)
    changes = [(("search", name, "recipe"), search.recipe) for name, search in draft.searches.items()]
    changes += [
        (("ablate", name, key), variant.recipe)
        for name, ablate in draft.ablates.items()
        for key, variant in ablate.variants.items()
    ]
    for path, recipe in changes:
        table = recipe.get(KEY)
        if isinstance(table, Mapping):
            yield (*path, KEY), table
