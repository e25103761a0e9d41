"""Read the formats of one report, and compare their common parts: answer, tables, charts, findings."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

SIGNATURES = {"svg": b"<svg", "pdf": b"%PDF-", "png": b"\x89PNG\r\n"}
NO_VALUE = "–"


class Page(HTMLParser):
    """The answer, the tables by name, and the findings of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.answer: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.statistics: list[str] = []
        self.findings: list[str] = []
        self.charts: dict[str, Any] = {}
        self._sections: list[str] = []
        self._table = ""
        self._text: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "section":
            self._sections.append(named.get("id") or "")
        if tag == "figure" and (named.get("id") or "").startswith("table-"):
            self._table = str(named["id"]).removeprefix("table-")
            self.tables[self._table] = []
        if tag == "tr" and self._table:
            self.tables[self._table].append([])
        if tag in ("td", "th", "p", "dd") or (tag == "script" and named.get("id") == "charts"):
            self._text = []

    def handle_endtag(self, tag: str) -> None:
        text = "".join(self._text or []).replace("\u00a0", " ")
        if tag in ("td", "th") and self._table:
            self.tables[self._table][-1].append(text)
        if tag == "p" and self._sections[-1:] == ["answer"]:
            self.answer.append(text)
        if tag == "p" and self._sections[-1:] == ["checks"]:
            self.findings.append(text)
        if tag == "dd":
            self.statistics.append(text)
        if tag == "script" and self._text is not None:
            self.charts = json.loads(text)["specs"]
        if tag == "section":
            self._sections.pop()
        if tag == "figure":
            self._table = ""
        if tag in ("td", "th", "p", "dd", "script"):
            self._text = None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)


@dataclass(frozen=True)
class Report:
    """A folder with a report in all formats."""

    folder: Path

    @cached_property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "report.json").read_text("utf-8"))
        return document

    @cached_property
    def page(self) -> Page:
        return Page((self.folder / "report.html").read_text("utf-8"))

    @cached_property
    def markdown(self) -> str:
        return (self.folder / "report.md").read_text("utf-8")

    @cached_property
    def csv(self) -> dict[str, list[list[str]]]:
        """Table name -> rows, with the header."""
        paths = sorted((self.folder / "tables").iterdir())
        return {
            path.stem: list(csv.reader(path.read_text("utf-8").splitlines(keepends=True))) for path in paths
        }

    @cached_property
    def markdown_tables(self) -> dict[str, list[list[str]]]:
        """Table name -> rows, with the header. Checks each caption. The names are those of the JSON document."""
        parts = self.markdown.split("\n\n")
        tables = [number for number, part in enumerate(parts) if part.startswith("| ")]
        assert len(tables) == len(self.document["tables"])
        found = {}
        for (name, table), number in zip(self.document["tables"].items(), tables, strict=True):
            assert _plain(parts[number - 1]) == " ".join(table["caption"].split())
            lines = parts[number].splitlines()
            found[name] = [_cells(line) for row, line in enumerate(lines) if row != 1]  # 1 is the separator
        return found

    def images(self, kind: str) -> set[str]:
        paths = list((self.folder / "figures").glob(f"*.{kind}"))
        for path in paths:
            content = path.read_bytes()
            assert content.startswith(SIGNATURES[kind]), path
            if kind == "svg":
                ElementTree.fromstring(content)
        return {path.stem for path in paths}


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |") + " ")
    return [_plain(cell).strip() for cell in cells]


def _plain(text: str) -> str:
    """Return a paragraph or a cell of Markdown as plain text."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)\*\*", "", text))


def assert_formats_agree(report: Report, image_formats: tuple[str, ...]) -> None:
    """Compare the common parts of the formats, to the last printed digit."""
    document, page = report.document, report.page
    answer = document["answer"]
    assert answer and page.answer == answer
    assert [_plain(part) for part in report.markdown.split("\n\n")[1 : len(answer) + 1]] == answer

    tables = document["tables"]
    assert set(report.csv) == set(tables) and len(tables) > 10
    assert set(page.tables) <= set(tables)
    for name, table in tables.items():
        rows, in_markdown = table["rows"], report.markdown_tables[name]
        assert_csv_agrees(report.csv[name], rows)
        assert len(in_markdown) == len(rows) + 1, name
        for row, texts in zip(rows, in_markdown[1:], strict=True):
            assert_texts_agree(row, texts)
        if name in page.tables:
            assert [[" ".join(cell.split()) for cell in row] for row in page.tables[name]] == in_markdown, (
                name
            )
    for name in ("verdicts", "results", "test_evaluations", "choices"):
        assert name in page.tables or name not in tables, name

    found = document["checks"]
    sentences = [item["what"] + "." for item in found["reported"]]
    sentences += [item["finding"]["what"] + "." for item in found["suppressed"]]
    assert [text for text in page.findings if text in sentences] == sentences
    assert [row["what"] for row in tables["findings"]["rows"]] == [item["what"] for item in found["reported"]]

    assert set(page.charts) and all(report.images(kind) == set(page.charts) for kind in image_formats)


def assert_csv_agrees(found: list[list[str]], rows: list[dict[str, Any]]) -> None:
    assert len(found) == len(rows) + 1
    for row, cells in zip(rows, found[1:], strict=True):
        assert list(row) == found[0]
        for value, cell in zip(row.values(), cells, strict=True):
            if isinstance(value, (int, float)):
                assert float(cell) == value
            elif isinstance(value, list):
                assert cell == " ".join(value)
            else:
                assert cell == (value or "") or cell == f"'{value}"


def assert_texts_agree(row: dict[str, Any], texts: list[str]) -> None:
    """Compare one row at full precision with its formatted cells."""
    keys = [key for key in row if not key.endswith(("_sd", "_n")) or _base(key) + "_mean" not in row]
    assert len(keys) == len(texts)
    for key, text in zip(keys, texts, strict=True):
        value = row[key]
        if value in (None, "", []):
            assert text == NO_VALUE
        elif isinstance(value, (int, float)):
            assert prints(value, text), (key, value, text)
            spread = row.get(f"{_base(key)}_sd")
            if spread is not None:
                assert prints(spread, text.partition(" ± ")[2]), (key, spread, text)
        elif isinstance(value, str) and not re.fullmatch(r"[0-9a-f]{64}|\d{4}-\d\d-\d\dT.*", value):
            assert text == " ".join(value.split()), (key, value, text)


def _base(key: str) -> str:
    return re.sub(r"_(mean|sd|n)$", "", key)


def prints(value: float, text: str) -> bool:
    """Return whether a text begins with this number or its percentage, up to one unit of the last digit."""
    if re.search(r"\d (s|min|h|d)\b", text):
        return True  # a duration
    if text.startswith("< "):
        return value < float(text[2:])
    found = re.match(r"[+−-]?[\d,]+(\.\d+)?(e[+-]?\d+)?", text)
    if found is None:
        return False
    printed = float(found[0].replace("−", "-").replace(",", ""))
    digits = len((found[1] or ".")[1:]) - int((found[2] or "e0")[1:])
    return any(abs(printed - value * scale) <= 10.0**-digits for scale in (1, 100))
