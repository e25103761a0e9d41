"""The JSON Schema of a study file, with which editors complete and check TOML.

It is generated from the pydantic models. It cannot express errors that depend on several values, such as the name of
an unknown network; ``load_study`` reports these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from convstudy.networks import LAYERS
from convstudy.networks.expanding import BLOCK_USAGE, BRANCH, WORDS
from convstudy.networks.uses import IDENTITY, REPEATS
from convstudy.studyfile.ablate import AUGMENT, Ablate, Variant
from convstudy.studyfile.draft import MAX_SECTIONS
from convstudy.studyfile.images import DatasetTable
from convstudy.studyfile.part import NAME_PATTERN
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.recipe import NONE, Recipe
from convstudy.studyfile.study import BEST, DRAWING_METHODS, METHODS_OF, Compare, Head, Search
from convstudy.studyfile.suppress import CHECK_NAMES, MAX_REASON_LENGTH
from convstudy.studyfile.transforms import augment_schema

Schema = dict[str, Any]


def study_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a study file.

    >>> study_schema()["required"]
    ['study', 'network']
    """
    question = [{"required": [section]} for section in ("search", "compare", "ablate")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "convstudy study file",
        "description": "A dataset, networks, a recipe, and questions: searches, comparisons, ablations.",
        "type": "object",
        "required": ["study", "network"],
        "anyOf": question,
        "oneOf": [{"properties": {"study": {"required": ["dataset"]}}}, {"required": ["dataset"]}],
        "additionalProperties": False,
        "properties": {
            "study": _head(),
            "dataset": _dataset(),
            "recipe": _recipe(),
            "block": _named(
                _layers(BlockPattern),
                "Blocks of layers, which networks use by name.",
                {"not": {"pattern": f"^({IDENTITY}|{REPEATS.pattern})$"}},
            ),
            "network": _named(_layers(NetworkPattern), "The networks.", {"not": {"const": BEST}}),
            "search": _named(_search(), "Hyperparameter searches by cross-validation."),
            "compare": _named(_part(Compare), "Comparisons of networks over seeds."),
            "ablate": _named(
                _ablate(), "Ablations of a network, by default of the network with the name of the section."
            ),
            "suppress": _suppress(),
        },
        "$defs": {"value": _VALUE, "layer": _layer()},
    }


_VALUE: Schema = {"anyOf": [{"type": "number"}, {"type": "string", "maxLength": 1000}]}


_DESCRIPTIONS: Mapping[type[BaseModel], str] = {
    BlockPattern: 'A named list of layers; a network uses it by its name: "residual NAME x3 filters=32".',
    Compare: "A comparison of networks over seeds.",
    DatasetTable: "A dataset that is not built in.",
    Head: "Name, dataset, seeds and metric of the study.",
    NetworkPattern: 'Layer texts with parameters: "conv 64 {kernel} relu" with kernel = 7.',
    Range: "All numbers from low to high, both included. If both are integers, only integers are drawn.",
    Recipe: "How networks are trained. Every key has a default.",
    Search: "A hyperparameter search by cross-validation, on training images only.",
    Variant: "What a variant changes; its keys are `without`, `activation`, `init`, and the keys of a recipe.",
}
"""The text that an editor shows for each table."""


def _part(model: type[BaseModel], without: str = "") -> Schema:
    """Return the schema of one model, without references and titles."""
    schema = model.model_json_schema()
    properties = {key: _pruned(value) for key, value in schema["properties"].items() if key != without}
    return {
        "type": "object",
        "description": _DESCRIPTIONS.get(model, ""),
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _pruned(schema: Any) -> Any:
    """Return a schema without titles, and with ``"none"`` for null."""
    if isinstance(schema, list):
        return [_pruned(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "null":
        return {"const": NONE}
    return {key: _pruned(value) for key, value in schema.items() if key != "title" and value is not None}


def _named(entry: Schema, description: str, name: Schema | None = None) -> Schema:
    """Return the schema of ``[section.NAME]`` tables."""
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"pattern": NAME_PATTERN, **(name or {})},
        "additionalProperties": entry,
        "minProperties": 1,
        "maxProperties": MAX_SECTIONS,
    }


def _dataset() -> Schema:
    schema = _part(DatasetTable)
    for key in ("name", "classes", "digest"):
        schema["properties"][key] = _optional(schema["properties"][key])
    return schema


def _head() -> Schema:
    schema = _part(Head)
    schema["required"].remove("dataset")  # a [dataset] table can replace it
    for key in ("subset", "final_threads", "max_seeds"):
        schema["properties"][key] = _optional(schema["properties"][key])
    return schema


def _recipe() -> Schema:
    return _part(Recipe)


def _optional(schema: Schema) -> Schema:
    """Return the schema of an optional key that cannot be "none"."""
    (value,) = (option for option in schema["anyOf"] if option.get("const") != NONE)
    return {**value, "description": schema.get("description", "")}


def _layers(model: type[BlockPattern | NetworkPattern]) -> Schema:
    """Return the schema of a network or a block."""
    schema = _part(model, without="parameters")
    # The study fills in these fields; therefore no file and no parameter can use their names.
    filled_in = [key for key in ("parameters", "blocks") if key in model.model_fields]
    schema["properties"].update(dict.fromkeys(filled_in, False))
    schema["properties"]["layers"]["items"] = {"$ref": "#/$defs/layer"}
    schema["additionalProperties"] = {
        "$ref": "#/$defs/value",
        "description": "The value of {name} in a layer text.",
    }
    return schema


def _layer() -> Schema:
    """Return the schema of a layer: a layer text, or a list of a layer text and the layers inside it."""
    types = "|".join(WORDS)
    text = {
        "type": "string",
        "pattern": rf"^\s*(({types})(\s|$)|[a-z-]*\{{)",
        "description": "; ".join((*(layer.usage for layer in LAYERS.values()), BLOCK_USAGE)),
    }
    holding = "|".join((*(word for word, layer in LAYERS.items() if layer.contains), BRANCH))
    head = {"type": "string", "pattern": rf"^\s*(({holding})(\s|$)|[a-z-]*\{{)"}
    inside = {
        "type": "array",
        "prefixItems": [head],
        "items": {"$ref": "#/$defs/layer"},
        "minItems": 1,
        "description": "A layer and the layers inside it.",
    }
    return {"anyOf": [text, inside]}


def _search() -> Schema:
    schema = _part(Search)
    schema["properties"]["subset"] = _optional(schema["properties"]["subset"])
    schema["properties"]["outer_folds"] = _optional(schema["properties"]["outer_folds"])
    schema["properties"]["recipe"] = {**_recipe(), "description": Search.model_fields["recipe"].description}
    values = {
        "type": "array",
        "items": {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/value"}]},
        "minItems": 1,
        "uniqueItems": True,
    }
    drawn = _part(Range)
    drawn["properties"]["step"] = _optional(drawn["properties"]["step"])
    schema["properties"]["parameters"]["additionalProperties"] = {"anyOf": [values, drawn]}
    augmentations = {**values, "items": augment_schema()}
    schema["properties"]["parameters"]["properties"] = {AUGMENT: augmentations}
    schema["allOf"] = [
        {"if": {"required": [key]}, "then": _with_method(methods)} for key, methods in METHODS_OF.items()
    ]
    nested = {"required": ["nested"], "properties": {"nested": {"const": True}}}
    schema["allOf"].append({"if": {"required": ["outer_folds"]}, "then": nested})
    with_range = {"properties": {"parameters": {"additionalProperties": {"type": "array"}}}}
    schema["allOf"].append({"if": {"not": with_range}, "then": _with_method(DRAWING_METHODS)})
    return schema


def _with_method(methods: tuple[str, ...]) -> Schema:
    """Return the schema of a search with one of these methods."""
    return {"required": ["method"], "properties": {"method": {"enum": list(methods)}}}


def _ablate() -> Schema:
    variant = _part(Variant, without="recipe")
    properties = variant["properties"]
    for key in ("activation", "init"):
        properties[key] = _optional(properties[key])
    properties["without"].update(items={"enum": list(LAYERS)}, uniqueItems=True)
    properties.update({key: _without_default(value) for key, value in _recipe()["properties"].items()})
    variant["minProperties"] = 1
    network = {
        "type": "string",
        "description": 'The network, or "best" for the winner of the comparison. Default: the name of the section.',
    }
    return {
        "type": "object",
        "description": "Variants of a network, each compared with it over seeds.",
        "properties": {"network": network, "interactions": _part(Ablate)["properties"]["interactions"]},
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": variant,
        "minProperties": 1,
    }


def _suppress() -> Schema:
    reason = {"type": "string", "minLength": 1, "maxLength": MAX_REASON_LENGTH, "pattern": r"\S"}
    return {
        "type": "object",
        "description": "Checks that do not matter for this study, each with the reason, which the report prints.",
        "properties": dict.fromkeys(CHECK_NAMES, reason),
        "additionalProperties": False,
    }


def _without_default(schema: Schema) -> Schema:
    """Return the schema of a recipe key in a variant, where a missing key means no difference."""
    return {key: value for key, value in schema.items() if key != "default"}
