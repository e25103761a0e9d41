"""Read a study file to a Study, or report all of its errors at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from convstudy.errors import NOWHERE, KeyPath, Location, Problem, StudyError, UsageError, key_text
from convstudy.studyfile.changes import changed
from convstudy.studyfile.checks import check_parts
from convstudy.studyfile.draft import Draft, draft_of_document, draft_of_study
from convstudy.studyfile.file_error import FileError
from convstudy.studyfile.files import BUILT_IN_STUDIES, check_depth, parsed, read_text
from convstudy.studyfile.fitting import check_shapes
from convstudy.studyfile.lines import key_lines, nearest_line
from convstudy.studyfile.study import Study

MOST_PROBLEMS = 1_000
CURRENT_FOLDER = Path()
NO_CHANGES: Mapping[str, object] = MappingProxyType({})


def load_study(source: str | Path, changes: Mapping[str, object] = NO_CHANGES) -> Study:
    """Return the study of a file or the built-in study of that name, checked as :func:`check_study` checks it.

    Args:
        source: the path of a ``.toml`` file, or (as a string) one of ``BUILT_IN_STUDIES``.
        changes: dotted key -> value, made before anything is checked: ``{"recipe.epochs": 3}``. A
            network or question that is not there cannot be changed.

    Raises:
        StudyError: with every mistake in it: file, line, key, what was got, what is allowed, nearest name.
        UsageError: where an argument has another type.

    >>> load_study("digits", {"recipe.epochs": 3}).recipe.epochs
    3
    """
    for name, value, types, expected in (
        ("source", source, str | PathLike, "the path of a study file, or the name of a built-in study"),
        ("changes", changes, Mapping, 'a mapping, such as {"recipe.epochs": 3}'),
    ):
        if not isinstance(value, types):
            raise UsageError(
                Problem(
                    where=Location(key=(name,)),
                    expected=expected,
                    got=f"{value!r:.80} ({type(value).__name__})",
                )
            )
    text, file = read_text(source)
    document, changed_paths = changed(parsed(text, file), changes)
    check_depth(document, Location(file))
    return _study(document, lambda: _places(text, file, changed_paths), _folder(source))


def places(source: str | Path, changes: Mapping[str, object] = NO_CHANGES) -> Callable[[KeyPath], Location]:
    """Return a function that returns where a key of a study is: the line of its file, or the change.

    Args:
        source: the path or name that :func:`load_study` read.
        changes: those that it was given.
    """
    text, file = read_text(source)
    _, changed_paths = changed(parsed(text, file), changes)
    return _places(text, file, changed_paths)


def study_of(document: Mapping[str, Any], where: Location = NOWHERE) -> Study:
    """Return the study of a document: what TOML or JSON holds, and ``study_document`` returns.

    Args:
        document: section -> keys, as in a study file; ``document["dataset"]`` can be a
            :class:`~convstudy.data.Dataset`, which then is the study's. A path is relative to the current folder.
        where: the document, in messages.

    Raises:
        StudyError: with every mistake in it.
    """
    check_depth(document, where)
    return _study(document, lambda: lambda path: where)


def check_study(study: Study) -> None:
    """Check a study that was built in Python as one that is read from a file is checked.

    ``Study(...)`` itself checks types and the ranges of single values (``pydantic.ValidationError``). Here follows
    what needs more than one of them: names that exist, values that a search would try, layers that fit each other
    and the images, images enough.

    Raises:
        StudyError: with every mistake in it, by the keys that a study file would have.
    """
    draft = draft_of_study(study)
    _check(draft)
    if draft.errors:
        raise _error(draft.errors, lambda path: NOWHERE)


def _study(
    document: Mapping[str, Any],
    places: Callable[[], Callable[[KeyPath], Location]],
    folder: Path = CURRENT_FOLDER,
) -> Study:
    """Return the study of a document; ``places`` is called only where there is a mistake."""
    draft = draft_of_document(document, folder)
    _check(draft)
    if draft.errors or draft.head is None:
        raise _error(draft.errors, places())
    return Study(
        **{key: getattr(draft.head, key) for key in type(draft.head).model_fields},
        recipe=draft.recipe,
        block=draft.blocks,
        network=draft.networks,
        search=draft.searches,
        compare=draft.compares,
        ablate=draft.ablates,
        suppress=draft.suppress,
    )


def _folder(source: str | Path) -> Path:
    """Return the folder that paths in a study are relative to."""
    return CURRENT_FOLDER if source in BUILT_IN_STUDIES else Path(source).parent


def _check(draft: Draft) -> None:
    check_parts(draft)
    check_shapes(draft)


def _places(text: str, file: str, changed_paths: list[KeyPath]) -> Callable[[KeyPath], Location]:
    """Return a function that returns where a path is: the line of the file, or the change."""
    lines = key_lines(text)

    def place(path: KeyPath) -> Location:
        for change in changed_paths:
            if path[: len(change)] == change or (path and path == change[: len(path)] and path not in lines):
                return Location(subject=f"--set {key_text(change)}")
        return Location(file, nearest_line(lines, path))

    return place


def _error(errors: list[FileError], place: Callable[[KeyPath], Location]) -> StudyError:
    """Return all mistakes as one error, each once, in the order of the file."""
    # Two items of one list may have the same mistake, and read the same.
    read: dict[str, Problem] = {}
    for error in errors:
        problem = error.problem(place)
        read.setdefault(str(problem), problem)
    problems = sorted(read.values(), key=lambda problem: problem.where.line or 0)
    if len(problems) > MOST_PROBLEMS:
        more = Problem(f"and {len(problems) - MOST_PROBLEMS:,} more errors")
        problems = [*problems[:MOST_PROBLEMS], more]
    return StudyError(*problems)
