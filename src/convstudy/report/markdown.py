"""The report as one Markdown text, with alternative texts in place of charts."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.numbers import counted
from convstudy.report.figure import Figure
from convstudy.report.report import Report
from convstudy.report.section import (
    Block,
    Card,
    Code,
    Details,
    Facts,
    Gallery,
    Heading,
    Items,
    Listing,
    Row,
    Section,
    Text,
)
from convstudy.report.table import Table, as_markdown, escaped


def markdown(report: Report) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    parts = [f"# {escaped(report.results.study.name)}: report"]
    for section in report.sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> Iterator[str]:
    if section.title:
        yield f"## {escaped(section.title)}"
    yield from (f"**{escaped(note)}**" for note in section.notes)
    under = section.title
    for block in section.blocks:
        yield from _block(block, under)
        under = block.title if isinstance(block, Heading) else under
    shown = {block.name for block in section.every_block if isinstance(block, Table)}
    for table in section.tables:
        if table.rows and table.name not in shown:
            yield from _block(table, section.title)


def _block(block: Block, under: str) -> Iterator[str]:
    """Yield the paragraphs of a block. A title equal to ``under``, the title above the block, is not repeated."""
    if isinstance(block, Table):
        if block.title != under:
            yield f"### {escaped(block.title)}"
        yield from (escaped(block.caption), as_markdown(block).rstrip())
    elif isinstance(block, Text):
        yield _text(block)
    elif isinstance(block, Heading):
        yield f"### {escaped(block.title)}"
    elif isinstance(block, Items):
        yield "\n".join(f"- {escaped(text)}" for text in block.texts)
    elif isinstance(block, Listing):
        yield "\n".join(f"    {line}" for line in block.text.rstrip().splitlines())
    elif isinstance(block, Facts):
        yield " · ".join(f"{name}: {escaped(value)}" for name, value in block.pairs)
    elif isinstance(block, Card):
        yield f"### {escaped(block.title)}{f' ({block.level})' if block.level else ''}"
        yield from map(_text, block.blocks)
    elif isinstance(block, Details):
        if block.title != under and not _is_titled(block):
            yield f"### {escaped(block.title)}"
        for inner in block.blocks:
            yield from _block(inner, under)
    elif isinstance(block, Gallery):
        yield f"*{counted(len(block.thumbnails), 'image')}, on the HTML page only.*"
    elif isinstance(block, Figure):
        yield f"*Figure {escaped(block.name)}: {escaped(block.alt)}*"
    elif isinstance(block, Row):
        for figure in block.blocks:
            yield from _block(figure, under)


def _is_titled(details: Details) -> bool:
    """Return whether the first inner block has its own title."""
    return isinstance(details.blocks[0], Table) if details.blocks else True


def _text(text: Text) -> str:
    pieces = (
        f"`{' '.join(piece.text.replace('`', ' ').split())}`"
        if isinstance(piece, Code)
        else escaped(piece, keep_ends=True)
        for piece in text.pieces
    )
    lead = f"**{escaped(text.lead)}:** " if text.lead else ""
    return f"{lead}{''.join(pieces)}"
