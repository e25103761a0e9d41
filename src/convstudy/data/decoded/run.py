"""One run of the decode processes: tasks for all images that are not known, and what their results add."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.cores import n_cores
from convstudy.data.decoded.folders import not_writable, remove_quietly
from convstudy.data.decoded.job import exact_hashes
from convstudy.data.decoded.known import KnownContent, KnownImage
from convstudy.data.decoded.processes import DecodeProcesses, Halted
from convstudy.data.decoded.rows import RowFile, are_intact
from convstudy.data.decoded.state import library_versions
from convstudy.data.decoded.tasks import Mode, Setup, Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoded.job import Job
    from convstudy.data.decoded.state import State
    from convstudy.data.decoded.tasks import Done

IMAGES_PER_TASK = 32
MIN_IMAGES_PER_PROCESS = 100
"""For fewer images, the start of one more process takes longer than it saves."""
BYTES_PER_TASK = 1 << 23
"""The maximum number of bytes of decoded pixels of a task, so that memory does not grow with the image size."""
SECONDS_PER_IMAGE = 60
"""The time limit of one image."""
SECONDS_BETWEEN_SAVES = 5.0
"""A killed run loses the images of this many seconds, or more if saving takes more than 5 % of the time."""


class Run:
    """One run of the decode processes.

    Args:
        job: the images.
        state: what is known; the run adds to it.
        mode: see :class:`~convstudy.data.decoded.tasks.Task`.

    Attributes:
        n_decoded: the number of images that were decoded.
    """

    def __init__(self, job: Job, state: State, mode: Mode) -> None:
        self._job, self._state, self._mode = job, state, mode
        self._known: KnownContent | None = None
        self._free_rows: list[int] = []
        self._again: list[int] = []  # positions of known content whose cached pixels are damaged
        self._own: dict[str, RowFile] = {}
        self._n_done = self._n_total = self.n_decoded = 0

    def run(self, positions: npt.NDArray[np.int64]) -> None:
        """Decode images and save the index, also after an error. In mode ``"digest"`` nothing is saved.

        Args:
            positions: the positions of the images, int64 (m,).

        Raises:
            DataError: if the cache cannot be written, or processes cannot be started.
        """
        job = self._job
        setup, known = job.folder / "setup.json", job.folder / "known"
        if self._mode == "reuse":
            self._known = KnownContent(job.folder, library_versions())
            self._known.write(known)
        self._setup(known).write(setup)
        for kind in (
            ("pixels", "hashes") if job.row_bytes else ()
        ):  # they exist even if no image can be decoded
            self._own[kind] = job.open_rows(kind, self._state.generation, writable=True)
        self._n_total = len(positions)
        job.on_progress(0, self._n_total)
        try:
            self._receive_all(setup, positions)
        except Halted as error:
            raise not_writable(job.folder, str(error)) from None
        finally:
            self._save()
            for file in self._own.values():
                file.close()
            if self._known is not None:
                self._known.close()
            remove_quietly(setup)
            remove_quietly(known)

    def _receive_all(self, setup: Path, positions: npt.NDArray[np.int64]) -> None:
        import numpy as np

        per_task = self._images_per_task(len(positions))
        enough = -(-len(positions) // MIN_IMAGES_PER_PROCESS)
        n_workers = min(self._job.n_workers or min(n_cores(), enough), -(-len(positions) // per_task))
        with DecodeProcesses(setup, n_workers, SECONDS_PER_IMAGE) as processes:
            self._receive(processes, positions, per_task)
            if self._again:
                self._mode = "decode"
                self._receive(processes, np.array(sorted(self._again)), per_task)

    def _save(self) -> None:
        # A digest that differs from that of the cached pixels must not be saved with them.
        if self._mode != "digest":
            self._job.save(self._state)

    def _setup(self, known: Path) -> Setup:
        job, generation = self._job, self._state.generation
        return Setup(
            source=job.source,
            reader=job.listing.reader.as_json(),
            options=None if job.options is None else job.options.as_json(),
            pixels=str(job.folder / f"pixels-{generation}"),
            hashes=str(job.folder / f"hashes-{generation}"),
            hash_bytes=job.hash_bytes,
            known=str(known) if self._known else "",
            seconds_per_image=SECONDS_PER_IMAGE,
        )

    def _images_per_task(self, n_images: int) -> int:
        """Return the number of images of a task; each process gets several tasks, so that they end together."""
        n_processes = self._job.n_workers or n_cores()
        fit = BYTES_PER_TASK // max(1, self._job.row_bytes)
        return max(1, min(IMAGES_PER_TASK, fit, n_images // (4 * n_processes)))

    def _receive(self, processes: DecodeProcesses, positions: npt.NDArray[np.int64], per_task: int) -> None:
        """Decode images and add their results; save from time to time."""
        saved_at, pause = time.monotonic(), SECONDS_BETWEEN_SAVES
        for task, done in processes.run(self._tasks(positions, per_task)):
            self._add(task, done)
            self._job.on_progress(self._n_done, self._n_total)
            if time.monotonic() - saved_at > pause:
                started = time.monotonic()
                self._save()
                saved_at = time.monotonic()
                pause = max(SECONDS_BETWEEN_SAVES, 20 * (saved_at - started))

    def _tasks(self, positions: npt.NDArray[np.int64], per_task: int) -> Iterator[Task]:
        """Yield tasks; those that decode have their own rows of the pixel file."""
        state = self._state
        for number, start in enumerate(range(0, len(positions), per_task)):
            some = tuple(positions[start : start + per_task].tolist())
            row = state.n_rows
            if self._mode != "digest" and self._job.row_bytes:
                state.n_rows += len(some)
            yield Task(number, some, row, self._mode)

    def _add(self, task: Task, done: Done) -> None:
        """Add the result of a task."""
        self.n_decoded += len(done.decoded)
        self._n_done += len(task.positions)
        known = self._state.add(task, done)
        if self._mode == "digest":
            return
        self._free_rows += range(task.row + len(done.decoded), task.row + len(task.positions))
        for number in known:
            position, digest = task.positions[number], bytes.fromhex(done.digests[number])
            found = self._known.find(digest) if self._known else None
            if found is None or not self._reuse(position, found):
                self._again.append(position)
                self._n_done -= 1

    def _reuse(self, position: int, found: KnownImage) -> bool:
        """Use what the cache knows about an image; return ``False`` if its pixels are damaged or have gone."""
        state, columns = self._state, self._state.columns
        if found.reason is not None:
            state.fail(position, found.reason, of_content=True)
            return True
        if self._job.row_bytes:
            row = self._row_of(found)
            if row is None:
                return False
            columns["rows"][position] = row
            for name in ("exact", "constant"):
                columns[name][position] = getattr(found.index, name)[found.place]
        columns["header_ids"][position] = state.header_id(found.header)
        return True

    def _row_of(self, found: KnownImage) -> int | None:
        """Return the row of an image in the own pixel file, into which a row of another file is copied."""
        known, job = self._known, self._job
        assert known is not None  # found comes from it
        pixels = known.read(found, "pixels", job.row_bytes)
        hashes = known.read(found, "hashes", job.hash_bytes)
        if pixels is None or hashes is None or not are_intact(hashes).all():
            return None
        if exact_hashes(pixels).tobytes() != found.index.exact[found.place].tobytes():
            return None
        if found.folder == job.folder and found.index.generation == self._state.generation:
            return int(found.index.rows[found.place])
        if self._free_rows:
            row = self._free_rows.pop()
        else:
            row, self._state.n_rows = self._state.n_rows, self._state.n_rows + 1
        for kind, values in (("pixels", pixels), ("hashes", hashes)):
            self._own[kind].write(row, values)
        return row
