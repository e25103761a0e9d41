"""A read-only runs folder can be read; a missing database next to fits is an error."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from convstudy.cli.app import main
from convstudy.errors import StoreError
from convstudy.history import History
from convstudy.run import run_study
from convstudy.store import Layout, access
from convstudy.store.lock import is_locked, locked
from tests.plan.made import finished, record, study


def _folder_with_a_log(folder: Path) -> tuple[str, int]:
    """Create a folder with its records in the write-ahead log, as after a kill; return run id and number of records."""
    history = History.open(folder.with_name("open"), create=True)
    run_id = history.begin_run(study())
    plan, _, records = finished(study(), lambda candidate, fit: record(fit, 0.5))
    for fit in plan.fits:
        history.save_record(fit, records[fit.id])
    shutil.copytree(history.layout.folder, folder)
    history.close()
    Layout(folder).shared_memory.unlink()
    Layout(folder).lock.touch()
    assert Layout(folder).write_ahead_log.stat().st_size > 50_000
    return run_id, len(records)


def _without_log(folder: Path) -> int:
    """Return the number of records in the database without its write-ahead log."""
    connection = sqlite3.connect(f"file:{Layout(folder).database}?immutable=1", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM fits").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # the database has no tables
    finally:
        connection.close()


def test_read_only_folder_is_read_with_its_write_ahead_log_and_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, temporary = tmp_path / "runs", tmp_path / "temporary"
    temporary.mkdir()
    run_id, n_records = _folder_with_a_log(folder)
    before = {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    }
    assert _without_log(folder) < n_records
    monkeypatch.setattr(access, "_is_writable", lambda layout: False)
    monkeypatch.setattr(access.tempfile, "mkdtemp", lambda prefix: str(temporary / "copy"))
    (temporary / "copy").mkdir()
    history = History.open(folder)
    (summary,) = history.runs()
    assert (summary.run_id, summary.status, summary.n_done) == (run_id, "interrupted", n_records)
    assert len(history.results(run_id).records) == n_records
    history.close()
    del history
    after = {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    }
    assert after == before
    assert not (temporary / "copy").exists()


def test_copy_of_a_database_that_changes_is_repeated_until_consistent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs"
    _, n_records = _folder_with_a_log(folder)
    layout, copied = Layout(folder), []
    original = shutil.copyfile

    def copyfile(source: Path, target: Path) -> None:
        original(source, target)
        copied.append(source.name)
        if len(copied) == 1:  # the log is merged into the database right after the database was copied
            connection = sqlite3.connect(layout.database)
            connection.execute("SELECT count(*) FROM fits")
            connection.close()

    monkeypatch.setattr(access, "_is_writable", lambda layout: False)
    monkeypatch.setattr(access.shutil, "copyfile", copyfile)
    history = History.open(folder)
    assert len(history.records) == n_records
    assert copied == ["convstudy.sqlite", "convstudy.sqlite"]
    history.close()


def test_copy_of_a_folder_that_keeps_changing_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs"
    _folder_with_a_log(folder)
    monkeypatch.setattr(access, "_is_writable", lambda layout: False)
    stamps = iter(range(1000))
    monkeypatch.setattr(access, "_file_states", lambda layout: next(stamps))
    with pytest.raises(StoreError, match="during 10 attempts to copy it"):
        History.open(folder)


# In a separate mount namespace, a folder can be read-only for root too.
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'


def _read_only(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    command_line = ["unshare", "-rm", "sh", "-c", READ_ONLY, "sh", str(folder), *command]
    return subprocess.run(command_line, capture_output=True, text=True, check=False)


def _cannot_mount() -> bool:
    if not shutil.which("unshare"):
        return True
    return _read_only(Path(__file__).parent, "true").returncode != 0


@pytest.mark.skipif(_cannot_mount(), reason="makes a folder read-only in a mount namespace")
def test_reading_commands_work_on_a_read_only_file_system(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    run_id, n_records = _folder_with_a_log(folder)
    program = (
        "import sys; from pathlib import Path; from convstudy.cli.app import main\n"
        "runs, elsewhere = sys.argv[1:]\n"
        "assert main(['status', '--runs', runs]) == 0\n"
        "assert main(['runs', '--runs', runs]) == 0\n"
        "assert main(['check', 'digits', '--runs', runs]) == 0\n"
        f"assert main(['report', '{run_id}', '--runs', runs, '--output', elsewhere]) == 0\n"
        "print('now where it cannot be written', flush=True)\n"
        f"print(main(['report', '{run_id}', '--runs', runs]), flush=True)\n"
        "print(main(['run', 'digits', '--runs', runs]), flush=True)\n"
    )
    done = _read_only(folder, sys.executable, "-c", program, str(folder), str(tmp_path / "report"))
    assert done.returncode == 0, done.stderr
    assert f"{run_id}: interrupted, {n_records} of {n_records} fits done" in done.stdout
    assert (tmp_path / "report" / "report.html").exists()
    assert done.stdout.splitlines()[-1] == "2"  # a run needs to write
    assert "bug in convstudy" not in done.stderr
    # The answer is printed, then the error of the report.
    after = done.stdout.split("now where it cannot be written")[1] + done.stderr
    assert str(folder / run_id) in after
    assert "ead-only file system" in after


@pytest.mark.parametrize(
    "what", ["deleted", "empty", "without tables", "without runs", "deleted, with a log"]
)
def test_missing_database_next_to_fits_is_an_error_for_every_command(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "runs"
    _folder_with_a_log(folder)
    layout = Layout(folder)
    if what != "deleted, with a log":
        layout.write_ahead_log.unlink()
        layout.artefact("some", "weights").parent.mkdir(parents=True)
        layout.artefact("some", "weights").touch()
    layout.database.unlink()
    if what == "empty":
        layout.database.touch()
    elif what == "without tables":
        connection = sqlite3.connect(layout.database)
        connection.execute("VACUUM")
        connection.execute("PRAGMA user_version = 0")
        connection.close()
    elif what == "without runs":
        History.open(tmp_path / "new", create=True).close()
        shutil.copy(Layout(tmp_path / "new").database, layout.database)
    before = layout.database.read_bytes() if what in ("empty", "without runs") else None
    log = layout.write_ahead_log.read_bytes() if what == "deleted, with a log" else None
    for command in (["status"], ["runs"], ["report", "made"], ["check", "digits"], ["run", "digits"]):
        assert main([*command, "--runs", str(folder)]) == 2, command
        error = capsys.readouterr().err
        assert "although this runs folder has fits or a write-ahead log" in error
        assert "restore convstudy.sqlite" in error
    assert before is None or layout.database.read_bytes() == before
    assert log is None or layout.write_ahead_log.read_bytes() == log
    assert layout.database.exists() == (not what.startswith("deleted"))
    # Starting over is possible.
    shutil.rmtree(folder / "fits", ignore_errors=True)
    for path in (layout.database, layout.write_ahead_log, layout.shared_memory):
        path.unlink(missing_ok=True)
    History.open(folder, create=True).close()


@pytest.mark.parametrize("is_writable", [True, False])
def test_every_command_rejects_a_database_of_version_3(
    is_writable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(tmp_path / "runs")
    layout.artefact("some", "weights").parent.mkdir(parents=True)
    layout.artefact("some", "weights").touch()
    with closing(sqlite3.connect(layout.database)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE openings (number INTEGER PRIMARY KEY, opened_at TEXT NOT NULL)")
        database.execute("INSERT INTO openings VALUES (1, '2026-01-01')")
        database.execute("PRAGMA user_version = 3")
    if not is_writable:
        monkeypatch.setattr(access, "_is_writable", lambda layout: False)
    before = {path: path.read_bytes() for path in layout.folder.rglob("*") if path.is_file()}
    commands = ["runs", "status", "status made", "report made", "check digits", "plan digits", "run digits"]
    for command in (*commands, *(f"{command} --json" for command in commands if "report" not in command)):
        assert main([*command.split(), "--runs", str(layout.folder)]) == 2, command
        output = capsys.readouterr()
        text = output.out + output.err
        assert "this runs folder has database version 3; this convstudy needs version 4" in text
        assert output.err.count("use another folder with --runs; this folder is not changed") == 1
        assert str(layout.database) in text
        assert "Traceback" not in text
    assert {path: path.read_bytes() for path in layout.folder.rglob("*") if path.is_file()} == before


def test_folder_with_only_a_checkpoint_can_be_opened(tmp_path: Path) -> None:
    """A kill before the first record leaves a folder that can be used, even with an empty database file."""
    layout = Layout(tmp_path / "runs")
    layout.artefact("some", "checkpoint").parent.mkdir(parents=True)
    layout.artefact("some", "checkpoint").touch()
    layout.database.touch()
    History.open(layout.folder, create=True).close()


def test_run_in_a_folder_without_its_database_trains_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "runs")
    layout.artefact("some", "test").parent.mkdir(parents=True)
    layout.artefact("some", "test").touch()

    def fail(event: Any) -> None:
        raise AssertionError(event)

    with pytest.raises(StoreError, match="the database is missing"):
        run_study(study(), layout.folder, 0, fail)
    assert not layout.database.exists()


def test_is_locked_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    assert not path.exists()
    with locked(path):
        assert is_locked(path)
    path.chmod(0o444)
    assert not is_locked(path)
