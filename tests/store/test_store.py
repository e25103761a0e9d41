"""The database and files of a runs folder: damage is reported, and one process writes at a time."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from convstudy.errors import StoreError
from convstudy.store import Layout, Store, lock
from convstudy.store.artefacts import arrays_digest
from convstudy.store.database import SCHEMA_VERSION
from convstudy.store.lock import is_locked, locked


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "runs", create=True)
    yield opened
    opened.close()


def _again(store: Store) -> Store:
    """Open the same folder a second time, as another process does."""
    return Store.open(store.layout.folder)


def test_arrays_are_read_back_and_a_damaged_file_raises(store: Store) -> None:
    path = store.layout.artefact("fit", "test")
    with pytest.raises(StoreError, match="run the study again"):
        store.artefacts.read("fit", "test")
    path.parent.mkdir(parents=True)
    labels = {"labels": np.arange(3)}
    save_file(labels, path, {"fit_id": "fit", "weights_digest": "ab", "digest": arrays_digest(labels)})
    assert store.artefacts.read("fit", "test")["labels"].tolist() == [0, 1, 2]
    content = path.read_bytes()
    for damaged in (content[:-5], b"", b"\xff" * 50):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="cannot be read"):
            store.artefacts.read("fit", "test")


def test_folder_in_the_place_of_a_checkpoint_stays(store: Store) -> None:
    path = store.layout.artefact("trial", "checkpoint")
    store.drop_checkpoint("trial")  # neither the checkpoint nor its folder exists
    path.mkdir(parents=True)
    assert not store.has_checkpoint("trial")
    store.drop_checkpoint("trial")
    assert path.is_dir()
    path.rmdir()
    path.write_bytes(b"")
    assert store.has_checkpoint("trial")
    store.drop_checkpoint("trial")
    assert not path.exists()
    path.parent.rmdir()
    path.parent.write_bytes(b"")
    store.drop_checkpoint("trial")
    assert not store.has_checkpoint("trial")


def test_second_process_cannot_take_the_lock(store: Store) -> None:
    program = (
        "import sys; from pathlib import Path; from convstudy.store.lock import locked\n"
        "from convstudy.errors import StoreError\n"
        "try:\n    with locked(Path(sys.argv[1])): print('held')\n"
        "except StoreError: print('refused')"
    )

    def attempt() -> str:
        command = [sys.executable, "-c", program, str(store.layout.lock)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with store.writing():
        assert attempt() == "refused"
    assert attempt() == "held"


def test_is_locked_does_not_stop_a_writer(tmp_path: Path) -> None:
    """``is_locked`` takes the lock for a moment; a writer retries during that time."""
    path = tmp_path / "lock"
    assert not is_locked(path)
    is_held, done = threading.Event(), threading.Event()

    def ask() -> None:
        with locked(path):
            is_held.set()
            done.wait(lock.RETRY_SECONDS / 5)

    thread = threading.Thread(target=ask)
    thread.start()
    is_held.wait()
    assert is_locked(path)
    with locked(path, timeout=30.0):
        assert is_locked(path)
    thread.join()
    assert not is_locked(path)


def test_incomplete_files_of_a_killed_process_are_removed_by_the_next_run(store: Store) -> None:
    whole = store.layout.artefact("fit", "weights")
    whole.parent.mkdir(parents=True)
    whole.write_bytes(b"whole")
    half = whole.with_name(f"{whole.name}.123.partial")
    half.write_bytes(b"ha")
    with store.writing():
        assert whole.exists()
        assert not half.exists()


def test_incomplete_files_of_a_killed_report_are_removed_by_the_next_run(store: Store) -> None:
    store.save_run("made-1", "made", {}, "running")
    folders = store.layout.report_folders("made-1")
    assert len(folders) == 3
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / f"file.csv.{2**31 - 2}.partial").write_text("ha")
        (folder / f"file.csv.{os.getppid()}.partial").write_text("another process writes it")
    with store.writing():
        pass
    left = [file.name for folder in folders for file in folder.iterdir() if file.is_file()]
    assert left == [f"file.csv.{os.getppid()}.partial"] * 3


def test_folder_without_runs_raises_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the folder has no runs"):
        Store.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_file_that_is_not_a_database_raises_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("I am no folder")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(StoreError, match="cannot create this runs folder"):
            Store.open(folder, create=True)
    layout = Layout(tmp_path)
    layout.database.write_bytes(b"this is no database at all, only text" * 100)
    with pytest.raises(StoreError, match="not a convstudy database"):
        Store.open(tmp_path)
    layout.database.unlink()
    layout.database.mkdir()
    with pytest.raises(StoreError, match="must be a regular file; got a folder"):
        Store.open(tmp_path)


@pytest.mark.parametrize("version", [1, SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
def test_database_of_another_version_is_rejected_and_left_unchanged(store: Store, version: int) -> None:
    store.close()
    connection = sqlite3.connect(store.layout.database, isolation_level=None)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    before = {path.name: path.read_bytes() for path in store.layout.folder.iterdir()}
    for create in (False, True):
        with pytest.raises(StoreError) as caught:
            Store.open(store.layout.folder, create)
        (problem,) = caught.value.problems
        expected = f"database version {version}; this convstudy needs version {SCHEMA_VERSION}"
        assert problem.what == f"this runs folder has {expected}"
        assert "use another folder with --runs" in problem.hint
        assert ("update convstudy" in problem.hint) == (version > SCHEMA_VERSION)
    assert {path.name: path.read_bytes() for path in store.layout.folder.iterdir()} == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_opening_an_unwritable_folder_for_writing_raises_store_error(store: Store) -> None:
    store.close()
    folder = store.layout.folder
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    try:
        with pytest.raises(StoreError):
            opened = Store.open(folder, create=True)
            with opened.writing():
                opened.save_run("made-1", "made", {}, "running")
    finally:
        folder.chmod(0o755)


def test_lock_that_cannot_be_created_raises_store_error(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StoreError, match="cannot write to this runs folder"), locked(tmp_path / "lock"):
        raise AssertionError("it was made")


def test_database_of_another_program_is_rejected_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "convstudy.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (number INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store.open(tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["convstudy.sqlite"]


def test_full_disk_error_does_not_suggest_another_folder(store: Store) -> None:
    """The hint must not be "use another folder with --runs", which would train everything again."""
    with store._connection as database:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError) as raised:
            for number in range(100):
                database.execute(
                    "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", (str(number), "n", "x" * 1000, "", "", "")
                )
    assert "database or disk is full" in str(raised.value)
    assert "free disk space, then run the same command again" in str(raised.value)
    assert "another folder" not in str(raised.value)
