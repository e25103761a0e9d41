"""The decoded images of a listing: pixels, headers, hashes and failures by position."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

from convstudy.data.decoded.decode import bring_up_to_date
from convstudy.data.decoded.folders import Use, cache_errors, cache_root, entry_folder
from convstudy.data.decoded.job import Job, Progress, exact_hashes
from convstudy.data.decoded.rows import CHECKSUM_BYTES, are_intact
from convstudy.data.images import CHUNK_BYTES
from convstudy.data.listing import Listing, SourceOptions
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.audit.perceptual_hashes import PerceptualHashes
    from convstudy.data.decoded.rows import RowFile
    from convstudy.data.decoded.state import State
    from convstudy.data.decoding import DecodeOptions, ImageHeader


def no_progress(n_done: int, n_total: int) -> None:
    """Default ``on_progress`` callback: do nothing."""


class ReadImages:
    """What is known about the images of a listing. Open until :meth:`close`; then the cache can remove its folder.

    Attributes:
        listing: the images.
        n_decoded: the number of images that were decoded or examined for this object; the others were in the cache.
    """

    def __init__(self, job: Job, state: State, n_decoded: int) -> None:
        self.listing = job.listing
        self.n_decoded = n_decoded
        self._job, self._state = job, state

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.listing)

    @property
    def digests(self) -> npt.NDArray[np.uint8]:
        """The SHA-256 of the content of each image, uint8 (n, 32); 0 for an image that cannot be read."""
        digests: npt.NDArray[np.uint8] = self._state.columns["digests"]
        return digests

    @property
    def headers(self) -> Sequence[ImageHeader | None]:
        """The header of each image; ``None`` for an image that cannot be decoded."""
        return _Headers(self._state)

    @property
    def failures(self) -> Mapping[int, str]:
        """Position -> the reason why this image cannot be decoded."""
        return self._state.failures()

    def close(self) -> None:
        """Allow the cache to remove the folder of these images."""
        self._job.use.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ProbedImages(ReadImages):
    """The headers of the images of a listing, which do not depend on decode options."""


class DecodedImages(ReadImages):
    """The decoded images of a listing, of one size.

    Attributes:
        options: how they were decoded.
    """

    def __init__(self, job: Job, state: State, n_decoded: int, options: DecodeOptions) -> None:
        super().__init__(job, state, n_decoded)
        self.options = options
        self._files = self._open()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of each image."""
        return (*self.options.size, self.options.channels)

    @property
    def row_bytes(self) -> int:
        """The size of the pixels of one image in bytes."""
        return self._job.row_bytes

    @property
    def root(self) -> str:
        """The absolute path of the source."""
        return self._job.root

    @property
    def pixel_hashes(self) -> npt.NDArray[np.uint8]:
        """The BLAKE2b hash of the pixels of each image, uint8 (n, 16); 0 for an image that cannot be decoded."""
        exact: npt.NDArray[np.uint8] = self._state.columns["exact"]
        return exact

    def close(self) -> None:
        for file in self._files:
            file.close()
        super().close()

    def pixels(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return images, uint8 (m, height, width, channels).

        The pixels are compared with their hashes. Where they differ, the cache is damaged, and the images are decoded
        again.

        Args:
            positions: int64 (m,), positions of the listing; they can repeat.

        Raises:
            DataError: if an image cannot be decoded, or has changed and cannot be decoded any more.
        """

        def are_right(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
            right: npt.NDArray[np.bool_] = (exact_hashes(rows) == self.pixel_hashes[positions]).all(axis=1)
            return right

        return self._read(0, positions, are_right).reshape(-1, *self.image_shape)

    def pieces(
        self, positions: npt.NDArray[np.int64], n_bytes: int = CHUNK_BYTES
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the pixels of images in this order, in pieces of about ``n_bytes`` and at least one image."""
        n_images = max(1, n_bytes // max(1, self._job.row_bytes))
        for start in range(0, len(positions), n_images):
            yield self.pixels(positions[start : start + n_images])

    def hashes(self, positions: npt.NDArray[np.int64] | None = None) -> PerceptualHashes:
        """Return the hashes of images, which were computed when the images were decoded.

        Args:
            positions: int64 (m,), positions of decoded images; all decoded images if ``None``.

        Raises:
            DataError: if an image cannot be decoded.
        """
        import numpy as np

        from convstudy.data.audit.perceptual_hashes import PerceptualHashes

        if positions is None:
            positions = np.flatnonzero(self._state.columns["rows"] >= 0)
        rows = self._read(1, positions, are_intact)
        low = np.ascontiguousarray(rows[:, :-CHECKSUM_BYTES]).view("<f4").astype(np.float32, copy=False)
        columns = self._state.columns
        exact = columns["exact"][positions].tobytes()
        return PerceptualHashes(
            tuple(exact[start : start + 16] for start in range(0, len(exact), 16)),
            low,
            columns["constant"][positions].astype(bool),
        )

    def _read(
        self,
        number: int,
        positions: npt.NDArray[np.int64],
        are_right: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.bool_]],
    ) -> npt.NDArray[np.uint8]:
        """Return the rows of images in a file; decode images with damaged rows again."""
        import numpy as np

        for _ in range(2):
            rows = self._rows(positions)
            with cache_errors(self._job.folder):
                found = self._files[number].read(rows)
            right = are_right(found)
            if right.all():
                return found
            self._decode_again(np.unique(positions[~right]))
        what = "the cache gives other values than those that were written"
        raise DataError(Problem(what, Location(str(self._job.folder)), hint="check the disk"))

    def _rows(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        rows: npt.NDArray[np.int64] = self._state.columns["rows"][positions]
        if len(rows) and rows.min() < 0:
            position = int(positions[rows.argmin()])
            reason = self.failures.get(position, "it was not decoded")
            raise DataError(Problem(reason, Location(self.listing.names[position])))
        return rows

    def _decode_again(self, damaged: npt.NDArray[np.int64]) -> None:
        """Decode images whose pixels in the cache are damaged."""
        state, n_decoded = bring_up_to_date(self._job, damaged)
        self.n_decoded += n_decoded
        for file in self._files:
            file.close()
        self._state = state
        self._files = self._open()

    def _open(self) -> tuple[RowFile, RowFile]:
        with cache_errors(self._job.folder):
            generation = self._state.generation
            return self._job.open_rows("pixels", generation), self._job.open_rows("hashes", generation)


class _Headers(Sequence["ImageHeader | None"]):
    """The headers by position; each is created when it is used."""

    def __init__(self, state: State) -> None:
        self._texts, self._ids = state.headers, state.columns["header_ids"]
        self._made: dict[int, ImageHeader] = {}

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, place: int) -> ImageHeader | None: ...
    @overload
    def __getitem__(self, place: slice) -> list[ImageHeader | None]: ...
    def __getitem__(self, place: int | slice) -> ImageHeader | list[ImageHeader | None] | None:
        from convstudy.data.decoding import ImageHeader

        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = int(self._ids[place])
        if number < 0:
            return None
        if number not in self._made:
            self._made[number] = ImageHeader.from_json(json.loads(self._texts[number]))
        return self._made[number]


def decode_images(
    listing: Listing,
    source: str,
    root: str | Path,
    options: DecodeOptions,
    source_options: SourceOptions | None = None,
    on_progress: Progress = no_progress,
    cache: Path | None = None,
    n_workers: int | None = None,
) -> DecodedImages:
    """Decode all images of a listing that are not in the cache, and return all of them.

    One process per core decodes the images. An interrupted call keeps what it has done. An image that
    cannot be decoded is in ``failures`` of the result.

    Args:
        listing: the images.
        source: the name of the kind of source.
        root: the path of the source.
        options: the decode options.
        source_options: how the source was read.
        on_progress: is called with the numbers of images that are done and that must be read; not called if the cache
            has everything.
        cache: the folder of the cache; by default that of :func:`convstudy.data.files.cache_folder`.
        n_workers: the maximum number of processes; by default the number of cores.

    Raises:
        DataError: if the cache cannot be written, or processes cannot be started.
    """
    job = image_job(listing, source, root, options, source_options, on_progress, cache, n_workers)
    return DecodedImages(job, *_up_to_date(job), options)


def probe_images(
    listing: Listing,
    source: str,
    root: str | Path,
    source_options: SourceOptions | None = None,
    on_progress: Progress = no_progress,
    cache: Path | None = None,
    n_workers: int | None = None,
) -> ProbedImages:
    """Return the headers of all images of a listing, which are kept in the cache; see :func:`decode_images`."""
    job = image_job(listing, source, root, None, source_options, on_progress, cache, n_workers)
    return ProbedImages(job, *_up_to_date(job))


def image_job(
    listing: Listing,
    source: str,
    root: str | Path,
    options: DecodeOptions | None,
    source_options: SourceOptions | None,
    on_progress: Progress,
    cache: Path | None,
    n_workers: int | None,
) -> Job:
    """Return the job of these arguments, see :func:`decode_images`; its folder of the cache is in use."""
    whole: Path = cache_root(cache)
    folder, about = entry_folder(whole, source, Path(root), source_options or SourceOptions(), options)
    return Job(listing, source, about["root"], options, Use(folder, about), whole, on_progress, n_workers)


def _up_to_date(job: Job) -> tuple[Any, int]:
    try:
        return bring_up_to_date(job)
    except BaseException:  # also an interruption
        job.use.close()
        raise
