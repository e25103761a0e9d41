"""Compare the cache with the files: read every file again, and check every cached pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from convstudy.data.decoded.decoded_images import image_job, no_progress
from convstudy.data.decoded.folders import cache_errors
from convstudy.data.decoded.job import exact_hashes
from convstudy.data.decoded.rows import are_intact
from convstudy.data.decoded.run import Run

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoded.job import Job, Progress
    from convstudy.data.decoded.state import State
    from convstudy.data.decoding import DecodeOptions
    from convstudy.data.listing import Listing, SourceOptions


@dataclass(frozen=True)
class Difference:
    """An image whose file or cached pixels are not those that the cache recorded.

    Attributes:
        position: its position in the listing.
        name: its name.
        what: ``"content"`` if the file has other content although its stamp is unchanged, ``"unreadable"`` if it cannot
            be read, ``"pixels"`` if the cached pixels are damaged.
    """

    position: int
    name: str
    what: Literal["content", "unreadable", "pixels"]


@dataclass(frozen=True)
class Verified:
    """The result of a verification.

    Attributes:
        n_compared: the number of images that the cache had with the stamp of today's file.
        n_new: the number of images that the cache did not have, or that have another stamp.
        differences: the images that differ, in the order of the listing.
    """

    n_compared: int
    n_new: int
    differences: tuple[Difference, ...]


def verify_images(
    listing: Listing,
    source: str,
    root: str | Path,
    options: DecodeOptions,
    source_options: SourceOptions | None = None,
    on_progress: Progress = no_progress,
    cache: Path | None = None,
    n_workers: int | None = None,
) -> Verified:
    """Read each file again, and compare its digest and its cached pixels with the cache.

    The cache forgets the images that differ; the next start decodes them. For the arguments, see
    :func:`~convstudy.data.decoded.decoded_images.decode_images`.

    Raises:
        DataError: if the cache cannot be written, or processes cannot be started.
    """
    job = image_job(listing, source, root, options, source_options, on_progress, cache, n_workers)
    try:
        with job.use.writing(), cache_errors(job.folder):
            return _verified(job)
    finally:
        job.use.close()


def _verified(job: Job) -> Verified:
    import numpy as np

    state = job.saved_state(job.listing.reader.stamps())
    is_known = np.ones(len(state.names), dtype=bool)
    is_known[state.pending] = False
    known = np.flatnonzero(is_known)
    if not len(known):
        return Verified(0, len(state.names), ())
    found: dict[int, Literal["content", "unreadable", "pixels"]] = dict.fromkeys(
        _damaged(job, state, known), "pixels"
    )
    recorded = state.columns["digests"].copy()
    Run(job, state, "digest").run(known)
    found.update(
        dict.fromkeys(np.flatnonzero((recorded != state.columns["digests"]).any(axis=1)).tolist(), "content")
    )
    found.update(dict.fromkeys(state.passing, "unreadable"))
    if found:
        state.forget(np.array(sorted(found)))
        job.save(state)
    differences = tuple(Difference(place, state.names[place], what) for place, what in sorted(found.items()))
    return Verified(len(known), len(state.names) - len(known), differences)


def _damaged(job: Job, state: State, known: npt.NDArray[np.int64]) -> list[int]:
    """Return the positions of images whose cached pixels differ from their hash."""
    rows, exact = state.columns["rows"], state.columns["exact"]
    known = known[rows[known] >= 0]
    damaged: list[int] = []
    pixels, hashes = (job.open_rows(kind, state.generation) for kind in ("pixels", "hashes"))
    n_at_once = max(1, (1 << 24) // job.row_bytes)
    for start in range(0, len(known), n_at_once):
        some = known[start : start + n_at_once]
        right = (exact_hashes(pixels.read(rows[some])) == exact[some]).all(axis=1)
        right &= are_intact(hashes.read(rows[some]))
        damaged += some[~right].tolist()
    pixels.close()
    hashes.close()
    return damaged
