"""Commands whose stdout, stderr or stdin is closed, full, read by nobody, or of an encoding without Unicode."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from convstudy.cli.streams import encodable, safe_streams
from tests.cli.conftest import process_words

# Each command runs in a child that flushes its streams at its end, as Python does; imports are paid for once.
IN_CHILDREN = """
import json, os, sys
import altair, scipy.stats, sklearn.model_selection, torch
import convstudy.plan, convstudy.checks, convstudy.report, convstudy.run, convstudy.spec
from convstudy.cli import main
def become(number, name, state, encoding, path):
    if state == "closed":
        os.close(number)
        setattr(sys, name, None)
        return
    read, write = os.pipe()
    os.close(read)
    file = {"open": path, "full": "/dev/full"}.get(state)
    os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if file else write, number)
    errors = "strict" if number == 1 else "backslashreplace"
    setattr(sys, name, open(number, "w", encoding=encoding, errors=errors, closefd=False))
def ended(words, out, err, encoding, folder):
    os.close(0)
    sys.stdin = None
    become(1, "stdout", out, encoding, folder + "/out")
    become(2, "stderr", err, encoding, folder + "/err")
    status = main(words)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            return 120
    return status
statuses = []
commands, *how = json.loads(sys.argv[1])
for words in commands:
    child = os.fork()
    if child == 0:
        os._exit(ended(words, *how))
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(statuses))
"""
N_COMMANDS = 20
STATES = ("open", "closed", "full", "no reader")


def commands(finished: Path, folder: Path) -> list[list[str]]:
    """Return every command, in words and in JSON, none of which trains anything."""
    study, runs = str(finished.parent / "tiny.toml"), ["--runs", str(finished)]
    both = [
        ["run", study, *runs, "--no-report"],
        ["plan", study, *runs],
        ["status", *runs],
        ["runs", *runs],
        ["networks", study],
        ["datasets"],
        ["verdict", "--successes", "951", "937", "--n", "1000"],
        ["check", study, *runs],
    ]
    return [
        *both,
        *([*words, "--json"] for words in both),
        ["schema"],
        ["report", "tiny", *runs, "--format", "markdown", "--output", str(folder)],
        ["init", str(folder / "new.toml"), "--force"],
        ["--help"],
    ]


def statuses(finished: Path, folder: Path, out: str, err: str, encoding: str = "utf-8") -> list[int]:
    """Return the exit status of every command with stdout and stderr in these states; ``out`` and ``err`` hold them."""
    folder.mkdir()
    given = json.dumps([commands(finished, folder), out, err, encoding, str(folder)])
    done = subprocess.run([sys.executable, "-c", IN_CHILDREN, given], capture_output=True, check=True)
    found: list[int] = json.loads(done.stdout)
    assert len(found) == N_COMMANDS
    assert done.stderr == b""
    assert (folder / "report.md").stat().st_size > 1000 and (folder / "new.toml").exists()
    return found


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "encoding", ["cp1252", *(pytest.param(each, marks=SLOW) for each in ("latin-1", "ascii", "utf-8"))]
)
def test_every_command_prints_in_any_encoding(finished: Path, tmp_path: Path, encoding: str) -> None:
    assert statuses(finished, tmp_path / "of", "open", "open", encoding) == [0] * N_COMMANDS
    said = (tmp_path / "of" / "out").read_bytes().decode(encoding)
    # Signs are put in ASCII where the encoding lacks them; no figure loses its minus.
    assert ("95 % interval −" in said) == (encoding == "utf-8")
    assert ("95 % interval -" in said) == (encoding != "utf-8")
    assert "?" not in said and "\\u2212" in said  # the latter is JSON


QUICK = [("open", "closed"), ("closed", "full"), ("full", "no reader"), ("no reader", "open")]
PAIRS = [*QUICK, *(pair for pair in itertools.product(STATES, STATES) if pair not in QUICK)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    ("out", "err"), [pytest.param(*pair, marks=[] if pair in QUICK else SLOW) for pair in PAIRS]
)
def test_every_command_with_streams_that_fail(finished: Path, tmp_path: Path, out: str, err: str) -> None:
    expected = {"open": 0, "closed": 2, "full": 2, "no reader": 141}[out]
    assert statuses(finished, tmp_path / "of", out, err) == [expected] * N_COMMANDS
    if err == "open":
        said = (tmp_path / "of" / "err").read_text("utf-8")
        assert "10 of them trained before" in said
        assert not any(word in said for word in ("bug", "Traceback", "Exception ignored"))
        assert said.count("stdout: the result cannot be printed: ") == (N_COMMANDS if expected == 2 else 0)


def test_an_error_keeps_its_exit_status_where_its_json_cannot_be_printed() -> None:
    words = process_words("status", "nothing", "--runs", "no-such-folder", "--json")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *words], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 2
    assert "there are no runs here" in done.stderr and "cannot be printed" in done.stderr


def test_nothing_is_written_into_a_file_that_took_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from convstudy.cli.streams import safe_streams\n"
        "with safe_streams(), open(sys.argv[1], 'w') as file:\n"
        "    for number in (1, 2):\n"
        "        os.write(number, b'of a library')\n"
        "    file.write(str(file.fileno() > 2))\n"
    )
    path = tmp_path / "file"
    words = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", script, str(path)]
    assert subprocess.run(words, check=False).returncode == 0
    assert path.read_text() == "True"


def test_a_file_name_that_is_no_text_keeps_its_bytes(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/na\xefve"))
    done = subprocess.run(process_words("init", str(folder)), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(os.fsencode(folder) + b": a study")


@pytest.mark.parametrize(
    ("text", "encoding", "written"),
    [
        ("−0.5 ± 1", "utf-8", "−0.5 ± 1"),
        ("±1 × 2", "latin-1", "±1 × 2"),
        ("−0.5 ± 1", "latin-1", "-0.5 +- 1"),
        ("10¹⁰", "cp1252", "10^10"),
        ("naïve “plan” …", "ascii", 'na?ve "plan" ...'),
        ("\udcff", "utf-8", "?"),
    ],
)
def test_encodable(text: str, encoding: str, written: str) -> None:
    assert encodable(text, encoding) == written


def test_streams_that_are_no_files_are_left_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", None)
    with safe_streams():
        print("−1", flush=True)
        print("nowhere", file=sys.stderr, flush=True)
        assert not sys.stderr.isatty()
    assert sys.stdout is out and sys.stderr is None
    assert out.getvalue() == "−1\n"
