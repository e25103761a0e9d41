"""Studies in a runs folder: the study as JSON in the database, its dataset as a description in a file.

Because of this description, results can be read without the images, and after a built-in dataset was renamed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from convstudy.data import Dataset
from convstudy.errors import DataError, Location, Problem, StoreError, StudyError
from convstudy.store import Store, StoredRun
from convstudy.studyfile import Study, study_document, study_of


def run_id_of(study: Study) -> str:
    """Return the run id of a study: its name and 6 hexadecimal digits of a digest of its content.

    The digest ignores suppressed checks, because they do not change the training. A dataset that is not built in is
    identified by the digest of its images, not by the path of its files.
    """
    document = {key: table for key, table in study_document(study).items() if key != "suppress"}
    if "dataset" in document:
        document["dataset"] = {"digest": study.dataset.digest}
    text = json.dumps(document, sort_keys=True)
    return f"{study.name}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def write_study(store: Store, study: Study) -> dict[str, Any]:
    """Write the description of a study's dataset unless it exists; return the study as JSON for the database.

    Raises:
        StoreError: if the description cannot be written.
    """
    document, digest = study_document(study), study.dataset.digest
    document["dataset"] = {**document.get("dataset", {}), "digest": digest}
    if read_dataset(store, digest) != study.dataset:
        try:
            store.save_dataset(digest, study.dataset.as_json(store.layout.dataset_folder(digest)))
        except OSError as error:
            what = f"cannot write the description of the dataset: {error.strerror or error}"
            raise StoreError(Problem(what, where=Location(str(store.layout.dataset(digest))))) from None
    return document


def read_study(store: Store, run: StoredRun) -> Study:
    """Return the study of a run, with its dataset from the description in the runs folder.

    All runs on the same images share one description; the names of the dataset and its classes come from this run. If
    the description is lost, a built-in dataset is found by its name, and another dataset by its files.

    Raises:
        StoreError: if the stored study is damaged, or neither the dataset's description nor its files can be read.
        StudyError: if the stored JSON is not a valid study.
    """
    table, where = dataset_table(run), Location(subject=f"run {run.run_id}")
    document = {key: value for key, value in run.document.items() if key != "dataset"}
    digest = table.get("digest", "")
    dataset = read_dataset(store, digest) if digest else None
    if dataset is not None:
        return study_of({**document, "dataset": _as_named(dataset, table)}, where)
    if "dataset" in document.get("study", {}):
        return study_of(document, where)
    try:
        return study_of({**document, "dataset": table}, where)
    except StudyError as error:
        reason = error.problems[0].reason
        what = f"the description of the dataset is missing or damaged, and its files cannot be read: {reason}"
        where = Location(str(store.layout.dataset(digest)))
        hint = "run the study again to restore the description"
        raise StoreError(Problem(what, where, hint=hint)) from None


def dataset_table(run: StoredRun) -> dict[str, Any]:
    """Return the ``[dataset]`` table of a stored study, with the digest of the dataset.

    Raises:
        StoreError: if the table is damaged. The digest becomes part of a path, so it must have 64 hexadecimal digits.
    """
    document: object = run.document
    table = document.get("dataset", {}) if isinstance(document, dict) else None
    if isinstance(table, dict) and isinstance(document, dict) and isinstance(document.get("study", {}), dict):
        digest = table.get("digest", "")
        if digest == "" or (isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest)):
            return table
    what = "the study of this run is damaged in the database"
    hint = "restore convstudy.sqlite from a copy"
    raise StoreError(Problem(what, Location(subject=f"run {run.run_id}"), repr(table)[:80], hint=hint))


def _as_named(dataset: Dataset, table: Mapping[str, Any]) -> Dataset:
    """Return a dataset with the names of the ``[dataset]`` table of a run.

    Another run on the same images may have written the description with other names. The table of a built-in dataset
    has no names.
    """
    if "name" not in table:
        return dataset
    name, classes = table["name"], table.get("classes", [str(number) for number in range(dataset.n_classes)])
    if not isinstance(classes, list) or len(classes) != dataset.n_classes:
        return dataset
    title = dataset.title if name == dataset.name else name
    return replace(dataset, name=name, title=title, class_names=tuple(classes))


def read_dataset(store: Store, digest: str) -> Dataset | None:
    """Return the dataset with this digest; ``None`` if its description is missing or damaged.

    Relative paths in a description are relative to its folder.
    """
    with suppress(DataError):
        dataset = Dataset.from_json(store.dataset(digest), store.layout.dataset_folder(digest))
        return dataset if dataset.digest == digest else None
    return None
