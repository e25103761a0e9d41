"""Which images a study is about: the name of a built-in dataset, or a :class:`~convstudy.data.Dataset`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import Dataset
from convstudy.errors import unknown


def _dataset(value: object) -> Dataset:
    """Return the dataset of a value of the key ``dataset``."""
    if isinstance(value, Dataset):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError(
            "dataset_type", "a dataset must be the name of a built-in one, or a Dataset"
        )
    if value not in BUILT_IN_DATASETS:
        found = unknown("dataset", value, BUILT_IN_DATASETS)
        context = {"what": found.what, "allowed": found.allowed, "hint": found.mend}
        raise PydanticCustomError("unknown_name", "{what}; it must be one of {allowed}. {hint}", context)
    return BUILT_IN_DATASETS[value]


def _plain(dataset: Dataset) -> dict[str, Any]:
    """Return what tells a dataset from others in a dump."""
    return {"name": dataset.name, "digest": dataset.digest}


DatasetField = Annotated[
    Dataset,
    PlainValidator(_dataset),
    PlainSerializer(_plain),
    WithJsonSchema({"type": "string", "enum": list(BUILT_IN_DATASETS)}),
    Field(description="The images."),
]
"""A field that takes the name of a built-in dataset, or a dataset."""
