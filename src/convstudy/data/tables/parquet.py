"""Reads tables in Parquet by pyarrow. Values keep their type: a missing integer is no NaN, and 2**53 + 1 stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from convstudy.data.tables.image_columns import features_of
from convstudy.data.tables.table import MAX_ROWS, Row, Table
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import check_regular

BATCH_ROWS = 1 << 16


def open_parquet(path: Path) -> Table:
    """Open a table; only its metadata is read.

    Raises:
        DataError: if pyarrow is not installed, or the file is damaged or has too many rows.
    """
    file = _open(path)
    n_rows, schema = file.metadata.num_rows, file.schema_arrow
    file.close()
    if n_rows > MAX_ROWS:
        raise DataError(
            Problem("there are too many rows", Location(str(path)), f"{n_rows:,}", f"at most {MAX_ROWS:,}")
        )

    def rows(wanted: Sequence[int]) -> Iterator[Row]:
        for each in wanted:
            _check_type(schema.field(each), path)
        names = [schema.names[each] for each in wanted]
        number = 0
        for columns in _batches(path, names):
            for values in zip(*columns, strict=True):
                number += 1
                yield number, values

    return Table(path, tuple(schema.names), rows, has_lines=False, class_names=_class_names(schema))


def _open(path: Path) -> Any:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        what, hint = "Parquet files need pyarrow", 'pip install "convstudy[data]"'
        raise DataError(Problem(what, Location(str(path)), hint=hint)) from None
    try:
        check_regular(path)
        return parquet.ParquetFile(path)
    except OSError as error:  # ArrowIOError is OSError
        raise _damaged(path, error.strerror or error) from None
    except Exception as error:  # pyarrow raises many types for a damaged file
        raise _damaged(path, error) from None


def _batches(path: Path, names: Sequence[str]) -> Iterator[list[list[Any]]]:
    """Yield the values of some columns, up to :data:`BATCH_ROWS` rows at a time."""
    file = _open(path)
    try:
        for batch in file.iter_batches(BATCH_ROWS, columns=list(dict.fromkeys(names))):
            columns = {name: column_values(batch.column(name)) for name in dict.fromkeys(names)}
            yield [columns[name] for name in names]
    except DataError:
        raise
    except Exception as error:
        raise _damaged(path, error) from None
    finally:
        file.close()


def column_values(column: Any) -> list[Any]:
    """Return the values of a column of pyarrow; times have microseconds."""
    import pyarrow

    if pyarrow.types.is_timestamp(column.type):
        # Nanoseconds would need pandas.
        column = column.cast(pyarrow.timestamp("us", column.type.tz), safe=False)
    values: list[Any] = column.to_pylist()
    return values


def _check_type(field: Any, path: Path) -> None:
    """Raise if a column has a type that is no text, number, truth value or date."""
    from pyarrow import types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    allowed = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)
    if any(
        each(kind) for each in (*allowed, types.is_null, types.is_timestamp, types.is_date, types.is_decimal)
    ):
        return
    if str(kind) == "string_view":
        return
    expected = "a column of text, numbers or dates"
    raise DataError(
        Problem(
            "this column cannot be used",
            Location(str(path), subject=f'column "{field.name}"'),
            str(field.type),
            expected,
        )
    )


def _class_names(schema: Any) -> dict[str, tuple[str, ...]]:
    """Return column -> class names from the metadata of datasets; nothing for columns of another type."""
    found = {}
    for column, feature in features_of(schema, {}).items():
        names = feature.get("names")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            found[column] = tuple(names)
    return found


def _damaged(path: Path, error: object) -> DataError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return DataError(Problem(f"cannot read this Parquet file: {reason}", Location(str(path))))
