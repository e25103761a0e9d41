"""Commands whose stdout, stderr or stdin is closed, full, without a reader, or in an encoding without Unicode."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from convstudy.cli.streams import NotPrinted, encodable, safe_streams
from tests.cli.conftest import process_arguments

# Each command runs in a forked child that flushes its streams at exit, as Python does; forking saves the imports.
IN_CHILDREN = """
import json, os, sys
import altair, scipy.stats, sklearn.model_selection, torch
import convstudy.plan, convstudy.checks, convstudy.report, convstudy.run, convstudy.studyfile
from convstudy.cli import main
def replace_stream(number, name, state, encoding, path):
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
def exit_status_of(arguments, out, err, encoding, folder):
    os.close(0)
    sys.stdin = None
    replace_stream(1, "stdout", out, encoding, folder + "/out")
    replace_stream(2, "stderr", err, encoding, folder + "/err")
    status = main(arguments)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            return 120
    return status
statuses = []
for commands, *how in json.loads(sys.argv[1]):
    statuses.append([])
    for arguments in commands:
        child = os.fork()
        if child == 0:
            os._exit(exit_status_of(arguments, *how))
        statuses[-1].append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(statuses))
"""
N_COMMANDS = 20
STATES = ("open", "closed", "full", "no reader")


def commands(finished: Path, folder: Path) -> list[list[str]]:
    """Return every command, with text and with JSON output; none of them trains."""
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
        *([*arguments, "--json"] for arguments in both),
        ["schema"],
        ["report", "tiny", *runs, "--format", "markdown", "--output", str(folder)],
        ["init", str(folder / "new.toml"), "--force"],
        ["--help"],
    ]


@dataclass(frozen=True)
class Case:
    """The states of stdout and stderr, and their encoding."""

    out: str
    err: str
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Output:
    """The exit statuses of all commands in a case, and the bytes on stdout and stderr."""

    statuses: list[int]
    out: bytes
    err: bytes


QUICK = [
    Case("open", "open", "cp1252"),
    Case("open", "closed"),
    Case("closed", "full"),
    Case("full", "no reader"),
    Case("no reader", "open"),
]
OTHERS = [Case("open", "open", encoding) for encoding in ("latin-1", "ascii")]
OTHERS += [
    case for case in map(Case, *zip(*itertools.product(STATES, STATES), strict=True)) if case not in QUICK
]


def outputs_of(cases: list[Case], finished: Path, root: Path) -> dict[Case, Output]:
    """Run all commands in each case."""
    folders = [root / f"{number}" for number in range(len(cases))]
    for folder in folders:
        folder.mkdir()
    given = [
        [commands(finished, folder), case.out, case.err, case.encoding, str(folder)]
        for case, folder in zip(cases, folders, strict=True)
    ]
    arguments = [sys.executable, "-c", IN_CHILDREN, json.dumps(given)]
    done = subprocess.run(arguments, capture_output=True, check=True)
    assert done.stderr == b""
    found = {}
    for case, folder, statuses in zip(cases, folders, json.loads(done.stdout), strict=True):
        assert len(statuses) == N_COMMANDS
        assert (folder / "report.md").stat().st_size > 1000 and (folder / "new.toml").exists()
        out, err = (path.read_bytes() if path.exists() else b"" for path in (folder / "out", folder / "err"))
        found[case] = Output(statuses, out, err)
    return found


@pytest.fixture(scope="module")
def quick(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Output]:
    return outputs_of(QUICK, finished, tmp_path_factory.mktemp("quick"))


def check_output(case: Case, output: Output) -> None:
    """Check the exit statuses and the output of all commands in a case."""
    status = {"open": 0, "closed": 2, "full": 2, "no reader": 141}[case.out]
    assert output.statuses == [status] * N_COMMANDS
    if case.out == "open":
        text = output.out.decode(case.encoding)
        # Signs become ASCII if the encoding lacks them; no number loses its minus.
        assert ("95 % CI −" in text) == (case.encoding == "utf-8")
        assert ("95 % CI -" in text) == (case.encoding != "utf-8")
        assert "?" not in text and "\\u2212" in text  # the latter is JSON
    if case.err == "open":
        text = output.err.decode(case.encoding)
        assert "10 fits (10 already trained)" in text
        assert not any(word in text for word in ("bug", "Traceback", "Exception ignored"))
        assert text.count("stdout: the result cannot be printed: ") == (N_COMMANDS if status == 2 else 0)


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@needs_full
@pytest.mark.parametrize("case", QUICK, ids=str)
def test_every_command_on_broken_streams_has_the_expected_status(
    case: Case, quick: dict[Case, Output]
) -> None:
    check_output(case, quick[case])


@needs_full
@pytest.mark.slow
def test_every_command_on_every_pair_of_streams_has_the_expected_status(
    finished: Path, tmp_path: Path
) -> None:
    outputs = outputs_of(OTHERS, finished, tmp_path)
    assert len(outputs) == 2 + 16 - 4
    for case in OTHERS:
        check_output(case, outputs[case])


def test_an_error_keeps_its_exit_status_if_its_json_cannot_be_printed() -> None:
    arguments = process_arguments("status", "nothing", "--runs", "no-such-folder", "--json")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *arguments], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 2
    assert "the folder has no runs" in done.stderr and "cannot be printed" in done.stderr


def test_no_file_gets_the_descriptor_of_a_closed_stream(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from convstudy.cli.streams import safe_streams\n"
        "with safe_streams(), open(sys.argv[1], 'w') as file:\n"
        "    for number in (1, 2):\n"
        "        os.write(number, b'of a library')\n"
        "    file.write(str(file.fileno() > 2))\n"
    )
    path = tmp_path / "file"
    arguments = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", script, str(path)]
    assert subprocess.run(arguments, check=False).returncode == 0
    assert path.read_text() == "True"


def test_a_file_name_outside_utf_8_keeps_its_bytes(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/na\xefve"))
    done = subprocess.run(process_arguments("init", str(folder)), capture_output=True, check=False)
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
def test_encodable_replaces_signs_that_the_encoding_lacks(text: str, encoding: str, written: str) -> None:
    assert encodable(text, encoding) == written


def test_closed_stdout_raises_and_closed_stderr_drops_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("stdout", "stderr"):
        with (tmp_path / name).open("w") as closed:
            monkeypatch.setattr(sys, name, closed)
    with safe_streams():
        print("dropped", file=sys.stderr)
        with pytest.raises(NotPrinted, match="cannot be printed"):
            print("a result")


def test_streams_without_a_file_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", None)
    with safe_streams():
        print("−1", flush=True)
        print("nowhere", file=sys.stderr, flush=True)
        assert not sys.stderr.isatty()
    assert sys.stdout is out and sys.stderr is None
    assert out.getvalue() == "−1\n"
