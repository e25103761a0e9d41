"""The contents of a report as files: HTML, CSV, Markdown, JSON, and the figures as SVG, PDF and PNG."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from convstudy.analysis import Analysis
from convstudy.checks import Findings
from convstudy.errors import UsageError, unknown
from convstudy.report import theme
from convstudy.report.contents import Contents, gather
from convstudy.report.document import document
from convstudy.report.figure import Figure
from convstudy.report.files import write_file
from convstudy.report.page import page
from convstudy.report.table import as_csv, as_markdown

WIDTHS = {"confusion": 420, "calibration": 420}
WIDTH = 640
"""Width of a figure as a file, in pixels, unless it is in ``WIDTHS``."""


def write_report(
    analysis: Analysis,
    findings: Findings | None,
    folder: Path,
    formats: Collection[str] = ("html",),
    failed: Callable[[Path, Exception], None] | None = None,
) -> tuple[Path, ...]:
    """Write a run's report and return the files, the one to open first in front.

    Args:
        analysis: that of a run, finished or not.
        findings: what the checks find in it; ``None`` where they failed, which the report says.
        folder: where to: ``report.html``, ``report.md``, ``report.json``, ``tables/*.csv``,
            ``figures/*.svg``, ``.pdf`` and ``.png``.
        formats: some of :data:`FORMATS`.
        failed: takes the path and the error of each file that cannot be made or written; the other files are still
            written. Without it the first error is raised.

    Raises:
        UsageError: if a format is none of these.
        OSError: if a file cannot be written; ``filename`` says which.
    """
    wrong = [name for name in formats if name not in FORMATS]
    if wrong:
        raise UsageError(*(unknown("format", name, FORMATS) for name in wrong))
    contents = gather(analysis, findings)
    files: list[Path] = []
    for path, make in (piece for name in FORMATS if name in formats for piece in _PIECES[name](contents)):
        try:
            files.append(write_file(folder / path, make()))
        except Exception as error:
            if failed is None:
                raise
            failed(folder / path, error)
    return tuple(files)


def markdown(contents: Contents) -> str:
    """Return the answer and every table as one Markdown text."""
    title = f"# {contents.results.study.name}: report"
    parts = [title, *contents.answer]
    for table in contents.tables:
        parts.append(f"## {table.title}\n\n{table.caption}\n\n{as_markdown(table).rstrip()}")
    return "\n\n".join(parts) + "\n"


def figure_spec(figure: Figure) -> dict[str, Any]:
    """Return a figure as a Vega-Lite specification for paper: with its title, of a fixed width, dark on white."""
    width = WIDTHS.get(figure.name, WIDTH)
    return {**figure.spec, "width": width, "title": figure.title, "config": theme.for_paper()}


Piece = tuple[str, Callable[[], str | bytes]]
"""A file of a report: its path below the report's folder, and what returns its content."""


def _html(contents: Contents) -> Iterator[Piece]:
    yield "report.html", lambda: page(contents)


def _csv(contents: Contents) -> Iterator[Piece]:
    for table in contents.tables:
        yield f"tables/{table.name}.csv", partial(as_csv, table)


def _markdown(contents: Contents) -> Iterator[Piece]:
    yield "report.md", lambda: markdown(contents)


def _json(contents: Contents) -> Iterator[Piece]:
    yield (
        "report.json",
        lambda: json.dumps(document(contents), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    )


def _figures(kind: str) -> Callable[[Contents], Iterator[Piece]]:
    def pieces(contents: Contents) -> Iterator[Piece]:
        for figure in contents.figures:
            yield f"figures/{figure.name}.{kind}", partial(_drawn, figure, kind)

    return pieces


def _drawn(figure: Figure, kind: str) -> str | bytes:
    """Return a figure as the content of a file."""
    import vl_convert

    draw: dict[str, Callable[[dict[str, Any]], str | bytes]] = {
        "svg": vl_convert.vegalite_to_svg,
        "pdf": vl_convert.vegalite_to_pdf,
        "png": lambda spec: vl_convert.vegalite_to_png(spec, scale=2),
    }
    return draw[kind](figure_spec(figure))


_PIECES: dict[str, Callable[[Contents], Iterator[Piece]]] = {
    "html": _html,
    "csv": _csv,
    "markdown": _markdown,
    "json": _json,
    "svg": _figures("svg"),
    "pdf": _figures("pdf"),
    "png": _figures("png"),
}

FORMATS = tuple(_PIECES)
"""Every format that a report can take."""
