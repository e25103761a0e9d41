"""Decode the images of a listing once: what the cache has is used, everything else is decoded in processes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from convstudy.data.decoded.folders import HOW_TO_MOVE, cache_errors, remove_quietly
from convstudy.data.decoded.limit import keep_limit
from convstudy.data.decoded.run import BYTES_PER_TASK, Run
from convstudy.data.decoded.state import State
from convstudy.errors import DataError, Location, Problem
from convstudy.numbers import bytes_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoded.job import Job

MIN_UNUSED_ROWS = 1_000
"""The pixel file is not written again for fewer rows without an image."""


def bring_up_to_date(job: Job, damaged: npt.NDArray[np.int64] | None = None) -> tuple[State, int]:
    """Decode what the cache does not have, and return what is known about all images.

    Args:
        job: the images.
        damaged: positions whose cached pixels are wrong; they are decoded again.

    Returns:
        The state, and the number of images that were decoded.

    Raises:
        DataError: if the cache cannot be written, or processes cannot be started.
    """
    stamps = job.listing.reader.stamps()
    if damaged is None:
        state = job.saved_state(stamps)
        if not len(state.pending):
            return state, 0
    with job.use.writing(), cache_errors(job.folder):
        # Another process can have decoded them while this one waited for the lock.
        state = job.saved_state(stamps)
        if damaged is not None:
            state.forget(damaged)
        _remove_remains(job, state.generation)
        pending = state.pending
        if not len(pending):
            return state, 0
        keep_limit(job.cache, needed=len(pending) * job.image_bytes)
        _check_space(job, len(pending))
        run = Run(job, state, "reuse" if damaged is None else "decode")
        run.run(pending)
        if job.row_bytes and 2 * _n_used_rows(state) + MIN_UNUSED_ROWS < state.n_rows:
            _compact(job, state)
    keep_limit(job.cache)
    return state, run.n_decoded


def _remove_remains(job: Job, generation: int) -> None:
    """Remove the files of killed processes."""
    for path in job.folder.iterdir():
        kind, _, number = path.name.partition("-")
        if kind in ("pixels", "hashes") and number != str(generation):
            remove_quietly(path)


def _check_space(job: Job, n_images: int) -> None:
    """Raise before decoding starts if the disk is too small."""
    needed = n_images * job.image_bytes
    free = shutil.disk_usage(job.folder).free
    if needed > free:
        got, expected = bytes_text(free), bytes_text(needed)
        what = "the disk of the cache has too little free space for the decoded images"
        raise DataError(Problem(what, Location(str(job.folder)), got, expected, HOW_TO_MOVE))


def _n_used_rows(state: State) -> int:
    import numpy as np

    rows = state.columns["rows"]
    return len(np.unique(rows[rows >= 0]))


def _compact(job: Job, state: State) -> None:
    """Write the rows that are in use into new files; a process that uses the old ones still has them open."""
    import numpy as np

    rows = state.columns["rows"]
    used, place = np.unique(rows, return_inverse=True)
    n_unused = int((used < 0).sum())  # -1, the row of images without pixels
    used = used[n_unused:]
    generation = state.generation + 1
    for kind in ("pixels", "hashes"):
        old, new = job.open_rows(kind, state.generation), job.open_rows(kind, generation, writable=True)
        n_at_once = max(1, BYTES_PER_TASK // new.row_bytes)
        for start in range(0, len(used), n_at_once):
            new.write(start, old.read(used[start : start + n_at_once]))
        old.close()
        new.close()
    state.columns["rows"] = place.reshape(rows.shape).astype(np.int64) - n_unused
    state.n_rows, state.generation = len(used), generation
    job.save(state)
    _remove_remains(job, generation)
