"""Arrays of a Python program, kept in the runs folder: workers, later runs and reports read them there."""

from __future__ import annotations

import errno
from dataclasses import replace

from convstudy.data.in_memory import MemorySource
from convstudy.errors import Location, Problem, StoreError
from convstudy.history import History
from convstudy.studyfile import Study


def keep_arrays(study: Study, history: History) -> Study:
    """Return the study with its arrays as files of the runs folder; a study of other images is returned as it is.

    Raises:
        StoreError: where the files cannot be written, or a study of this name was run on other arrays here: those that
            a program makes differently each time would train everything again, and be tested again.
    """
    source = study.dataset.source
    if not isinstance(source, MemorySource):
        return study
    digest = study.dataset.digest
    other = history.other_arrays(study)
    if other:
        what = f'a study called "{study.name}" was run on other arrays in this runs folder'
        hint = "use the same arrays, or another name for the study, or another runs folder"
        where = Location(str(history.layout.folder))
        raise StoreError(Problem(what, where, f"arrays of digest {digest}", f"those of digest {other}", hint))
    try:
        written = source.write(history.layout.dataset_folder(digest))
    except OSError as error:
        what = f"cannot keep the arrays: {error.strerror or error}"
        hint = (
            "make room"
            if error.errno in (errno.ENOSPC, errno.EDQUOT)
            else "make this path a writable folder without folders in it"
        )
        raise StoreError(
            Problem(
                what,
                where=Location(str(history.layout.dataset_folder(digest))),
                hint=f"{hint}, then run the study again",
            )
        ) from None
    return study.model_copy(update={"dataset": replace(study.dataset, source=written)})
