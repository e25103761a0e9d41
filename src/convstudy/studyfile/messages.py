"""Translate the validation errors of pydantic to errors of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from convstudy.errors import KeyPath, Location, key_text, nearest, one_of, unknown
from convstudy.numbers import counted
from convstudy.studyfile.ablate import Variant
from convstudy.studyfile.file_error import FileError, shown, value_and_kind
from convstudy.studyfile.part import DIGEST_PATTERN, NAME_PATTERN
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.recipe import NONE, RECIPE_KEYS, Recipe
from convstudy.studyfile.study import Search

DIGEST_TEXT = "a SHA-256 of 64 digits, 0 to 9 and a to f"
NAME_TEXT = 'a name of 1 to 64 letters, digits, ".", "_" and "-" that starts with a letter or a digit'

# A study file has the keys of these fields next to the other keys, not in a table.
GATHERED: Mapping[type[BaseModel], str] = {
    BlockPattern: "parameters",
    NetworkPattern: "parameters",
    Variant: "recipe",
}
# The study sets these fields; a study file has no such keys.
FILLED_IN = ("blocks",)


def errors_of(error: ValidationError, model: type[BaseModel], values: object, at: KeyPath) -> list[FileError]:
    """Return the errors of a part of a study, at most one for each key.

    Args:
        error: the exception that pydantic raised.
        model: the class of the part, such as ``Recipe``.
        values: the value that pydantic validated, in the form of a study file.
        at: the path of the part in the study, such as ``("recipe",)``.
    """
    errors: dict[KeyPath, FileError] = {}
    details = error.errors(include_url=False)
    holding = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    for detail in details:
        location = tuple(detail["loc"])
        if detail["type"] == "too_short" and location in holding:
            continue  # pydantic removes invalid items before it counts them
        if model is Search and location[0] == "parameters":
            location = location[:2] + location[3:]  # without the tag of the union: list or range
        if location[:1] == (GATHERED.get(model),) and len(location) > 1:
            inside, location = location[1:], ("additional", *location[1:])
        else:
            inside = location
        # A union reports an error for each member, whose name ends the path. The first one is enough.
        path = inside[: _depth(values, inside) + (detail["type"] == "missing")]
        if path not in errors:
            errors[path] = _file_error(detail, model, _schema_at(model, location), path, at)
    return list(errors.values())


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the keys of this part in a study file."""
    keys = tuple(key for key in model.model_fields if key not in (GATHERED.get(model), *FILLED_IN))
    return keys + RECIPE_KEYS if model is Variant else keys


def allowed_values(schema: Mapping[str, Any], null: str = "", bounds: bool = True) -> str:
    """Return what a JSON Schema allows, as a phrase that follows "must be".

    Args:
        schema: the schema.
        null: the text for null. If empty, the phrase leaves null out.
        bounds: whether to add the bounds of numbers and the sizes of lists and tables.

    >>> allowed_values({"type": "integer", "minimum": 1, "maximum": 100000})
    'an integer in [1, 100000]'
    """
    if "enum" in schema:
        return one_of(schema["enum"])
    if "const" in schema:
        return one_of((schema["const"],))
    if "anyOf" in schema:
        types = [option.get("type") for option in schema["anyOf"]]
        skipped = "integer" if "number" in types else ""  # "a number" includes the integers
        options = [
            allowed_values(option, null, bounds)
            for option, type_ in zip(schema["anyOf"], types, strict=True)
            if type_ != skipped
        ]
        *first, last = dict.fromkeys(option for option in options if option)
        return f"{', '.join(first)} or {last}" if first else last
    if schema.get("type") == "null":
        return null
    if schema.get("pattern") == NAME_PATTERN:
        return NAME_TEXT
    if schema.get("pattern") == DIGEST_PATTERN:
        return DIGEST_TEXT
    parts = (_TYPES.get(schema.get("type", ""), ""), _range(schema) if bounds else "")
    return " ".join(filter(None, parts))


_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}
_NOUNS = {"init": "initialiser", "augment": "augmentation", "checkpoint": "checkpoint selection"}
_OUT_OF_RANGE = frozenset(
    ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number")
)
_WRONG_SIZE = ("too_short", "too_long", "string_too_short", "string_too_long")


def _range(schema: Mapping[str, Any]) -> str:
    """Return the bounds of a schema, or an empty string: ``in [1, 100000]``, ``> 0``, ``of 2 or more items``."""
    if "minItems" in schema:
        least, most = schema["minItems"], schema.get("maxItems")
        if least == most:
            return f"of {least} items"
        return f"of {least} to {most} items" if most else f"of {least} or more items"
    if "minProperties" in schema:
        return "with one or more keys"
    if "maxLength" in schema:
        return f"of {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    start = f"[{low}" if low is not None else f"({above}" if above is not None else ""
    end = f"{high}]" if high is not None else f"{below})" if below is not None else ""
    if start and end:
        return f"in {start}, {end}"
    ends = ((">=", low), (">", above), ("<=", high), ("<", below))
    return "".join(f"{sign} {bound}" for sign, bound in ends if bound is not None)


def _file_error(
    detail: Mapping[str, Any], model: type[BaseModel], schema: Mapping[str, Any], path: KeyPath, at: KeyPath
) -> FileError:
    """Return the error of a study file for one error of pydantic."""
    type_, value = detail["type"], detail.get("input")
    key = key_text(path) or key_text(at[-1:])
    expected = allowed_values(schema, shown(NONE) if model is Recipe else "")
    names = _names(schema)
    in_range = model is Search and path[:1] == ("parameters",)
    if type_ == "extra_forbidden":
        keys = tuple(Range.model_fields) if in_range else keys_of(model)
        found = unknown("key", str(path[-1]), keys, Location(key=path))
        return FileError(at + path, found.what, found.got, found.expected, found.hint)
    if type_ == "missing":
        return FileError(at + path[:-1], f"{key_text(path[-1:])} is missing", expected=expected)
    if type_ == "combination":
        context = detail["ctx"]
        return FileError((*at, *path, context["key"]), got=context["got"], expected=context["expected"])
    if type_ == "value":
        return FileError(at + path, got=detail["ctx"]["got"], expected=detail["ctx"]["expected"])
    if type_ == "augmentation":
        context = detail["ctx"]
        return FileError(at + path, *(context[part] for part in ("what", "got", "expected", "hint")))
    if names and isinstance(value, str):
        found = unknown(_NOUNS.get(key, key), value, names, Location(key=path))
        return FileError(at + path, found.what, found.got, found.expected, found.hint)
    if type_ in _OUT_OF_RANGE or type_ == "string_pattern_mismatch":
        return FileError(at + path, got=shown(value), expected=expected)
    if type_ in _WRONG_SIZE:
        is_text = isinstance(value, str)
        size = len(value) if isinstance(value, (str, list, tuple, Mapping)) else 0
        return FileError(at + path, got=counted(size, "character" if is_text else "item"), expected=expected)
    hint = nearest(str(path[-1]), keys_of(model)) if path and path[0] not in keys_of(model) else ""
    what = "" if expected else str(detail["msg"])
    # The type of a string adds nothing if some strings are allowed.
    got = (
        shown(value)
        if isinstance(value, str) and ('"' in expected or "string" in expected)
        else value_and_kind(value)
    )
    return FileError(at + path, what, got, expected, hint)


def _names(schema: Mapping[str, Any]) -> list[str]:
    """Return the names that a schema allows; none if it does not list names."""
    options = [schema, *schema.get("anyOf", ())]
    return [name for option in options for name in option.get("enum", ())]


def _depth(values: object, location: KeyPath) -> int:
    """Return the number of leading parts of a location that exist in the values."""
    for depth, part in enumerate(location):
        try:
            values = values[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(location)


def _schema_at(model: type[BaseModel], location: KeyPath) -> Mapping[str, Any]:
    """Return the JSON Schema of the value at a location; an empty one if it is unknown."""
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
        if not isinstance(step, Mapping):  # the rest of the path names a member of a union
            break
        schema = _resolved(step, whole)
    return schema if schema is not whole else {}


def _resolved(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with its reference resolved, and with ``anyOf`` for ``oneOf``."""
    if "$ref" in schema:
        return _resolved(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    if "oneOf" in schema:
        return {"anyOf": [_resolved(option, whole) for option in schema["oneOf"]]}
    return schema


@cache
def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()
