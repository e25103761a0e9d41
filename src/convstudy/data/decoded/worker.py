"""The main program of a decode process: ``python -m convstudy.data.decoded.worker MARK``.

It reads tasks from standard input and writes results to standard output, both as lines of JSON, and writes pixels and
perceptual hashes straight into their files. A line with the path of a setup file begins a run. It ends when its input
ends, for example because the driver was killed. Before each image it writes the position to its mark file, so that the
driver knows which image ended a process.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.decoded.rows import RowFile, with_checksums
from convstudy.data.decoded.tasks import MARK, Done, Setup, Task, content_digest
from convstudy.errors import ConvstudyError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.decoding import ImageHeader

SECONDS_BEYOND_LIMIT = 10
"""The driver ends a process at its time limit. If there is no driver, the process ends this many seconds later."""


def main() -> None:
    """Decode images until the input ends."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    # Only results go to the real standard output. The output of libraries goes to the log.
    results = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    mark = RowFile(Path(sys.argv[1]), MARK.size, writable=True)
    decoder: Decoder | None = None
    while True:
        values = json.loads(lines.get())
        if "setup" in values:
            decoder = Decoder(Setup.read(Path(values["setup"])), mark)
            continue
        assert decoder is not None  # a setup comes first
        try:
            result = decoder.perform(Task.from_json(values)).as_line()
        except (
            OSError
        ) as error:  # of a file of the cache; an image that cannot be read is a failure of this image
            result = json.dumps({"halted": error.strerror or str(error)}) + "\n"
        results.write(result)
        results.flush()


def _read(lines: queue.SimpleQueue[str]) -> None:
    try:
        for line in sys.stdin:
            lines.put(line)
    finally:
        # sys.exit would end only this thread, and decoding would continue without the driver.
        os._exit(0)


class Decoder:
    """Reads, hashes and decodes the images of tasks.

    Args:
        setup: the source, the options and the files.
        mark: the mark file.
    """

    def __init__(self, setup: Setup, mark: RowFile) -> None:
        import numpy as np

        from convstudy.data.decoding import DecodeOptions
        from convstudy.data.sources import LISTED_SOURCES

        self._reader = LISTED_SOURCES[setup.source].reader(setup.reader)
        self._known = _Known(Path(setup.known)) if setup.known else None
        self._mark, self._counter = mark, 0
        self._seconds = setup.seconds_per_image
        self.options: DecodeOptions | None = None
        if setup.options is not None:
            self.options = DecodeOptions.from_json(setup.options)
            self._shape = (*self.options.size, self.options.channels)
            self._pixels = RowFile(Path(setup.pixels), int(np.prod(self._shape)), writable=True)
            self._hashes = RowFile(Path(setup.hashes), setup.hash_bytes, writable=True)

    def perform(self, task: Task) -> Done:
        """Perform a task.

        Raises:
            OSError: if a file of the cache cannot be written.
        """
        done = Done(task.number)
        pixels, header_ids = [], dict[str, int]()
        for number, position in enumerate(task.positions):
            self._write_mark(position)
            # A decoder that never returns cannot run a signal handler, so the default action ends the process.
            _set_alarm(self._seconds + SECONDS_BEYOND_LIMIT)
            found = self._image(number, position, task.mode, done)
            if found is not None:
                header, image = found
                pixels.append(image)
                done.decoded.append(number)
                text = json.dumps(header.as_json())
                done.header_ids.append(header_ids.setdefault(text, len(header_ids)))
        self._write_mark(-1)
        _set_alarm(0)
        done.headers = list(header_ids)
        if self.options is not None and pixels:
            self._write(task.row, pixels, done)
        return done

    def _image(
        self, number: int, position: int, mode: str, done: Done
    ) -> tuple[ImageHeader, npt.NDArray[np.uint8] | None] | None:
        """Return the header and pixels of an image; ``None`` if it cannot be decoded or need not be decoded."""
        from convstudy.data.decoding import Undecodable, decode, probe

        done.digests.append("")
        try:
            data = self._reader.read(position)
            digest = content_digest(data)
        except Exception as error:
            why = _short(error)
            reason = why if "cannot read" in why or "cannot be read" in why else f"cannot be read: {why}"
            done.failures[number] = (reason, False)
            return None
        done.digests[-1] = digest.hex()
        if mode == "digest" or (mode == "reuse" and self._known is not None and digest in self._known):
            return None
        try:
            if self.options is None:
                return probe(data), None
            decoded = decode(data, self.options)
            return decoded.header, decoded.pixels
        except Undecodable as error:
            done.failures[number] = (str(error), True)
        except MemoryError:
            done.failures[number] = ("there is too little memory to decode it", False)
        except Exception as error:  # a decoder does not document what it raises for a damaged file
            done.failures[number] = (f"cannot be decoded: {_short(error)}", False)
        return None

    def _write(self, row: int, pixels: list[Any], done: Done) -> None:
        """Write the pixels and the perceptual hashes of images."""
        import numpy as np

        from convstudy.data.audit.perceptual_hashes import perceptual_hashes
        from convstudy.data.images import Images

        stack = np.stack(pixels)
        hashes = perceptual_hashes(Images(stack, np.zeros(len(stack), dtype=np.int64)))
        self._pixels.write(row, stack.reshape(len(stack), -1))
        low = np.ascontiguousarray(hashes.low, dtype="<f4").view(np.uint8).reshape(len(stack), -1)
        self._hashes.write(row, with_checksums(low))
        done.exact = [exact.hex() for exact in hashes.exact]
        done.constant = hashes.constant.tolist()

    def _write_mark(self, position: int) -> None:
        self._counter += 1
        self._mark.write(0, MARK.pack(position, self._counter))


class _Known:
    """The digests of images that need no decoding.

    Args:
        path: the file of the digests, 32 bytes each, sorted.
    """

    def __init__(self, path: Path) -> None:
        import numpy as np

        self._digests = np.fromfile(path, dtype=np.uint8).reshape(-1, 32)
        # Comparing numbers of eight bytes is quicker than comparing 32 bytes; equal numbers are compared in full.
        self._first = np.ascontiguousarray(self._digests[:, :8]).view(">u8").reshape(-1).astype(np.uint64)

    def __contains__(self, digest: bytes) -> bool:
        import numpy as np

        place = int(np.searchsorted(self._first, np.uint64(int.from_bytes(digest[:8], "big"))))
        while place < len(self._digests) and self._digests[place, :8].tobytes() == digest[:8]:
            if self._digests[place].tobytes() == digest:
                return True
            place += 1
        return False


def _short(error: Exception) -> str:
    text = error.problems[0].reason if isinstance(error, ConvstudyError) else str(error)
    return " ".join(text.split())[:200] or type(error).__name__


_set_alarm: Callable[[int], object] = getattr(signal, "alarm", lambda seconds: 0)  # Windows has no alarm


if __name__ == "__main__":
    main()
