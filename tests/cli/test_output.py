"""Tables, and the name of the program."""

from __future__ import annotations

import pytest

from convstudy.cli.output import program, table


def test_a_table_lines_up_and_cuts_nothing() -> None:
    lines = table(("name", "n"), [("a" * 200, 1), ("b", 1234567)], right=(1,)).splitlines()
    assert len(lines) == 4
    assert lines[2] == "a" * 200 + "          1"
    assert lines[3].endswith("1,234,567") and len(lines[3]) == len(lines[2])
    assert lines[0].startswith("name ") and lines[0].endswith(" n")
    assert set(lines[1]) == {"─", " "}


@pytest.mark.parametrize(
    ("called", "found", "told"),
    [
        (".venv/bin/convstudy", None, ".venv/bin/convstudy"),
        (".venv/bin/convstudy", "/usr/bin/convstudy", "convstudy"),
        ("/usr/bin/pytest", None, "convstudy"),
        ("-c", None, "convstudy"),
    ],
)
def test_the_next_command_is_one_that_is_there(
    monkeypatch: pytest.MonkeyPatch, called: str, found: str | None, told: str
) -> None:
    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setattr("shutil.which", lambda name: found)
    assert program() == told
