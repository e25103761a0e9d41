"""What a report is made of: sections of blocks. HTML, Markdown, JSON and the list of contents are loops over them.

A block is one of the classes below, a :class:`~convstudy.report.table.Table` or a
:class:`~convstudy.report.figure.Figure`. A topic is one module of ``report/sections/`` with one ``SECTION``; it yields
a section for each thing that the run has to show of it, or none.

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
    """A piece of a text that is a name or a command."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph: pieces of text and of code, after a lead in bold if there is one."""

    shape: ClassVar[str] = "text"

    pieces: tuple[str | Code, ...]
    style: Literal["plain", "note", "warning"] = "plain"
    lead: str = ""

    @property
    def plain(self) -> str:
        """The paragraph without marks."""
        body = "".join(piece.text if isinstance(piece, Code) else piece for piece in self.pieces)
        return f"{self.lead}: {body}" if self.lead else body


@dataclass(frozen=True)
class Heading:
    """The title of what follows in a section."""

    shape: ClassVar[str] = "heading"

    title: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    shape: ClassVar[str] = "items"

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Lines of code or of a file, as they are."""

    shape: ClassVar[str] = "listing"

    text: str


@dataclass(frozen=True)
class Facts:
    """Names with their values, in one row."""

    shape: ClassVar[str] = "facts"

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Gallery:
    """Small images; ``size`` is that of one of them."""

    shape: ClassVar[str] = "gallery"

    thumbnails: tuple[Thumbnail, ...]
    size: Literal["small", "large"]


@dataclass(frozen=True, eq=False)
class Row:
    """Figures next to each other, where there is room for them."""

    shape: ClassVar[str] = "row"

    blocks: tuple[Figure, ...]


@dataclass(frozen=True, eq=False)
class Details:
    """Blocks that a reader opens."""

    shape: ClassVar[str] = "details"

    title: str
    blocks: tuple[Block, ...]
    is_open: bool = False


@dataclass(frozen=True)
class Card:
    """One finding of many: its name, its level, and what it says."""

    shape: ClassVar[str] = "card"

    title: str
    level: str
    blocks: tuple[Text, ...]


Block = Text | Heading | Items | Listing | Facts | Gallery | Row | Details | Card | Table | Figure


@dataclass(frozen=True, eq=False)
class Section:
    """A part of the report about one thing.

    Attributes:
        id: its anchor on the page.
        title: what readers see, in the list of contents too unless it is empty.
        blocks: what it shows, in order. A table or details under the section's own title need no title of their own.
        tables: more tables for CSV, Markdown and JSON, of what the page shows in another form.
        notes: what is missing and why; the page shows them first.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def every_block(self) -> Iterator[Block]:
        """The blocks and what is inside of them."""
        return _walk(self.blocks)

    @property
    def every_table(self) -> tuple[Table, ...]:
        """The tables that have rows, those of the page first."""
        shown = [block for block in self.every_block if isinstance(block, Table)]
        return tuple(table for table in (*shown, *self.tables) if table.rows)


def _walk(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, (Row, Details, Card)):
            yield from _walk(block.blocks)


@dataclass(frozen=True, eq=False)
class Material:
    """What sections are made of: the analysis of a run, and what the checks find (``None`` where they failed)."""

    analysis: Analysis
    findings: Findings | None

    @property
    def results(self) -> Results:
        """The run."""
        return self.analysis.results

    @cached_property
    def conclusions(self) -> tuple[Conclusion, ...]:
        """The answer, sentence by sentence."""
        return conclusions(self.analysis)


@dataclass(frozen=True)
class Topic:
    """The ``SECTION`` of a module in ``report/sections/``.

    Attributes:
        order: its place on the page.
        sections: yields its sections.
        data: returns what it adds to ``report.json`` besides its tables.
    """

    order: int
    sections: Callable[[Material], Iterable[Section]]
    data: Callable[[Material], Mapping[str, Any]] = lambda material: {}
