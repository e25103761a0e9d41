"""The contents as one HTML file that works offline: text, tables, images, charts and the library that draws them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from convstudy import figures
from convstudy.duration import duration
from convstudy.report import numbers, theme
from convstudy.report.bundle import chart_library
from convstudy.report.contents import Contents
from convstudy.report.reproduce import toml_text
from convstudy.studyfile import BUILT_IN_STUDIES, study_document

TEMPLATES = Path(__file__).parent / "templates"


def page(contents: Contents) -> str:
    """Return the page. Everything is inside it; its own policy forbids it to load anything else."""
    results = contents.results
    study = results.study
    return (
        _environment()
        .get_template("page.html")
        .render(
            c=contents,
            results=results,
            study=study,
            file=toml_text(study_document(study)),
            built_in=study.name in BUILT_IN_STUDIES,
            seconds=duration(results.seconds),
            charts=_charts(contents),
            library=Markup(_for_script(chart_library())),
            style=_own("page.css"),
            script=_own("page.js"),
            numbers=numbers,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = figures.counted
    environment.filters["moment"] = figures.moment
    environment.filters["tied"] = _tied
    return environment


def _charts(contents: Contents) -> Markup:
    """Return every chart's specification as JSON that no text in it can break out of."""
    specs: dict[str, dict[str, Any]] = {}
    for figure in contents.figures:
        # The schema is an address, and the page has none; page.js says that this is Vega-Lite.
        specs[figure.name] = {key: value for key, value in figure.spec.items() if key != "$schema"}
    text = json.dumps({"config": theme.for_page(), "specs": specs}, separators=(",", ":"), allow_nan=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _tied(text: str) -> str:
    """Return a sentence whose figures do not part from their signs and units at the end of a line."""
    for pair in (" %", " ± ", "± ", " points", " fits", " seeds", " folds"):
        text = text.replace(pair, pair.replace(" ", "\u00a0"))
    return text


def _for_script(text: str) -> str:
    """Return a script so that nothing in it ends its element."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _own(name: str) -> Markup:
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))
