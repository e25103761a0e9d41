"""Read a study file to a Study, or report all of its errors at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from convstudy.data.dataset import Dataset
from convstudy.errors import NOWHERE, KeyPath, Location, Problem, StudyError, UsageError, key_text
from convstudy.studyfile.changes import changed
from convstudy.studyfile.checks import check_parts
from convstudy.studyfile.draft import Draft, draft_of_document, draft_of_study
from convstudy.studyfile.file_error import FileError
from convstudy.studyfile.files import BUILT_IN_STUDIES, check_depth, parsed, read_text
from convstudy.studyfile.fitting import check_shapes
from convstudy.studyfile.images import absolute
from convstudy.studyfile.lines import key_lines, nearest_line
from convstudy.studyfile.study import Study

MAX_PROBLEMS = 1_000
CURRENT_FOLDER = Path()
NO_CHANGES: Mapping[str, object] = MappingProxyType({})


def load_study(source: str | Path, changes: Mapping[str, object] = NO_CHANGES) -> Study:
    """Load and check a study file or a built-in study.

    Args:
        source: the path of a ``.toml`` file, or (as a string) the name of a built-in study.
        changes: dotted key -> value, applied before the checks: ``{"recipe.epochs": 3}``. They cannot add a network
            or a question.

    Returns:
        The study, which ``run_study`` accepts.

    Raises:
        StudyError: with one problem for each error in the file.
        UsageError: if an argument has the wrong type.

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
    return StudyText(*read_text(source), _folder(source)).study(changes)


@dataclass(frozen=True)
class StudyText:
    """The text of a study file, which need not exist yet.

    Attributes:
        text: the TOML text.
        file: the name of the file, for errors.
        folder: the folder that paths in the text are relative to.
    """

    text: str
    file: str
    folder: Path = CURRENT_FOLDER

    def study(self, changes: Mapping[str, object] = NO_CHANGES, dataset: Dataset | None = None) -> Study:
        """Return the study, checked.

        Args:
            changes: the ``changes`` of :func:`load_study`.
            dataset: the dataset of the text, if it is known; its images are not read again then.

        Raises:
            StudyError: with one problem for each error.
        """
        document, changed_paths = changed(parsed(self.text, self.file), changes)
        check_depth(document, Location(self.file))
        if dataset is not None:
            document = {**document, "dataset": dataset}
        return _study(document, lambda: _places(self.text, self.file, changed_paths), self.folder)

    def dataset_path(self) -> Path | None:
        """Return the path of the images, absolute; ``None`` if the text has no ``path`` under ``[dataset]``.

        Raises:
            StudyError: if the text is not TOML.
        """
        table = parsed(self.text, self.file).get("dataset")
        path = table.get("path") if isinstance(table, dict) else None
        return absolute(path, self.folder) if isinstance(path, str) else None

    def places(self, changes: Mapping[str, object] = NO_CHANGES) -> Callable[[KeyPath], Location]:
        """Return a function that returns the location of a key: the line of the file, or the change.

        Args:
            changes: the ``changes`` of :func:`load_study`.
        """
        _, changed_paths = changed(parsed(self.text, self.file), changes)
        return _places(self.text, self.file, changed_paths)


def places(source: str | Path, changes: Mapping[str, object] = NO_CHANGES) -> Callable[[KeyPath], Location]:
    """Return a function that returns the location of a key: the line of its file, or the change.

    Args:
        source: the ``source`` of :func:`load_study`.
        changes: the ``changes`` of :func:`load_study`.
    """
    return StudyText(*read_text(source)).places(changes)


def study_of(document: Mapping[str, Any], where: Location = NOWHERE) -> Study:
    """Return the study of a parsed TOML or JSON document, such as ``study_document`` returns.

    Args:
        document: section -> keys, as in a study file. ``document["dataset"]`` can be a
            :class:`~convstudy.data.Dataset`. A path is relative to the current folder.
        where: the location of the document, for messages.

    Raises:
        StudyError: with one problem for each error in the document.
    """
    check_depth(document, where)
    return _study(document, lambda: lambda path: where)


def check_study(study: Study) -> None:
    """Check a study that was built in Python, as :func:`load_study` checks a file.

    ``Study(...)`` checks types and single values. This function checks what depends on several values: names, values
    of searches, shapes of layers, numbers of images.

    Raises:
        StudyError: with one problem for each error; ``where`` has the key as in a study file.
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
    """Return the study of a document. ``places`` is called only if there is an error."""
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
    """Return a function that returns the location of a path: the line of the file, or the change."""
    lines = key_lines(text)

    def place(path: KeyPath) -> Location:
        for change in changed_paths:
            # A change also explains an error of a table that only the change created.
            if path[: len(change)] == change or (path and path == change[: len(path)] and path not in lines):
                return Location(subject=f"--set {key_text(change)}")
        return Location(file, nearest_line(lines, path))

    return place


def _error(errors: list[FileError], place: Callable[[KeyPath], Location]) -> StudyError:
    """Return one exception with all errors, without repeats, in the order of the file."""
    # Two items of one list can have the same error, and the same text.
    read: dict[str, Problem] = {}
    for error in errors:
        problem = error.problem(place)
        read.setdefault(str(problem), problem)
    problems = sorted(read.values(), key=lambda problem: problem.where.line or 0)
    if len(problems) > MAX_PROBLEMS:
        more = Problem(f"and {len(problems) - MAX_PROBLEMS:,} more errors")
        problems = [*problems[:MAX_PROBLEMS], more]
    return StudyError(*problems)
