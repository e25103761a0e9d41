"""The columns of Hugging Face image data: which one has the images, which one the labels, and the names of the classes.

The library ``datasets`` writes the types of its columns into the metadata of the schema, under ``huggingface``. Other
tools drop this text; ``dataset_info.json`` next to the files can have it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from convstudy.data.array_files.roles import LABEL_WORDS
from convstudy.data.listing import SourceOptions
from convstudy.data.tables.columns import extra_columns
from convstudy.errors import DataError, Location, Problem, unknown

IMAGE_NAMES = ("image", "img", "picture", "photo")
LABEL_NAMES = frozenset({*LABEL_WORDS, "class", "category", "class_name", "label_name"})
EXTRAS = ("group", "part", "weight", "time")


@dataclass(frozen=True)
class ImageColumns:
    """The columns of a file that are used.

    Args:
        image: the column of images.
        label: the column of labels.
        class_names: the names of the labels 0, 1, …; ``None`` if the file does not say them.
        extras: ``"group"``, ``"part"``, ``"weight"`` or ``"time"`` -> its column.
        unused: all other columns.
        notes: what was decided about the columns of ``extras``.
    """

    image: str
    label: str
    class_names: tuple[str, ...] | None
    extras: dict[str, str]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def has_images(schema: Any) -> bool:
    """Return whether a schema of pyarrow has a column of images."""
    return any(is_image_type(field.type) for field in schema)


def is_image_type(kind: Any) -> bool:
    """Return whether a type of pyarrow can hold image files: bytes, or a struct with bytes."""
    from pyarrow import types

    if types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and is_binary(kind.field(index).type)
    return is_binary(kind)


def struct_members(kind: Any) -> tuple[str, ...]:
    """Return the names in a type of pyarrow that is a struct, such as ``bytes`` and ``path``; nothing for others."""
    from pyarrow import types

    return tuple(field.name for field in kind) if types.is_struct(kind) else ()


def is_binary(kind: Any) -> bool:
    """Return whether a type of pyarrow is bytes of any length."""
    from pyarrow import types

    return types.is_binary(kind) or types.is_large_binary(kind) or str(kind) == "binary_view"


def features_of(schema: Any, info: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return column -> type as ``datasets`` describes it; nothing if neither schema nor info have descriptions.

    Args:
        schema: the schema of a file, from pyarrow.
        info: the content of ``dataset_info.json``; empty without it.
    """
    text = (schema.metadata or {}).get(b"huggingface")
    features: Any = info.get("features")
    if text is not None:
        # Another program can write other metadata; the types of the columns remain.
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            features = json.loads(text)["info"]["features"]
    if not isinstance(features, dict):
        return {}
    return {name: each for name, each in features.items() if isinstance(each, dict)}


def image_columns(
    schema: Any, features: Mapping[str, Mapping[str, Any]], options: SourceOptions, where: Location
) -> ImageColumns:
    """Return the columns to use.

    Raises:
        DataError: if the columns of images or labels are missing, unclear, or not what an option names.
    """
    names = list(schema.names)
    for key in ("image", "label"):
        value = getattr(options, key)
        if value and value not in names:
            raise DataError(unknown("column", value, names, Location(key=("dataset", key))))
    image = _image_column(schema, features, options.image, where)
    extras, notes = extra_columns(names, options, EXTRAS, where)
    label = _label_column(schema, features, options.label, {image, *extras.values()}, where)
    used = {image, label, *extras.values()}
    return ImageColumns(
        image,
        label,
        _class_names(features.get(label, {}), where),
        extras,
        tuple(name for name in names if name not in used),
        notes,
    )


def _image_column(
    schema: Any, features: Mapping[str, Mapping[str, Any]], wanted: str | None, where: Location
) -> str:
    fitting: list[str] = [field.name for field in schema if is_image_type(field.type)]
    if wanted is not None:
        if wanted not in fitting:
            expected = "a column of bytes, or of structs with bytes"
            got = f"{wanted}: {schema.field(wanted).type}"
            raise DataError(Problem(where=Location(key=("dataset", "image")), expected=expected, got=got))
        return wanted
    declared = [name for name in fitting if features.get(name, {}).get("_type") == "Image"]
    candidates = declared or fitting
    if len(candidates) != 1:
        named = [name for name in IMAGE_NAMES if name in candidates]
        if not named:
            what = "it is not clear which column has the images" if candidates else "no column has images"
            hint = 'name it with image = "…"' if candidates else ""
            raise DataError(Problem(what, where, _shown(candidates or schema.names), hint=hint))
        return named[0]
    return candidates[0]


def _label_column(
    schema: Any,
    features: Mapping[str, Mapping[str, Any]],
    wanted: str | None,
    others: set[str],
    where: Location,
) -> str:
    from pyarrow import types

    if wanted is not None:
        field = schema.field(wanted)
        if not (_can_be_label(field, types) or types.is_floating(field.type)):
            key, expected = Location(key=("dataset", "label")), "a column of text or whole numbers"
            raise DataError(Problem(where=key, expected=expected, got=f"{wanted}: {field.type}"))
        return wanted
    declared: list[str] = [name for name, each in features.items() if each.get("_type") == "ClassLabel"]
    declared = [name for name in declared if name in schema.names and name not in others]
    if len(declared) == 1:
        return declared[0]
    possible: list[str] = declared or [field.name for field in schema if _can_be_label(field, types)]
    possible = [name for name in possible if name not in others]
    named = [name for name in possible if name.lower() in LABEL_NAMES]
    if len(named) == 1:
        return named[0]
    candidates = named or possible
    what = "several columns could be the label" if candidates else "no column could be the label"
    hint = 'name it with label = "…"' if candidates else ""
    raise DataError(Problem(what, where, _shown(candidates or schema.names), hint=hint))


def _can_be_label(field: Any, types: Any) -> bool:
    """Return whether a column can be labels. pandas writes integers as floats if one of them is missing."""
    kind = field.type
    if types.is_floating(kind) and field.name.lower() in LABEL_NAMES:
        return True
    kind = kind.value_type if types.is_dictionary(kind) else kind
    is_text = types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view"
    return bool(is_text or types.is_integer(kind) or types.is_boolean(kind))


def _class_names(feature: Mapping[str, Any], where: Location) -> tuple[str, ...] | None:
    names = feature.get("names")
    if feature.get("_type") != "ClassLabel" or not names:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(Problem("the class names of the file are damaged", where, str(names)[:80]))
    return tuple(names)


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
