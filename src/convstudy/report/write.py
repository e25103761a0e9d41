"""Write a report: HTML, CSV, Markdown, JSON, and its figures as SVG, PDF and PNG."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from convstudy.analysis import Analysis
from convstudy.checks import Findings
from convstudy.errors import UsageError, unknown
from convstudy.report import theme
from convstudy.report.document import document
from convstudy.report.figure import Figure, Spec
from convstudy.report.files import write_file
from convstudy.report.markdown import markdown
from convstudy.report.page import pieces
from convstudy.report.report import Report, gather
from convstudy.report.table import as_csv


def write_report(
    analysis: Analysis,
    findings: Findings | None,
    folder: Path,
    formats: Collection[str] = ("html",),
    failed: Callable[[Path, Exception], None] | None = None,
) -> tuple[Path, ...]:
    """Write the report of a run.

    Args:
        analysis: the analysis of the run, which may be unfinished.
        findings: the findings of the checks; ``None`` if the checks raised an error (the report then says so).
        folder: the folder for ``report.html``, ``report.md``, ``report.json``, ``tables/*.csv``, ``figures/*.svg``,
            ``.pdf`` and ``.png``.
        formats: any of :data:`FORMATS`.
        failed: called with the path and the error of each file that cannot be created; the other files are still
            written. Without this callback, the first error is raised.

    Returns:
        The paths of the files; the first is the one to open.

    Raises:
        UsageError: if a format is unknown.
        OSError: if a file cannot be written; ``filename`` is its path.
    """
    invalid = [name for name in formats if name not in FORMATS]
    if invalid:
        raise UsageError(*(unknown("format", name, FORMATS) for name in invalid))
    report = gather(analysis, findings)
    files: list[Path] = []
    for path, make in (piece for name in FORMATS if name in formats for piece in _PIECES[name](report)):
        try:
            files.append(write_file(folder / path, make()))
        except Exception as error:
            if failed is None:
                raise
            failed(folder / path, error)
    return tuple(files)


def figure_spec(figure: Figure) -> Spec:
    """Return the Vega-Lite specification of a figure in a file: with its title and width, dark on white."""
    title = figure.full_title or figure.title
    return {**figure.draw(), "width": figure.width, "title": title, "config": theme.for_paper()}


Piece = tuple[str, Callable[[], str | bytes | Iterable[str]]]
"""A file of a report: its path in the report's folder, and a function that returns its content."""


def _html(report: Report) -> Iterator[Piece]:
    yield "report.html", partial(pieces, report)


def _csv(report: Report) -> Iterator[Piece]:
    for table in report.tables:
        yield f"tables/{table.name}.csv", partial(as_csv, table)


def _markdown(report: Report) -> Iterator[Piece]:
    yield "report.md", lambda: markdown(report)


def _json(report: Report) -> Iterator[Piece]:
    yield (
        "report.json",
        lambda: json.dumps(document(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    )


def _figures(kind: str) -> Callable[[Report], Iterator[Piece]]:
    def pieces(report: Report) -> Iterator[Piece]:
        for figure in report.figures:
            yield f"figures/{figure.name}.{kind}", partial(_drawn, figure, kind)

    return pieces


def _drawn(figure: Figure, kind: str) -> str | bytes:
    import vl_convert

    draw: dict[str, Callable[[dict[str, Any]], str | bytes]] = {
        "svg": vl_convert.vegalite_to_svg,
        "pdf": vl_convert.vegalite_to_pdf,
        "png": lambda spec: vl_convert.vegalite_to_png(spec, scale=2),
    }
    return draw[kind](figure_spec(figure))


_PIECES: dict[str, Callable[[Report], Iterator[Piece]]] = {
    "html": _html,
    "csv": _csv,
    "markdown": _markdown,
    "json": _json,
    "svg": _figures("svg"),
    "pdf": _figures("pdf"),
    "png": _figures("png"),
}

FORMATS = tuple(_PIECES)
"""All formats of a report."""
