"""No text that convstudy wrote is taken apart again: what one part knows, another gets as a value."""

from __future__ import annotations

import re
from pathlib import Path

import convstudy

SOURCE = Path(convstudy.__file__).parent
# Text of other origin: a cached file, a study's names of keys, names of weights.
EXPECTED = {"report/bundle.py", "report/toml.py", "report/thumbnails.py"}
TAKES_APART = re.compile(
    r"\.r?partition\(|^import re$|\.split\([\"']|\.remove(prefix|suffix)\(|[\"'] (not )?in text\b", re.M
)


def test_report_checks_and_analysis_take_no_text_apart() -> None:
    files = [path for name in ("report", "checks", "analysis") for path in (SOURCE / name).rglob("*.py")]
    assert len(files) > 60
    found = [
        str(path.relative_to(SOURCE).as_posix())
        for path in files
        if TAKES_APART.search(path.read_text("utf-8"))
    ]
    assert set(found) <= EXPECTED
    assert TAKES_APART.search('share and " interval " not in text')
