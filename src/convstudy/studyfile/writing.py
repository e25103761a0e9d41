"""Convert a Study to the document of a study file."""

from __future__ import annotations

from typing import Any

from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import Dataset
from convstudy.metrics import ACCURACY
from convstudy.studyfile.ablate import Variant
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.recipe import NEWER_KEYS, NONE, Recipe
from convstudy.studyfile.study import METHODS_OF, Head, Search, Study


def study_document(study: Study) -> dict[str, Any]:
    """Return the study as the document of a study file. :func:`convstudy.studyfile.study_of` reads it back.

    JSON and TOML can hold all values. Defaults are included, so that the document keeps its meaning if a later version
    changes them. Only ``metric``, ``equivalence_margin``, ``max_seeds``, ``interactions`` and newer recipe keys are
    left out at their defaults, because runs of versions without these keys must keep their ids.

    >>> from convstudy.studyfile import load_study
    >>> study_document(load_study("digits"))["study"]["dataset"]
    'digits'
    """
    head = set(Head.model_fields) - ({"metric"} if study.metric == ACCURACY else set())
    if study.max_seeds is not None:
        head.remove("seeds")  # it has no effect
    written = _plain(study.model_dump(include=head, exclude={"dataset"}, exclude_none=True))
    name, table = _dataset_document(study.dataset)
    document: dict[str, Any] = {
        "study": {"name": study.name, **({"dataset": name} if name else {}), **written},
        "dataset": table,
        "recipe": _plain(_recipe_document(study.recipe)),
        "block": {
            name: {**_plain(block.parameters), "layers": _plain(block.layers)}
            for name, block in study.block.items()
        },
        "network": {
            name: {**_plain(pattern.parameters), "init": pattern.init, "layers": _plain(pattern.layers)}
            for name, pattern in study.network.items()
        },
        "search": {name: _search_document(search) for name, search in study.search.items()},
        "compare": {name: _plain(compare.model_dump()) for name, compare in study.compare.items()},
        "ablate": {
            name: {
                "network": ablate.network,
                **({"interactions": True} if ablate.interactions else {}),
                **{key: _variant_document(variant) for key, variant in ablate.variants.items()},
            }
            for name, ablate in study.ablate.items()
        },
        "suppress": dict(study.suppress),
    }
    return {section: tables for section, tables in document.items() if tables}


def _dataset_document(dataset: Dataset) -> tuple[str, dict[str, Any]]:
    """Return the name of a built-in dataset, or an empty string and the ``[dataset]`` table of another one.

    The table of arrays in memory has no path and cannot be read back.
    """
    if BUILT_IN_DATASETS.get(dataset.name) == dataset:
        return dataset.name, {}
    numbers = tuple(str(number) for number in range(dataset.n_classes))
    names = {} if dataset.class_names == numbers else {"classes": list(dataset.class_names)}
    return "", {**dataset.source.keys, "name": dataset.name, **names, "digest": dataset.digest}


def _recipe_document(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe in which None is "none", or is left out if it is the default, as are newer keys."""
    fields = Recipe.model_fields
    return {
        key: NONE if value is None else value
        for key, value in recipe.model_dump().items()
        if value != fields[key].default or not (value is None or key in NEWER_KEYS)
    }


def _search_document(search: Search) -> dict[str, Any]:
    """Return a search without unused keys. A grid has no ``method``, as before other methods existed."""
    unused = {key for key, methods in METHODS_OF.items() if search.method not in methods}
    if search.method == "grid":
        unused.add("method")
    if not search.nested:
        unused |= {"nested", "outer_folds"}
    document = _plain(search.model_dump(exclude=unused | {"parameters"}, exclude_none=True))
    parameters = {
        key: values.model_dump(exclude_defaults=True) if isinstance(values, Range) else _plain(values)
        for key, values in search.parameters.items()
    }
    return {"network": document.pop("network"), "parameters": parameters, **document}


def _variant_document(variant: Variant) -> dict[str, Any]:
    """Return a variant with its recipe keys next to the others, without defaults."""
    own = variant.model_dump(exclude={"recipe"}, exclude_none=True, exclude_defaults=True)
    return {**_plain(own), **_plain(variant.recipe)}


def _plain(value: Any) -> Any:
    """Return a value with lists for tuples."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
