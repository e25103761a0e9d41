"""Parts of convstudy exchange values and never parse text that convstudy wrote."""

from __future__ import annotations

import re
from pathlib import Path

import convstudy

SOURCE = Path(convstudy.__file__).parent
# These parse other text: a cached file, keys of a study, names of weights.
EXPECTED = {"report/bundle.py", "report/toml.py", "report/thumbnails.py"}
PARSES_TEXT = re.compile(
    r"\.r?partition\(|^import re$|\.split\([\"']|\.remove(prefix|suffix)\(|[\"'] (not )?in text\b", re.M
)


def test_report_checks_and_analysis_parse_no_text() -> None:
    files = [path for name in ("report", "checks", "analysis") for path in (SOURCE / name).rglob("*.py")]
    assert len(files) > 60
    found = [
        str(path.relative_to(SOURCE).as_posix())
        for path in files
        if PARSES_TEXT.search(path.read_text("utf-8"))
    ]
    assert set(found) <= EXPECTED
    assert PARSES_TEXT.search('x and " interval " not in text')
