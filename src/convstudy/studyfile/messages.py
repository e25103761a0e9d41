"""What pydantic found wrong with a part of a study, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from convstudy.errors import KeyPath, Location, key_text, nearest, unknown
from convstudy.studyfile.file_error import FileError, kind, shown
from convstudy.studyfile.part import DIGEST_PATTERN, NAME_PATTERN
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.recipe import NONE, RECIPE_KEYS, Recipe
from convstudy.studyfile.study import Search, Variant

DIGEST_WORDS = "64 digits of 0 to 9 and a to f, a SHA-256"
NAME_WORDS = "1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first"

# These stand beside the other keys in a study file, not in a table of their own.
GATHERED: Mapping[type[BaseModel], str] = {
    BlockPattern: "parameters",
    NetworkPattern: "parameters",
    Variant: "recipe",
}
# The study fills these in; no file has them.
FILLED_IN = ("blocks",)


def errors_of(error: ValidationError, model: type[BaseModel], values: object, at: KeyPath) -> list[FileError]:
    """Return what is wrong with ``values`` that were to become a ``model``, one mistake a key.

    Args:
        error: what pydantic raised.
        model: the part of a study that was tried.
        values: what it was tried on, in the form of a study file.
        at: the path of that part in the study.
    """
    errors: dict[KeyPath, FileError] = {}
    details = error.errors(include_url=False)
    holding = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    for detail in details:
        location = tuple(detail["loc"])
        if detail["type"] == "too_short" and location in holding:
            continue  # pydantic leaves out bad items before it counts
        if model is Search and location[0] == "parameters":
            location = location[:2] + location[3:]  # without the tag that tells a list from a range
        if location[:1] == (GATHERED.get(model),) and len(location) > 1:
            inside, location = location[1:], ("additional", *location[1:])
        else:
            inside = location
        # A union reports each of its members, named at the end of the path; the first one stands for all.
        path = inside[: _depth(values, inside) + (detail["type"] == "missing")]
        if path not in errors:
            errors[path] = _mistake(detail, model, _schema_at(model, location), path, at)
    return list(errors.values())


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the keys that this part of a study has in a study file."""
    keys = tuple(key for key in model.model_fields if key not in (GATHERED.get(model), *FILLED_IN))
    return keys + RECIPE_KEYS if model is Variant else keys


def in_words(schema: Mapping[str, Any], null: str = "", bounds: bool = True) -> str:
    """Return what a JSON Schema allows, in words.

    Args:
        schema: the schema.
        null: the word for nothing at all, if there is one.
        bounds: whether to add the bounds of numbers and sizes.

    >>> in_words({"type": "integer", "minimum": 1, "maximum": 100000})
    'a whole number from 1 to 100,000'
    """
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "anyOf" in schema:
        options = [in_words(option, null, bounds) for option in schema["anyOf"]]
        return ", or ".join(dict.fromkeys(option for option in options if option))
    if schema.get("type") == "null":
        return null
    if schema.get("pattern") == NAME_PATTERN:
        return NAME_WORDS
    if schema.get("pattern") == DIGEST_PATTERN:
        return DIGEST_WORDS
    words = _TYPES.get(schema.get("type", ""), "")
    return " ".join(part for part in (words, _range(schema) if bounds else "") if part)


_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}
_NOUNS = {"init": "initialiser", "augment": "augmentation", "checkpoint": "epoch to keep"}
_OUTSIDE = frozenset(("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"))


def _range(schema: Mapping[str, Any]) -> str:
    """Return the bounds of a schema in words, or nothing where it has none."""
    if "minItems" in schema:
        return f"of {schema['minItems']} or more" if schema["minItems"] > 1 else "that is not empty"
    if "minProperties" in schema:
        return "that is not empty"
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    end = f"at most {high:,}" if high is not None else f"below {below:,}" if below is not None else ""
    if low is None:
        return ", ".join(part for part in (f"above {above:,}" if above is not None else "", end) if part)
    if not end:
        return f"{low:,} or more"
    return f"from {low:,} to {high:,}" if high is not None else f"from {low:,} to below {below:,}"


def _mistake(
    detail: Mapping[str, Any], model: type[BaseModel], schema: Mapping[str, Any], path: KeyPath, at: KeyPath
) -> FileError:
    """Return one error of pydantic in plain words."""
    type_, value = detail["type"], detail.get("input")
    key = key_text(path) or key_text(at[-1:])
    expected = in_words(schema, shown(NONE) if model is Recipe else "")
    names = _names(schema)
    in_range = model is Search and path[:1] == ("parameters",)
    if type_ == "extra_forbidden":
        keys = tuple(Range.model_fields) if in_range else keys_of(model)
        found = unknown("key", str(path[-1]), keys, Location(key=path))
        return FileError(at + path, found.what, found.got, found.expected, found.hint)
    if type_ == "missing":
        key = key_text(path[-1:])
        return FileError(at + path[:-1], f"{key} is missing", expected=expected, hint=f"add {key} = ...")
    if type_ == "combination":
        context = detail["ctx"]
        return FileError((*at, *path, context["key"]), detail["msg"], expected=context["expected"])
    if names and isinstance(value, str):
        found = unknown(_NOUNS.get(key, key), value, names, Location(key=path))
        return FileError(at + path, found.what, found.got, found.expected, found.hint)
    if type_ in _OUTSIDE:
        return FileError(at + path, f"{key} lies outside what is allowed", shown(value), expected)
    if type_ == "string_pattern_mismatch":
        noun = "a digest" if expected == DIGEST_WORDS else "a name"
        return FileError(at + path, f"{shown(value)} cannot be {noun}", shown(value), expected)
    if type_ in ("too_short", "too_long", "string_too_long"):
        most = detail["ctx"].get("max_length")
        size = len(value) if isinstance(value, (str, list, tuple, Mapping)) else 0
        what = f"{key} is too long" if most else f"{key} holds too little"
        return FileError(at + path, what, f"{size:,}", f"at most {most:,}" if most else expected)
    what = f"{key} needs {'a text' if names else in_words(schema, bounds=False)}"
    hint = nearest(str(path[-1]), keys_of(model)) if path and path[0] not in keys_of(model) else ""
    return FileError(at + path, what, f"{shown(value)}, {kind(value)}", expected, hint)


def _names(schema: Mapping[str, Any]) -> list[str]:
    """Return the names that a schema allows, if it allows names only."""
    options = [schema, *schema.get("anyOf", ())]
    return [name for option in options for name in option.get("enum", ())]


def _depth(values: object, location: KeyPath) -> int:
    """Return how many steps of a location lead to something that is there."""
    for depth, part in enumerate(location):
        try:
            values = values[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(location)


def _schema_at(model: type[BaseModel], location: KeyPath) -> Mapping[str, Any]:
    """Return the JSON Schema of the value at a location; an empty one where none is known."""
    whole = _json_schema(model)
    schema: Any = whole
    for part in location:
        for option in schema.get("anyOf", ()):
            if option.get("type") == ("array" if isinstance(part, int) else "object"):
                schema = option
        if isinstance(part, int):
            step = schema.get("items")
        elif part == "additional" and (gathered := GATHERED.get(model)):
            step = schema.get("properties", {}).get(gathered)
        else:
            step = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
        if not isinstance(step, Mapping):  # the end of the path only names a member of a union
            break
        schema = _resolved(step, whole)
    return schema if schema is not whole else {}


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with what it refers to in its place, and one word for "one of these"."""
    if "$ref" in schema:
        return _resolved(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    if "oneOf" in schema:
        return {"anyOf": [_resolved(option, whole) for option in schema["oneOf"]]}
    return schema


@cache
def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()
