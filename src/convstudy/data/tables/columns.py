"""Chooses the columns of a table that describe images: by the keys of ``[dataset]``, or by their usual names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convstudy.data.class_names import shown
from convstudy.data.listing import SourceOptions
from convstudy.errors import DataError, Location, Problem, nearest
from convstudy.numbers import listed

USUAL_NAMES: Mapping[str, frozenset[str]] = {
    "image": frozenset(
        {"path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path"}
        | {"image_file", "image_name", "img", "img_path", "img_name"}
    ),
    "label": frozenset(
        {"label", "labels", "class", "classes", "class_name", "classname", "target", "category", "y"}
    ),
    "group": frozenset({"group", "group_id", "groups"}),
    "part": frozenset({"part", "split", "subset", "partition"}),
    "weight": frozenset({"weight", "sample_weight"}),
    "time": frozenset(),
}
"""The usual names of each column, in lower case with ``_`` for spaces, hyphens and dots. Times are used only if the
user names their column, because dates in many forms are refused."""
LIKE_GROUPS = frozenset(
    {"patient", "patient_id", "subject", "subject_id", "person", "person_id", "case_id", "study_id", "camera"}
    | {
        "camera_id",
        "sequence",
        "sequence_id",
        "video",
        "video_id",
        "site",
        "scene",
        "scene_id",
        "lesion_id",
        "location",
    }
)
"""Names of columns that often should be groups. They are named in a note, because a group changes every split."""
REQUIRED = ("image", "label")
EXAMPLES = {"image": "path", "label": "label"}
MAX_COLUMNS_SHOWN = 20


@dataclass(frozen=True)
class Columns:
    """The positions of the chosen columns.

    Args:
        positions: key of ``[dataset]`` -> position of the column.
        notes: one sentence about the choice, and one about columns that may be groups.
    """

    positions: Mapping[str, int]
    notes: tuple[str, ...]


def n_required(columns: Sequence[str]) -> int:
    """Return how many of the required columns have a usual name."""
    names = {_usual(name) for name in columns}
    return sum(bool(names & USUAL_NAMES[key]) for key in REQUIRED)


def choose_columns(columns: Sequence[str], options: SourceOptions, where: Location) -> Columns:
    """Return the columns of images, labels, groups, parts, weights and times.

    Args:
        columns: the names of all columns.
        options: the keys of ``[dataset]``. An empty text means that there is no such column. A ``group`` with a
            parenthesis that is no column is a pattern over paths, and is ignored here.
        where: the table.

    Raises:
        DataError: if a required column is missing or several columns have its usual names, or a key names no column.
    """
    positions, problems = _positions(columns, options, tuple(USUAL_NAMES), where)
    if not problems and positions["image"] == positions["label"]:
        got = shown(columns[positions["image"]])
        problems.append(Problem("the images and the labels must be different columns", where, got))
    if problems:
        raise DataError(*problems)
    return Columns(positions, tuple(_notes(columns, positions, options)))


def extra_columns(
    columns: Sequence[str], options: SourceOptions, keys: Sequence[str], where: Location
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the columns of groups, parts, weights or times of a source that chooses images and labels by other rules.

    Args:
        columns: the names of all columns.
        options: the keys of ``[dataset]``, as for :func:`choose_columns`.
        keys: the keys that the source has.
        where: the source.

    Returns:
        Key -> name of its column; notes about the choice.

    Raises:
        DataError: if several columns have the usual names of a key, or a key names no column.
    """
    positions, problems = _positions(columns, options, keys, where)
    if problems:
        raise DataError(*problems)
    notes = _notes(columns, positions, options)
    return {key: columns[n] for key, n in positions.items()}, tuple(notes if positions else notes[1:])


def _positions(
    columns: Sequence[str], options: SourceOptions, keys: Sequence[str], where: Location
) -> tuple[dict[str, int], list[Problem]]:
    """Return the position of the column of each key that has one, and the problems of the others."""
    problems, positions = list[Problem](), dict[str, int]()
    for key in keys:
        chosen, usual = getattr(options, key), USUAL_NAMES[key]
        if key not in REQUIRED and (chosen == "" or (key == "part" and options.parts == "ignore")):
            continue
        found = [n for n, name in enumerate(columns) if (name == chosen if chosen else _usual(name) in usual)]
        if len(found) == 1:
            positions[key] = found[0]
        elif problem := _problem(key, chosen or "", [columns[n] for n in found], columns, where):
            problems.append(problem)
    return positions, problems


def _problem(
    key: str, chosen: str, found: Sequence[str], columns: Sequence[str], where: Location
) -> Problem | None:
    """Return the problem of a key for which not exactly one column was found; ``None`` if it is optional."""
    noun = {"image": "paths", "label": "labels"}.get(key, f"{key}s")
    if found:
        what, got = f"several columns can be the {noun}", listed([shown(name) for name in found])
        set_it = f"put {key} = {_toml(found[0])} under [dataset]"
        hint = "give the columns different names" if chosen or len(set(found)) == 1 else set_it
        return Problem(what, where, got, hint=hint)
    if chosen and not (key == "group" and "(" in chosen):
        expected = f"one of the columns {_all(columns)}"
        return Problem("", Location(key=("dataset", key)), shown(chosen), expected, nearest(chosen, columns))
    if key in REQUIRED:
        what, got = f"there is no column of {noun}", f"the columns {_all(columns)}"
        hint = f'name it "{EXAMPLES[key]}", or put {key} = "COLUMN" under [dataset]'
        return Problem(what, where, got, hint=hint)
    return None


def _notes(columns: Sequence[str], positions: Mapping[str, int], options: SourceOptions) -> list[str]:
    used = listed([f"{shown(columns[n])} ({key})" for key, n in positions.items()])
    notes = [f"Columns: {used}."]
    similar = [name for name in columns if _usual(name) in LIKE_GROUPS]
    if similar and options.group is None and "group" not in positions:
        notes.append(
            f"The column {shown(similar[0])} is not used, so its images can straddle a split. To keep them "
            f"together, put group = {_toml(similar[0])} under [dataset]."
        )
    return notes


def _usual(name: str) -> str:
    return "_".join(name.lower().replace("-", " ").replace(".", " ").replace("_", " ").split())


def _toml(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _all(columns: Sequence[str]) -> str:
    return listed([shown(name) for name in columns], most=MAX_COLUMNS_SHOWN)
