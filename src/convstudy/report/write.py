"""The contents of a report as files: HTML, CSV, Markdown, JSON, and the figures as SVG, PDF and PNG."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from convstudy.errors import UsageError, unknown
from convstudy.report import theme
from convstudy.report.contents import Contents, gather
from convstudy.report.document import document
from convstudy.report.figure import Figure
from convstudy.report.files import write_file
from convstudy.report.page import page
from convstudy.report.table import as_csv, as_markdown
from convstudy.store.results import Results

WIDTHS = {"confusion": 420, "calibration": 420}
WIDTH = 640
"""Width of a figure as a file, in pixels, unless it is in ``WIDTHS``."""


def write_report(results: Results, folder: Path, formats: Collection[str] = ("html",)) -> tuple[Path, ...]:
    """Write a run's report and return the files, the one to open first in front.

    Args:
        results: the run, finished or not.
        folder: where to: ``report.html``, ``report.md``, ``report.json``, ``tables/*.csv``,
            ``figures/*.svg``, ``.pdf`` and ``.png``.
        formats: some of :data:`FORMATS`.

    Raises:
        UsageError: if a format is none of these.
        OSError: if a file cannot be written.
    """
    wrong = [name for name in formats if name not in FORMATS]
    if wrong:
        raise UsageError(*(unknown("format", name, FORMATS) for name in wrong))
    contents = gather(results)
    files: list[Path] = []
    for name in FORMATS:
        if name in formats:
            files += _WRITERS[name](contents, folder)
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


def _html(contents: Contents, folder: Path) -> list[Path]:
    return [write_file(folder / "report.html", page(contents))]


def _csv(contents: Contents, folder: Path) -> list[Path]:
    return [write_file(folder / "tables" / f"{table.name}.csv", as_csv(table)) for table in contents.tables]


def _markdown(contents: Contents, folder: Path) -> list[Path]:
    return [write_file(folder / "report.md", markdown(contents))]


def _json(contents: Contents, folder: Path) -> list[Path]:
    text = json.dumps(document(contents), indent=1, ensure_ascii=False, allow_nan=False)
    return [write_file(folder / "report.json", text + "\n")]


def _figures(kind: str) -> Callable[[Contents, Path], list[Path]]:
    def write(contents: Contents, folder: Path) -> list[Path]:
        import vl_convert

        draw: dict[str, Callable[[dict[str, Any]], str | bytes]] = {
            "svg": vl_convert.vegalite_to_svg,
            "pdf": vl_convert.vegalite_to_pdf,
            "png": lambda spec: vl_convert.vegalite_to_png(spec, scale=2),
        }
        return [
            write_file(folder / "figures" / f"{figure.name}.{kind}", draw[kind](figure_spec(figure)))
            for figure in contents.figures
        ]

    return write


_WRITERS: dict[str, Callable[[Contents, Path], list[Path]]] = {
    "html": _html,
    "csv": _csv,
    "markdown": _markdown,
    "json": _json,
    "svg": _figures("svg"),
    "pdf": _figures("pdf"),
    "png": _figures("png"),
}

FORMATS = tuple(_WRITERS)
"""Every format that a report can take."""
