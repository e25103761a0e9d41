"""Reads columns and single images from Parquet and Arrow files by pyarrow, a few rows at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.consecutive import ConsecutiveFiles
from convstudy.data.source import from_json
from convstudy.data.tables.parquet import column_values
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import check_regular

if TYPE_CHECKING:
    pass

BATCH_ROWS = 32
"""The number of images of a Parquet file that are in memory at a time."""
LABEL_ROWS = 1 << 16
"""The number of labels of a Parquet file that are read at a time."""
BUFFER_BYTES = 1 << 20
"""The size of the pieces in which a column of a Parquet file is read."""
HINT = 'pip install "convstudy[data]"'


@dataclass(frozen=True)
class ArrowFile:
    """A file with a column of images.

    Args:
        path: the file.
        n_rows: the number of rows.
        image: the column of images.
    """

    path: str
    n_rows: int
    image: str

    @property
    def is_parquet(self) -> bool:
        return Path(self.path).suffix.lower() in (".parquet", ".pq")

    def opened(self) -> ParquetRows | ArrowRows:
        return (ParquetRows if self.is_parquet else ArrowRows)(Path(self.path))


class ParquetRows:
    """A Parquet file. Rows are read forwards; a row before the last one is found by reading its row group again."""

    def __init__(self, path: Path) -> None:
        with arrow_errors(path):
            import pyarrow.parquet as parquet

            check_regular(path)
            self.file = parquet.ParquetFile(path, buffer_size=BUFFER_BYTES)
            metadata = self.file.metadata
            self.schema, self.n_rows = self.file.schema_arrow, metadata.num_rows
            groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        self.path = path
        self._starts = (0, *accumulate(groups))
        self._batches: Iterator[Any] = iter(())
        self._first = 0
        self._batch: Any = None

    def columns(self, names: Sequence[str]) -> Iterator[tuple[list[Any], ...]]:
        """Yield the values of some columns, many rows at a time."""
        with arrow_errors(self.path):
            for batch in self.file.iter_batches(LABEL_ROWS, columns=list(dict.fromkeys(names))):
                yield tuple(column_values(batch.column(name)) for name in names)

    def paths(self, image: str) -> Iterator[list[str | None]]:
        """Yield the paths that the structs of images have, without reading the images."""
        with arrow_errors(self.path):
            for batch in self.file.iter_batches(LABEL_ROWS, columns=[f"{image}.path"]):
                yield batch.column(0).field(0).to_pylist()

    def has_no_bytes(self, image: str) -> bool:
        """Return whether no struct of images has bytes. Reading ends with the first one that has."""
        # The number of nulls is in the metadata, too, but pyarrow 26 aborts the process where these are damaged.
        with arrow_errors(self.path):
            for batch in self.file.iter_batches(BATCH_ROWS, columns=[f"{image}.bytes"]):
                column = batch.column(0).field(0)
                if column.null_count < len(column):
                    return False
        return True

    def value(self, image: str, row: int) -> Any:
        """Return the value of the column of images in one row: bytes, a dictionary with bytes, or ``None``."""
        with arrow_errors(self.path):
            if self._batch is None or row < self._first:
                self._start(image, row)
            while row >= self._first + len(self._batch):
                self._first += len(self._batch)
                self._batch = next(self._batches, None)
                if self._batch is None:
                    self._start(image, row)
            return self._batch.column(0)[row - self._first].as_py()

    def _start(self, image: str, row: int) -> None:
        """Read the first rows of the row group of a row."""
        group = bisect_right(self._starts, row) - 1
        self._batches = self.file.iter_batches(BATCH_ROWS, row_groups=[group], columns=[image])
        self._first, self._batch = self._starts[group], next(self._batches)


class ArrowRows:
    """An Arrow file as a memory map: the stream format of ``save_to_disk``, or the file format."""

    def __init__(self, path: Path) -> None:
        with arrow_errors(path):
            import pyarrow

            check_regular(path)
            source = pyarrow.memory_map(str(path))
            start = source.read(6)
            source.seek(0)
            if start == b"ARROW1":
                file = pyarrow.ipc.open_file(source)
                self.schema = file.schema
                self.batches = [file.get_batch(number) for number in range(file.num_record_batches)]
            else:
                stream = pyarrow.ipc.open_stream(source)
                self.schema, self.batches = stream.schema, list(stream)
        self.path = path
        self._starts = (0, *accumulate(batch.num_rows for batch in self.batches))
        self.n_rows = self._starts[-1]
        self._valid: set[str] = set()

    def columns(self, names: Sequence[str]) -> Iterator[tuple[list[Any], ...]]:
        """Yield the values of some columns, many rows at a time."""
        with arrow_errors(self.path):
            self._validate(names)
            for batch in self.batches:
                yield tuple(column_values(batch.column(name)) for name in names)

    def paths(self, image: str) -> Iterator[list[str | None]]:
        """Yield the paths that the structs of images have, without reading the images."""
        with arrow_errors(self.path):
            self._validate([image])
            for batch in self.batches:
                yield batch.column(image).field("path").to_pylist()

    def has_no_bytes(self, image: str) -> bool:
        """Return whether no struct of images has bytes."""
        with arrow_errors(self.path):
            self._validate([image])
            columns = [batch.column(image).field("bytes") for batch in self.batches]
            return all(column.null_count == len(column) for column in columns)

    def value(self, image: str, row: int) -> Any:
        """Return the value of the column of images in one row: bytes, a dictionary with bytes, or ``None``."""
        with arrow_errors(self.path):
            self._validate([image])
            number = bisect_right(self._starts, row) - 1
            return self.batches[number].column(image)[row - self._starts[number]].as_py()

    def _validate(self, names: Sequence[str]) -> None:
        """Check the offsets of columns once, because pyarrow trusts them, and a damaged file can have any."""
        for name in set(names) - self._valid:
            for batch in self.batches:
                batch.column(name).validate(full=True)
            self._valid.add(name)


class ArrowReader(ConsecutiveFiles[ArrowFile, "ParquetRows | ArrowRows"]):
    """Reads the bytes of images from one or more files; positions count through the files in their order."""

    def __init__(self, files: Sequence[ArrowFile]) -> None:
        super().__init__(files, [file.n_rows for file in files])

    def read(self, position: int) -> bytes:
        """Return the bytes of one image file."""
        number, file, row = self.place(position)
        with self.lock:
            rows = self._open.get(number)
            if rows is None:
                rows = self._open[number] = file.opened()
            if rows.n_rows != file.n_rows or file.image not in rows.schema.names:
                what = "the file was changed while it was in use"
                raise DataError(Problem(what, Location(file.path), hint="start again"))
            value = rows.value(file.image, row)
        content = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(content, bytes):
            return content
        where = Location(file.path, subject=f"row {row}")
        path = value.get("path") if isinstance(value, dict) else None
        what = f"there is no image, only the path {str(path)[:100]}" if path else "there is no image"
        raise DataError(Problem(what, where))

    def as_json(self) -> dict[str, Any]:
        return {"files": [asdict(file) for file in self.files]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ArrowReader:
        """Create the reader from the values of :meth:`as_json`."""
        return cls([from_json(ArrowFile, file) for file in values["files"]])


@contextmanager
def arrow_errors(path: Path) -> Iterator[None]:
    """Turn the errors of pyarrow into :class:`DataError`."""
    where = Location(str(path))
    try:
        yield
    except DataError:
        raise
    except ImportError:
        raise DataError(Problem("Parquet and Arrow files need pyarrow", where, hint=HINT)) from None
    except Exception as error:  # pyarrow raises many types for a damaged file
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
        what = f"cannot read the file: {reason or type(error).__name__}"
        raise DataError(Problem(what, where)) from None
