"""The progress of reading images: on a terminal only."""

from __future__ import annotations

import io

import pytest

from convstudy.cli.reading import STEPS, show_reading
from convstudy.data.progress import report_progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def reported(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> str:
    """Report the progress of decoding, and return what was written."""
    monkeypatch.setattr("sys.stderr", stream)
    with show_reading():
        for done in range(0, 1001, 100):
            report_progress("decode", done, 1000)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)


def test_terminal_shows_the_step_and_the_number_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    written = reported(monkeypatch, Terminal())
    assert STEPS["decode"] in written and "/1000" in written


def test_without_a_terminal_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reported(monkeypatch, io.StringIO()) == ""


def test_progress_outside_of_the_context_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    reported(monkeypatch, stream)
    n_written = len(stream.getvalue())
    report_progress("decode", 1, 2)
    assert len(stream.getvalue()) == n_written


def test_error_of_reading_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    with pytest.raises(ValueError, match="stop"), show_reading():
        raise ValueError("stop")
