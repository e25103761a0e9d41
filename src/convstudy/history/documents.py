"""Studies as a runs folder keeps them: a document in the database, and what its dataset is in a file of its digest.

So results are read without the images, and without the names that this version has for datasets.
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
    """Return the id of the run of exactly this study: its name and six digits of its content's digest.

    Which checks it suppresses is left out: that changes nothing that is trained. A dataset that is not built in counts
    by its digest, wherever its files are.
    """
    document = {key: table for key, table in study_document(study).items() if key != "suppress"}
    if "dataset" in document:
        document["dataset"] = {"digest": study.dataset.digest}
    text = json.dumps(document, sort_keys=True)
    return f"{study.name}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def write_study(store: Store, study: Study) -> dict[str, Any]:
    """Write what a study's dataset is, unless that is written; return the study's document for the database.

    Raises:
        StoreError: where the file cannot be written.
    """
    document, digest = study_document(study), study.dataset.digest
    document["dataset"] = {**document.get("dataset", {}), "digest": digest}
    if read_dataset(store, digest) != study.dataset:
        try:
            store.save_dataset(digest, study.dataset.as_json(store.layout.dataset_folder(digest)))
        except OSError as error:
            what = f"cannot write what the dataset is: {error.strerror or error}"
            raise StoreError(Problem(what, where=Location(str(store.layout.dataset(digest))))) from None
    return document


def read_study(store: Store, run: StoredRun) -> Study:
    """Return the study of a run, with its dataset as the runs folder describes it.

    The description is shared by all runs on these images; the names of dataset and classes are those of this run.

    Where the description is lost, a built-in dataset is found by its name (documents of earlier versions have nothing
    else), and another one by its files.

    Raises:
        StoreError: where the document is damaged, or neither the description of the dataset nor its files can be read.
        StudyError: where the document is not one of a study.
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
        what = "the description of the dataset is missing or damaged, and its files cannot be read"
        path, hint = (
            Location(str(store.layout.dataset(digest))),
            "run the study again: that writes the description",
        )
        raise StoreError(Problem(what, path, error.problems[0].what, hint=hint)) from None


def dataset_table(run: StoredRun) -> dict[str, Any]:
    """Return what the document of a run says of its dataset: its digest, and the ``[dataset]`` table if there was one.

    Raises:
        StoreError: where that is damaged; a digest is a part of paths.
    """
    document: object = run.document
    table = document.get("dataset", {}) if isinstance(document, dict) else None
    if isinstance(table, dict) and isinstance(document, dict) and isinstance(document.get("study", {}), dict):
        digest = table.get("digest", "")
        if digest == "" or (isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest)):
            return table
    what, expected = "the study of this run is damaged in the database", "tables, and a SHA-256 as digest"
    hint = "restore convstudy.sqlite from a copy"
    raise StoreError(Problem(what, Location(subject=f"run {run.run_id}"), repr(table)[:80], expected, hint))


def _as_named(dataset: Dataset, table: Mapping[str, Any]) -> Dataset:
    """Return a dataset with the names that the ``[dataset]`` table of a run gives it and its classes.

    Another run on the same images may have written the description under other names. A built-in dataset has a table
    without names.
    """
    if "name" not in table:
        return dataset
    name, classes = table["name"], table.get("classes", [str(number) for number in range(dataset.n_classes)])
    if not isinstance(classes, list) or len(classes) != dataset.n_classes:
        return dataset
    title = dataset.title if name == dataset.name else name
    return replace(dataset, name=name, title=title, class_names=tuple(classes))


def read_dataset(store: Store, digest: str) -> Dataset | None:
    """Return the dataset with this digest; ``None`` where the folder does not describe it.

    Relative paths in a description start from its folder.
    """
    with suppress(DataError):
        dataset = Dataset.from_json(store.dataset(digest), store.layout.dataset_folder(digest))
        return dataset if dataset.digest == digest else None
    return None
