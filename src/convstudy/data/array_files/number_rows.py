"""Text files in which each line is one image: its pixels as numbers, and its label."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path
from typing import IO, TYPE_CHECKING

from convstudy.data.array_files.image_blocks import opened_gzip
from convstudy.data.array_files.roles import LABEL_WORDS
from convstudy.errors import DataError, Location, Problem, unknown
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_LINE_BYTES = 1 << 24
"""The largest length of a line in bytes."""
MIN_PIXELS = 16
"""The smallest number of pixels of an image, 4 × 4; shorter rows are tables of other kinds."""
SAMPLE_LINES = 50
SAMPLE_BYTES = 1 << 18
SEPARATORS = (b",", b";", b"\t", b"")
"""Comma, semicolon, tab, and any number of spaces (empty)."""
CLASS_WORDS = frozenset({*LABEL_WORDS, "class", "digit", "letter", "emotion"})


@dataclass(frozen=True)
class RowFormat:
    """The format of a text file of numbers.

    Args:
        separator: the byte between two values; empty for spaces.
        header: the names of the columns; empty without a header.
        n_columns: the number of values per line.
        decimal_comma: whether 0,5 is a half.
    """

    separator: bytes
    header: tuple[str, ...]
    n_columns: int
    decimal_comma: bool = False

    @property
    def has_names(self) -> bool:
        """Whether the header names the columns; pandas writes 0, 1, 2, … if they have no names."""
        return bool(self.header) and self.header != tuple(str(number) for number in range(len(self.header)))

    def split(self, line: bytes) -> list[bytes]:
        """Return the values of a line as text, without quotes."""
        values = line.strip().split(self.separator) if self.separator else line.split()
        return [value.strip().strip(b'"') for value in values]

    def value(self, line: bytes, at: int) -> bytes:
        """Return one value of a line as text; the first and last few columns are found without a full split."""
        separator = self.separator or None
        line = line.strip()
        if at < self.n_columns // 2:
            found = line.split(separator, at + 1)[at]
        else:
            found = line.rsplit(separator, self.n_columns - at)[at - self.n_columns]
        found = found.strip().strip(b'"')
        return found.replace(b",", b".") if self.decimal_comma and is_number(found, True) else found

    def numbers(self, line: bytes, columns: slice) -> npt.NDArray[np.uint8 | np.float64] | None:
        """Return the numbers in some columns of a line, or ``None`` if a value is no number.

        Whole numbers from 0 to 255 are uint8, others float64.
        """
        import numpy as np

        line = line.replace(b'"', b"")
        line = line.replace(b",", b".") if self.decimal_comma else line
        line = line.strip()
        first, last, _ = columns.indices(self.n_columns)
        separator = self.separator or None
        # A label before or after the pixels can be text.
        if first:
            line = line.split(separator, first)[first]
        if last < self.n_columns:
            line = line.rsplit(separator, self.n_columns - last)[0]
        text = "," if self.separator == b"," else self.separator.decode() or " "
        # Integers are read four times faster. A line that has other numbers is read again.
        for dtype in (np.int64, np.float64):
            try:
                values = np.fromstring(line, dtype=dtype, sep=text)
            except (ValueError, OverflowError):
                continue
            if len(values) == last - first:
                in_range = values.min() >= 0 and values.max() <= 255  # false for NaN
                is_byte = in_range and (dtype is np.int64 or bool((values == np.rint(values)).all()))
                return values.astype(np.uint8 if is_byte else np.float64)
        return None


@dataclass(frozen=True)
class Columns:
    """The columns of a file.

    Args:
        pixels: (first, last + 1) of the pixels, which follow each other.
        label: the column of the label; ``None`` if the first and the last column could be it.
        others: all further columns by name.
    """

    pixels: tuple[int, int]
    label: int | None
    others: dict[str, int]


def opened(path: Path) -> IO[bytes]:
    """Open a text file, or a gzip file of text, for reading bytes."""
    return opened_gzip(path) if path.suffix == ".gz" else open_regular(path)


def data_lines(file: IO[bytes], where: Location) -> Iterator[tuple[int, int, bytes]]:
    """Yield (line number from 1, offset in bytes, line) of each line that is neither empty nor a comment.

    Raises:
        DataError: if a line is longer than ``MAX_LINE_BYTES``.
    """
    offset, number = 0, 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            what, expected = "the line is too long", f"at most {MAX_LINE_BYTES:,} bytes"
            raise DataError(Problem(what, Location(where.file, number), expected=expected))
        start, offset = offset, offset + len(line)
        if number == 1 and line.startswith(b"\xef\xbb\xbf"):  # a byte order mark, which Excel writes
            line, start = line[3:], start + 3
        if line.strip() and not line.startswith(b"#"):
            yield number, start, line


def sample_of(path: Path) -> list[bytes]:
    """Return the first lines of a file, about 256 KiB and at most ``SAMPLE_LINES``; nothing if it cannot be read."""
    lines: list[bytes] = []
    try:
        with opened(path) as file:
            for _, _, line in data_lines(file, Location(str(path))):
                lines.append(line)
                if len(lines) >= SAMPLE_LINES or (len(lines) > 1 and sum(map(len, lines)) > SAMPLE_BYTES):
                    break
    except (OSError, EOFError, zlib.error, ValueError, DataError):
        return []
    return lines


def row_format(lines: Sequence[bytes]) -> RowFormat | None:
    """Return the format of a file of numbers from its first lines, or ``None`` if its lines are not images.

    Args:
        lines: whole lines.
    """
    for separator in SEPARATORS:
        first = RowFormat(separator, (), 0).split(lines[0]) if lines else []
        if len(first) < MIN_PIXELS + 1:
            continue
        is_decimal = separator == b";" and b"," in lines[-1]
        found = RowFormat(separator, (), len(first), is_decimal)
        if _is_header(first, found, lines[1:2]):
            names = tuple(value.decode("utf-8", "replace").strip() for value in first)
            found = replace(found, header=names)
        rows = lines[1:] if found.header else lines
        # Reading all lines reports those of another length with their number.
        whole = [line for line in rows if len(found.split(line)) == found.n_columns]
        if 2 * len(whole) > len(rows) and all(_is_image(found, line) for line in whole):
            return found
    return None


def _is_header(first: Sequence[bytes], found: RowFormat, second: Sequence[bytes]) -> bool:
    """Return whether the first line has the names of columns.

    These are texts, or the numbers 0, 1, 2, … that pandas gives to columns without a name, with or without one text.
    """
    texts = [at for at, value in enumerate(first) if not is_number(value, found.decimal_comma)]
    if len(texts) > 1:
        return True
    others = [value for at, value in enumerate(first) if at not in texts]
    if others == [str(number).encode() for number in range(len(others))]:
        return True
    # One text could be the label of an image, but not above a number.
    values = [value for line in second for value in found.split(line)]
    return bool(texts) and len(values) > texts[0] and is_number(values[texts[0]], found.decimal_comma)


def _is_image(found: RowFormat, line: bytes) -> bool:
    """Return whether a line has numbers, and except numbers only a few texts that are no paths."""
    values = found.split(line)
    texts = [value for value in values if not is_number(value, found.decimal_comma)]
    n_allowed = 4 if found.header else 1  # with a header, also columns of a group, a part and a time
    return (
        len(values) == found.n_columns
        and len(texts) <= n_allowed
        and len(values) - len(texts) >= MIN_PIXELS
        and not any(re.search(rb"[/\\]|\.[A-Za-z]{2,5}$", text) for text in texts)
    )


def columns_of(
    found: RowFormat, label: str | None, extras: Set[str], where: Location, numbers: list[bool]
) -> Columns:
    """Return the columns of pixels and labels.

    Args:
        found: the format of the file.
        label: the column of labels as the user gives it: a name of the header, ``"first"`` or ``"last"``.
        extras: the names of the columns of groups, parts, weights and times.
        where: the file in errors.
        numbers: whether each column is a number in the first row.

    Raises:
        DataError: if a column does not exist, or the pixels are no square image.
    """
    names = found.header
    if not found.has_names:
        return _columns_without_names(found, label, where, numbers)
    if label and label not in names:
        raise DataError(unknown("column", label, names[:20], Location(key=("dataset", "label"))))
    pixels = _pixel_columns(names, extras | ({label} if label else set()), numbers)
    others = {name: at for at, name in enumerate(names) if at not in pixels}
    if label is None:
        candidates = [name for name in others if name.lower() in CLASS_WORDS] or list(others)
        candidates = [name for name in candidates if name not in extras]
        if len(candidates) != 1:
            got = ", ".join(candidates[:10]) or "no other column than pixels"
            what, hint = "it is not clear which column is the label", 'name it with label = "…"'
            raise DataError(Problem(what, where, got, hint=hint))
        label = candidates[0]
    first, last = min(pixels), max(pixels) + 1
    if last - first != len(pixels):
        what = "the columns of pixels must follow each other"
        raise DataError(Problem(what, where, f"{len(pixels):,} columns between {first + 1} and {last}"))
    at = others.pop(label)
    check_square(last - first, where)
    return Columns((first, last), at, others)


def _pixel_columns(names: Sequence[str], others: Set[str], numbers: list[bool]) -> set[int]:
    """Return the columns of pixels: those whose names differ only in their numbers, or all without another use."""
    stems = [re.sub(r"\d+", "", name) for name in names]
    stem, count = Counter(stems).most_common(1)[0]
    if count >= MIN_PIXELS:
        return {at for at, each in enumerate(stems) if each == stem and names[at] not in others}
    used = {name for name in names if name in others or name.lower() in CLASS_WORDS}
    return {at for at, name in enumerate(names) if name not in used and numbers[at]}


def _columns_without_names(
    found: RowFormat, label: str | None, where: Location, numbers: list[bool]
) -> Columns:
    n = found.n_columns
    if label not in (None, "first", "last"):
        expected = '"first" or "last", because the file has no header'
        raise DataError(
            Problem(where=Location(key=("dataset", "label")), expected=expected, got=f'"{label}"')
        )
    texts = [at for at, is_number in enumerate(numbers) if not is_number]
    if texts and texts != [0] and texts != [n - 1]:
        what = "only the first or the last column can be text"
        raise DataError(Problem(what, where, f"text in column {texts[0] + 1}"))
    check_square(n - 1, where)
    at = texts[0] if texts else {"first": 0, "last": n - 1, None: None}[label]
    return Columns((0, n - 1) if at == n - 1 else (1, n), at, {})


def check_square(n_pixels: int, where: Location) -> None:
    """Raise :class:`DataError` if a number of pixels is no square."""
    if isqrt(n_pixels) ** 2 != n_pixels:
        what = f"{n_pixels:,} pixels are no square image"
        colour = n_pixels % 3 == 0 and isqrt(n_pixels // 3) ** 2 == n_pixels // 3
        hint = "save the images as an array of shape (n, height, width, channels) in a .npz file"
        got = "three times a square: the order of colours is not known" if colour else ""
        raise DataError(Problem(what, where, got, hint=hint))


def is_number(value: bytes, decimal_comma: bool) -> bool:
    """Return whether a text is a number, also NaN."""
    try:
        float(value.replace(b",", b".") if decimal_comma else value)
    except ValueError:
        return False
    return b"_" not in value
