"""Stores what a run needs again: the arrays of a Python program, and which images were set aside as test images."""

from __future__ import annotations

import errno
from dataclasses import replace

from convstudy.data.from_python.memory import MemorySource
from convstudy.data.sources.prepared import PreparedSource
from convstudy.errors import Location, Problem, StoreError
from convstudy.history import History
from convstudy.studyfile import Study


def save_arrays(study: Study, history: History) -> Study:
    """Write the arrays of a study into the runs folder, and return the study with these files as its dataset.

    A study whose dataset consists of files is returned unchanged.

    Raises:
        StoreError: if the files cannot be written, or if a study of this name was run on other arrays in this folder.
            Without this error, a program whose arrays differ in each run would train and evaluate everything again.
    """
    source = study.dataset.source
    if not isinstance(source, MemorySource):
        return study
    digest = study.dataset.digest
    other = history.other_arrays(study)
    if other:
        what = f'study "{study.name}" was run on other arrays in this runs folder'
        hint = "use the same arrays, another name for the study, or another runs folder"
        where = Location(str(history.layout.folder))
        raise StoreError(Problem(what, where, f"arrays with digest {digest}", f"digest {other}", hint))
    try:
        written = source.write(history.layout.dataset_folder(digest))
    except OSError as error:
        what = f"cannot write the arrays: {error.strerror or error}"
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        fix = "free disk space" if is_full else "make this path a writable folder without subfolders"
        where, hint = Location(str(history.layout.dataset_folder(digest))), f"{fix}, then run the study again"
        raise StoreError(Problem(what, where=where, hint=hint)) from None
    return study.model_copy(update={"dataset": replace(study.dataset, source=written)})


def save_assignment(study: Study) -> None:
    """Write which images are test images next to the study file, if the study set them aside.

    Raises:
        StoreError: if the file cannot be written.
    """
    source = study.dataset.source
    if not isinstance(source, PreparedSource):
        return
    try:
        source.keep()
    except OSError as error:
        what = f"cannot write which images are test images: {error.strerror or error}"
        hint = "make the folder writable; without this file, other images could become test images later"
        raise StoreError(Problem(what, where=Location(str(source.request.assignment)), hint=hint)) from None
