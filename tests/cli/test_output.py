"""Tables and the name of the program."""

from __future__ import annotations

import pytest

from convstudy.cli.output import program, table


def test_a_table_aligns_columns_and_cuts_no_cell() -> None:
    lines = table(("name", "n"), [("a" * 200, 1), ("b", 1234567)], right=(1,)).splitlines()
    assert len(lines) == 4
    assert lines[2] == "a" * 200 + "          1"
    assert lines[3].endswith("1,234,567") and len(lines[3]) == len(lines[2])
    assert lines[0].startswith("name ") and lines[0].endswith(" n")
    assert set(lines[1]) == {"─", " "}


@pytest.mark.parametrize(
    ("argv0", "which", "command"),
    [
        (".venv/bin/convstudy", None, ".venv/bin/convstudy"),
        (".venv/bin/convstudy", "/usr/bin/convstudy", "convstudy"),
        ("/usr/bin/pytest", None, "convstudy"),
        ("-c", None, "convstudy"),
    ],
)
def test_program_is_a_command_that_the_shell_finds(
    monkeypatch: pytest.MonkeyPatch, argv0: str, which: str | None, command: str
) -> None:
    monkeypatch.setattr("sys.argv", [argv0])
    monkeypatch.setattr("shutil.which", lambda name: which)
    assert program() == command
