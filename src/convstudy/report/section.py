"""Sections and blocks of a report. HTML, Markdown, JSON and the table of contents are loops over them.

A block is one of the classes below, a :class:`~convstudy.report.table.Table` or a
:class:`~convstudy.report.figure.Figure`. A topic is a module of ``report/sections/`` with a ``SECTION``; it yields any
number of sections.

Example:
    >>> section = Section("notes", "Notes", (Text(("Trained on one machine.",)), Details("More", (Text(("All.",)),))))
    >>> [type(block).__name__ for block in section.every_block]
    ['Text', 'Details', 'Text']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from convstudy.analysis import Analysis
from convstudy.checks import Findings
from convstudy.history.results import Results
from convstudy.report.conclusions import Conclusion, conclusions
from convstudy.report.figure import Figure
from convstudy.report.table import Table
from convstudy.report.thumbnails import Thumbnail


@dataclass(frozen=True)
class Code:
    """A name or a command within a text."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph of text and code, after an optional lead in bold."""

    shape: ClassVar[str] = "text"

    pieces: tuple[str | Code, ...]
    style: Literal["plain", "note", "warning"] = "plain"
    lead: str = ""

    @property
    def plain(self) -> str:
        """The paragraph without markup."""
        body = "".join(piece.text if isinstance(piece, Code) else piece for piece in self.pieces)
        return f"{self.lead}: {body}" if self.lead else body


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    shape: ClassVar[str] = "heading"

    title: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    shape: ClassVar[str] = "items"

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Lines of code or of a file, shown verbatim."""

    shape: ClassVar[str] = "listing"

    text: str


@dataclass(frozen=True)
class Facts:
    """Pairs of a name and a value, in one row."""

    shape: ClassVar[str] = "facts"

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Gallery:
    """Thumbnails; ``size`` is the size of each. A wide one has a row of the page."""

    shape: ClassVar[str] = "gallery"

    thumbnails: tuple[Thumbnail, ...]
    size: Literal["small", "large", "wide"]


@dataclass(frozen=True, eq=False)
class Row:
    """Figures side by side, if the page is wide enough."""

    shape: ClassVar[str] = "row"

    blocks: tuple[Figure, ...]


@dataclass(frozen=True, eq=False)
class Details:
    """Blocks that a reader can expand and collapse."""

    shape: ClassVar[str] = "details"

    title: str
    blocks: tuple[Block, ...]
    is_open: bool = False


@dataclass(frozen=True)
class Card:
    """A finding of the checks: its name, its level, and its text."""

    shape: ClassVar[str] = "card"

    title: str
    level: str
    blocks: tuple[Text, ...]


Block = Text | Heading | Items | Listing | Facts | Gallery | Row | Details | Card | Table | Figure


@dataclass(frozen=True, eq=False)
class Section:
    """A section of the report.

    Attributes:
        id: its anchor on the page.
        title: its title, also in the table of contents; empty for a section without a title.
        blocks: its content, in order. A table with the section's title is shown without a second title.
        tables: tables for CSV, Markdown and JSON only, because the page shows their data in another form.
        notes: sentences on missing content, with the reason; the page shows them first.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def every_block(self) -> Iterator[Block]:
        """All blocks, each before its inner blocks."""
        return _walk(self.blocks)

    @property
    def every_table(self) -> tuple[Table, ...]:
        """The tables with rows, those of the page first."""
        shown = [block for block in self.every_block if isinstance(block, Table)]
        return tuple(table for table in (*shown, *self.tables) if table.rows)


def _walk(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, (Row, Details, Card)):
            yield from _walk(block.blocks)


@dataclass(frozen=True, eq=False)
class Material:
    """The input of sections: the analysis of a run and the findings of the checks (``None`` after an error)."""

    analysis: Analysis
    findings: Findings | None

    @property
    def results(self) -> Results:
        """The results of the run."""
        return self.analysis.results

    @cached_property
    def conclusions(self) -> tuple[Conclusion, ...]:
        """The conclusions of the answer."""
        return conclusions(self.analysis)


@dataclass(frozen=True)
class Topic:
    """The ``SECTION`` of a module in ``report/sections/``.

    Attributes:
        order: sorts the topics on the page.
        sections: yields its sections.
        data: returns keys and values for ``report.json``, in addition to its tables.
    """

    order: int
    sections: Callable[[Material], Iterable[Section]]
    data: Callable[[Material], Mapping[str, Any]] = lambda material: {}
