"""The dataset of a study: a built-in name, a ``[dataset]`` table, or a :class:`~convstudy.data.Dataset`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError

from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import MAX_CLASSES, MAX_TEXT_LENGTH, Dataset
from convstudy.data.decoding.options import BACKGROUND, MAX_CHANNELS, MAX_SIDE
from convstudy.data.listing import SourceOptions
from convstudy.data.preparing.prepare import prepare
from convstudy.data.preparing.request import DatasetRequest
from convstudy.data.sources import NAMED_SOURCES
from convstudy.data.sources.npy import find as find_arrays
from convstudy.data.sources.npy import has_four_arrays
from convstudy.errors import DataError, Location, Problem, unknown
from convstudy.studyfile.part import DIGEST_PATTERN, Many, Name, Part, one_of

T = TypeVar("T")
TABLE_SOURCES: Mapping[str, str] = {name: kind.path_form for name, kind in NAMED_SOURCES.items()}
"""The kinds of sources of a study file -> what the path must be."""
_PATHS = "; ".join(f"{name}: {form}" for name, form in TABLE_SOURCES.items())
Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Level = Annotated[int, Field(ge=0, le=255)]
Column = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(min_length=1, max_length=4096)]


class DatasetTable(Part):
    """The keys of ``[dataset]``: a dataset that is not built in."""

    path: Words = Field(
        description="The folder, table, archive or array file, relative to the folder of the study file."
    )
    source: (
        Annotated[
            str,
            AfterValidator(one_of(TABLE_SOURCES)),
            Field(json_schema_extra={"enum": list(TABLE_SOURCES)}),
        ]
        | None
    ) = Field(default=None, description=f"The kind of the files; default: detected. {_PATHS}.")
    name: Name | None = Field(
        default=None, description="The name of the dataset in reports; default: the last part of the path."
    )
    classes: Many[Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]] | None = Field(
        default=None,
        min_length=2,
        max_length=MAX_CLASSES,
        description="The classes in their order: the labels, or one name per numeric label 0, 1, 2, ...",
    )
    digest: Annotated[str, Field(pattern=DIGEST_PATTERN)] | None = Field(
        default=None, description="The SHA-256 of the content; if given, other content is an error."
    )
    size: Side | Annotated[Many[Side], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="The side of the decoded images in pixels, or [height, width]; default: from the training images.",
    )
    fit: Literal["crop", "pad", "stretch"] = Field(
        default="crop",
        description="How an image gets the aspect ratio of size: crop cuts the border off, pad adds a border, stretch "
        "distorts.",
    )
    channels: Annotated[int, Field(ge=1, le=MAX_CHANNELS)] | None = Field(
        default=None, description="1 for grey, 3 for colour, or n; default: from the training images."
    )
    invert: bool = Field(default=False, description="Make dark pixels light and light pixels dark.")
    range: Annotated[Many[float], Field(min_length=2, max_length=2)] | None = Field(
        default=None,
        description="[low, high]: the pixel values that become black and white; default: the range of the file's type.",
    )
    background: Level | Annotated[Many[Level], Field(min_length=3, max_length=3)] = Field(
        default=BACKGROUND,
        description="The colour under transparent pixels and of padding: one value or [red, green, blue].",
    )
    decode: Literal["full", "reduced"] = Field(
        default="full",
        description="reduced: decode JPEG files at a lower resolution first, which is faster and slightly different.",
    )
    on_error: Literal["stop", "skip"] = Field(
        default="stop",
        description="Whether images that cannot be used stop the study, or are left out and counted.",
    )
    image: Column | None = Field(default=None, description="The column of paths or images.")
    label: Column | None = Field(default=None, description="The column of labels.")
    group: Annotated[str, Field(max_length=1000)] | None = Field(
        default=None,
        description="The column of groups, or a regular expression that finds the group in the name of an image. "
        "Images of one group, such as a patient, are never divided between training, validation and test.",
    )
    part: Column | None = Field(
        default=None, description='The column of parts: "train", "validation", "test".'
    )
    weight: Column | None = Field(default=None, description="The column of weights in the training loss.")
    time: Column | None = Field(
        default=None, description="The column of times. Splits are then in order of time."
    )
    parts: Literal["auto", "ignore"] = Field(
        default="auto",
        description="Whether top-level folders such as train and test are parts (auto) or classes (ignore).",
    )
    transpose: bool = Field(default=False, description="Whether images are stored transposed, as in EMNIST.")
    test: Annotated[float, Field(gt=0, lt=1)] | Words = Field(
        default=0.2,
        description="The fraction of images set aside as test images if the source has no test part, or the path of "
        "the test images.",
    )
    duplicates: Literal["group", "separate"] = Field(
        default="group",
        description="Whether near-duplicates are kept together, or are treated as different images.",
    )

    @field_validator("range")
    @classmethod
    def _check_range(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is None:
            return value
        low, high = value
        expected = ""
        if not low < high:
            expected = "[low, high] with low < high"
        elif max(-low, high) > 1e30 or high - low < 1e-30:
            expected = "[low, high] in [-1e30, 1e30], with a difference of 1e-30 or more"
        if expected:
            got = f"[{low:g}, {high:g}]"
            raise PydanticCustomError(
                "value", "must be {expected}; got {got}", {"expected": expected, "got": got}
            )
        return value

    def request(self, folder: Path) -> DatasetRequest:
        """Return what to prepare.

        Args:
            folder: the folder that a relative path starts from.
        """
        path = absolute(self.path, folder)
        name = self.name or name_of(path)
        is_pattern = self.group is not None and re.search(r"[\\()\[\]*+?^$|]", self.group) is not None
        return DatasetRequest(
            path=path,
            source=self.source,
            name=name,
            classes=self.classes,
            size=(self.size, self.size) if isinstance(self.size, int) else _pair(self.size),
            fit=self.fit,
            channels=self.channels,
            invert=self.invert,
            value_range=_pair(self.range),
            background=self.background if isinstance(self.background, int) else _triple(self.background),
            decode=self.decode,
            on_error=self.on_error,
            options=SourceOptions(
                image=self.image,
                label=self.label,
                group=None if is_pattern else self.group,
                part=self.part,
                weight=self.weight,
                time=self.time,
                parts=self.parts,
                transpose=self.transpose,
            ),
            group=self.group if is_pattern else None,
            test=self.test if isinstance(self.test, float) else 0.2,
            test_path=absolute(self.test, folder) if isinstance(self.test, str) else None,
            duplicates=self.duplicates,
            assignment=folder.absolute() / f"{name}.parts.csv",
        )

    def dataset(self, folder: Path) -> Dataset:
        """Return the dataset of the table. Read all images to compute their digests, or prepare them.

        Args:
            folder: the folder that a relative path starts from.

        Raises:
            DataError: if the files are missing, damaged, not a dataset, or do not fit the other keys of the table.
                ``where`` is the key.
        """
        request = self.request(folder)
        try:
            dataset = self._dataset(request)
        except DataError as error:
            raise DataError(*(_at_path(problem) for problem in error.problems)) from None
        if self.digest not in (None, dataset.digest):
            what, hint = "the images have another digest", "restore the images, or remove the key"
            raise DataError(
                Problem(what, _key("digest"), f"SHA-256 {dataset.digest}", f"SHA-256 {self.digest}", hint)
            )
        return dataset

    def _dataset(self, request: DatasetRequest) -> Dataset:
        if not self._is_direct(request.path):
            return prepare(request)
        found = find_arrays(request.path)
        try:
            return Dataset.of(found, request.name, self.classes)
        except DataError as error:
            raise DataError(*(_at_classes(problem) for problem in error.problems)) from None

    def _is_direct(self, path: Path) -> bool:
        """Return whether the path has four arrays that are used as they are, without a copy in the cache."""
        is_npy = self.source in (None, "npy") and has_four_arrays(path)
        return is_npy and not self.model_fields_set - {"path", "source", "name", "classes", "digest"}


def name_of(path: Path) -> str:
    """Return the name of the dataset at a path: the last part of the path, without the suffixes of a file.

    >>> name_of(Path("my photos")), name_of(Path("data/scans.tar.gz")), name_of(Path("v1.2"))
    ('my-photos', 'scans', 'v1.2')
    """
    full = path.resolve() if ".." in path.parts else path.absolute()
    name, is_folder = full.name, False
    with suppress(OSError, ValueError):  # a path that is too long or has a NUL byte cannot be examined
        is_folder = path.is_dir()
    if not is_folder:
        name = re.sub(r"(?:\.(?:tar|[a-z][a-z0-9]{1,9}))+$", "", name, flags=re.IGNORECASE) or name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64] or "dataset"


def _pair(values: tuple[T, ...] | None) -> tuple[T, T] | None:
    return None if values is None else (values[0], values[1])


def _triple(values: tuple[int, ...]) -> tuple[int, int, int]:
    return values[0], values[1], values[2]


def absolute(path: str, folder: Path) -> Path:
    """Return the absolute path of a path in a study file; a relative path starts from ``folder``."""
    found = Path(path)
    with suppress(RuntimeError):  # the user of ~user does not exist
        found = found.expanduser()
    return (folder / found).absolute()


def _at_path(problem: Problem) -> Problem:
    """Return a problem of a file as a problem of the key ``path``, unless it has a key."""
    if problem.where.key[:1] == ("dataset",):
        return problem
    if problem.what:
        place = f"{problem.where}: " if str(problem.where) else ""
        return replace(problem, what=f"{place}{problem.what}", where=_key("path"))
    what = f"{problem.where} must be {problem.expected}"
    return replace(problem, what=what, where=_key("path"), expected="")


def _at_classes(problem: Problem) -> Problem:
    """Return a problem of the class names as a problem of the key ``classes``."""
    return Problem(problem.what, _key("classes"), problem.got, problem.expected)


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
