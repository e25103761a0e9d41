"""The report as one HTML file that works offline, with its images, charts and the chart library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from convstudy.numbers import moment
from convstudy.report import theme
from convstudy.report.bundle import chart_library
from convstudy.report.figure import Spec
from convstudy.report.report import Report
from convstudy.report.table import Column, Table

TEMPLATES = Path(__file__).parent / "templates"


def page(report: Report) -> str:
    """Return the HTML. Its content security policy forbids loading anything from outside."""
    return "".join(pieces(report))


def pieces(report: Report) -> Iterator[str]:
    """Yield the HTML in pieces. A report on 1,000 fits has 10 MB; a single string would take this memory twice."""
    template = environment().get_template("page.html")
    yield from template.generate(
        report=report,
        results=report.results,
        charts=_charts(report),
        library=Markup(_for_script(chart_library())),
        style=own("page.css"),
        script=own("page.js"),
    )


@cache
def environment() -> Environment:
    """Return the templates with their filters."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["moment"] = moment
    made.filters["tied"] = _tied
    made.filters["rows"] = _rows
    return made


def _rows(table: Table) -> Markup:
    """Return the rows of a table as HTML, several times faster than a template."""
    attributes = [_attribute(column, first=number == 0) for number, column in enumerate(table.columns)]
    lines = []
    for number, texts in enumerate(table.texts):
        cells = "".join(
            f"<td{attribute}>{escape(text)}</td>"
            for attribute, text in zip(attributes[1:], texts[1:], strict=True)
        )
        marked = ' class="marked"' if number in table.marked else ""
        lines.append(f'<tr{marked}><th scope="row"{attributes[0]}>{escape(texts[0])}</th>{cells}</tr>')
    return Markup("\n".join(lines))


def _attribute(column: Column, first: bool) -> str:
    """Return the ``class`` attribute of a column's cells."""
    kinds = {"prose": "prose", "code": "code", "digest": "code", "digests": "code digests"}
    if first:
        kinds = {"code": "code"}
    name = "number" if column.numeric and not first else kinds.get(column.kind, "")
    return f' class="{name}"' if name else ""


def _charts(report: Report) -> Iterator[Markup]:
    """Yield the specifications of all charts as JSON, escaped for a script element."""
    yield _json('{"config":', theme.for_page())
    mark = ',"specs":{'
    for figure in report.figures:
        yield _json(f"{mark}{json.dumps(figure.name)}:", figure.draw())
        mark = ","
    yield Markup("}}" if mark == "," else f"{mark}}}}}")


def _json(before: str, value: Spec) -> Markup:
    text = before + json.dumps(value, separators=(",", ":"), allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _tied(text: str) -> str:
    """Replace the space between a number and its unit by a no-break space."""
    for pair in (" %", " ± ", "± ", " pp", " percentage points", " CI", " fits", " seeds", " folds"):
        text = text.replace(pair, pair.replace(" ", "\u00a0"))
    return text


def _for_script(text: str) -> str:
    """Escape a script so that no string in it ends the script element."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def own(name: str) -> Markup:
    """Return a file of ours for a style or script element."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))
