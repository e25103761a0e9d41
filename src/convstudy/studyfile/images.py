"""The dataset of a study: a built-in name, a ``[dataset]`` table, or a :class:`~convstudy.data.Dataset`."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import MAX_CLASSES, MAX_TEXT_LENGTH, Dataset
from convstudy.data.sources import SOURCES
from convstudy.errors import DataError, Location, Problem, unknown
from convstudy.studyfile.part import DIGEST_PATTERN, Many, Name, Part, one_of

TABLE_SOURCES = {name: kind for name, kind in SOURCES.items() if kind.find is not None}
"""The kinds of sources of a study file."""
_PATHS = "; ".join(f"{name}: {kind.path_form}" for name, kind in TABLE_SOURCES.items())


class DatasetTable(Part):
    """The keys of ``[dataset]``: a dataset that is not built in."""

    source: Annotated[
        str,
        AfterValidator(one_of(TABLE_SOURCES)),
        Field(json_schema_extra={"enum": list(TABLE_SOURCES)}, description="The kind of the files."),
    ]
    path: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        description=f"The path of the files, relative to the folder of the study file. {_PATHS}."
    )
    name: Name | None = Field(
        default=None, description="The name of the dataset in reports; default: the last part of the path."
    )
    classes: Many[Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]] | None = Field(
        default=None,
        min_length=2,
        max_length=MAX_CLASSES,
        description="The names of the classes, in the order of the labels 0, 1, 2, ...",
    )
    digest: Annotated[str, Field(pattern=DIGEST_PATTERN)] | None = Field(
        default=None, description="The SHA-256 of the content; if given, other content is an error."
    )

    def dataset(self, folder: Path) -> Dataset:
        """Return the dataset of the table. Read the training and test images to compute their digests.

        Args:
            folder: the folder that a relative path starts from.

        Raises:
            DataError: if the files are missing, damaged, not a dataset, or do not fit the other keys of the table.
                ``where`` is the key.
        """
        path = absolute(self.path, folder)
        find = TABLE_SOURCES[self.source].find
        assert find is not None  # true for all TABLE_SOURCES
        try:
            found = find(path)
        except DataError as error:
            raise DataError(*(_at_path(problem) for problem in error.problems)) from None
        name = self.name or re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).lstrip("._-")[:64] or "dataset"
        try:
            dataset = Dataset.of(found, name, self.classes)
        except DataError as error:
            raise DataError(
                *(Problem(p.what, _key("classes"), p.got, p.expected) for p in error.problems)
            ) from None
        if self.digest not in (None, dataset.digest):
            what, hint = "the images have another digest", "restore the images, or remove the key"
            raise DataError(
                Problem(what, _key("digest"), f"SHA-256 {dataset.digest}", f"SHA-256 {self.digest}", hint)
            )
        return dataset


def absolute(path: str, folder: Path) -> Path:
    """Return the absolute path of a path in a study file; a relative path starts from ``folder``."""
    found = Path(path)
    with suppress(RuntimeError):  # the user of ~user does not exist
        found = found.expanduser()
    return (folder / found).absolute()


def _at_path(problem: Problem) -> Problem:
    """Return a problem of a file as a problem of the key ``path``."""
    if problem.what:
        return replace(problem, what=f"{problem.where}: {problem.what}", where=_key("path"))
    what = f"{problem.where} must be {problem.expected}"
    return replace(problem, what=what, where=_key("path"), expected="")


def _key(name: str) -> Location:
    """Return the location of a key of the table."""
    return Location(key=("dataset", name))


def _dataset(value: object) -> Dataset:
    """Return the dataset of a value of the key ``dataset``. The path of a table is relative to the current folder."""
    if isinstance(value, Dataset):
        return value
    if isinstance(value, dict):
        return DatasetTable.model_validate(value).dataset(Path())
    if not isinstance(value, str):
        what = "a dataset must be the name of a built-in dataset, a table with source and path, or a Dataset"
        raise PydanticCustomError("dataset_type", what)
    if value not in BUILT_IN_DATASETS:
        found = unknown("dataset", value, BUILT_IN_DATASETS)
        context = {"what": found.what, "expected": found.expected, "hint": found.hint}
        raise PydanticCustomError("unknown_name", "{what}; expected {expected}. {hint}", context)
    return BUILT_IN_DATASETS[value]


def _plain(dataset: Dataset) -> dict[str, Any]:
    """Return name and digest, which identify a dataset in a dump."""
    return {"name": dataset.name, "digest": dataset.digest}


DatasetField = Annotated[
    Dataset,
    PlainValidator(_dataset),
    PlainSerializer(_plain),
    WithJsonSchema({"type": "string", "enum": list(BUILT_IN_DATASETS)}),
    Field(
        description="The name of a built-in dataset. For your own images, write a [dataset] table instead."
    ),
]
"""A field for the name of a built-in dataset, the table of another one, or a ``Dataset``."""
