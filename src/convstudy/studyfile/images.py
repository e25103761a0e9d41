"""Which images a study is about: a built-in name, a ``[dataset]`` table, or a :class:`~convstudy.data.Dataset`."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import LONGEST_TEXT, MOST_CLASSES, Dataset
from convstudy.data.sources import SOURCES
from convstudy.errors import DataError, Location, Problem, unknown
from convstudy.studyfile.part import DIGEST_PATTERN, Many, Name, Part, one_of

TABLE_SOURCES = {name: kind for name, kind in SOURCES.items() if kind.find is not None}
"""The kinds of sources that a study file can name."""
_PATH_WORDS = "; ".join(f"{name}: {kind.path_form}" for name, kind in TABLE_SOURCES.items())


class DatasetTable(Part):
    """The keys of ``[dataset]``: where images are that are not built in."""

    source: Annotated[
        str,
        AfterValidator(one_of(TABLE_SOURCES)),
        Field(json_schema_extra={"enum": list(TABLE_SOURCES)}, description="The kind of files."),
    ]
    path: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        description=f"Where they are, from the folder of the study file. {_PATH_WORDS}."
    )
    name: Name | None = Field(
        default=None, description="What reports call the dataset; without it, the last part of the path."
    )
    classes: Many[Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]] | None = Field(
        default=None,
        min_length=2,
        max_length=MOST_CLASSES,
        description="The names of the classes, in the order of the labels 0, 1, 2, ...",
    )
    digest: Annotated[str, Field(pattern=DIGEST_PATTERN)] | None = Field(
        default=None, description="The SHA-256 that the content must have; without it, any content is taken."
    )

    def dataset(self, folder: Path) -> Dataset:
        """Return the dataset that the table describes; both parts are read for their digests.

        Args:
            folder: what a relative path starts from.

        Raises:
            DataError: where the files are missing, damaged or no dataset, or do not fit the table's other keys;
                ``where`` is the key.
        """
        path = Path(self.path)
        with suppress(RuntimeError):  # there is no such user
            path = path.expanduser()
        path = (folder / path).absolute()
        find = TABLE_SOURCES[self.source].find
        assert find is not None  # TABLE_SOURCES has those only
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


def _at_path(problem: Problem) -> Problem:
    """Return a problem of a file as a problem of the key ``path``."""
    if problem.what:
        return replace(problem, what=f"{problem.where}: {problem.what}", where=_key("path"))
    what = f"{problem.where} must be {problem.expected}"
    return replace(problem, what=what, where=_key("path"), expected="")


def _key(name: str) -> Location:
    """Return where a key of the table is."""
    return Location(key=("dataset", name))


def _dataset(value: object) -> Dataset:
    """Return the dataset of a value of the key ``dataset``; a table's path is relative to the current folder."""
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
    """Return what tells a dataset from others in a dump."""
    return {"name": dataset.name, "digest": dataset.digest}


DatasetField = Annotated[
    Dataset,
    PlainValidator(_dataset),
    PlainSerializer(_plain),
    WithJsonSchema({"type": "string", "enum": list(BUILT_IN_DATASETS)}),
    Field(description="The images: a built-in dataset; a [dataset] table has images of your own."),
]
"""A field that takes the name of a built-in dataset, the table of another one, or a dataset."""
