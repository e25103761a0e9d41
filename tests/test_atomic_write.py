"""Atomic writes, and the functions that use them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from convstudy.atomic_write import _host as host
from convstudy.atomic_write import atomic_write, remove_abandoned
from convstudy.data import BUILT_IN_DATASETS, dataset_statistics
from convstudy.engine.weights import write_tensors
from convstudy.errors import StoreError
from convstudy.report.files import write_file
from convstudy.store.json_file import write_json


def _write_statistics(path: Path) -> None:
    data = BUILT_IN_DATASETS["digits"].load()
    some = data.train.take(np.arange(20))
    write_json(path, dataset_statistics(data.info, some, some).as_json())


WRITERS: dict[str, Callable[[Path], object]] = {
    "report": lambda path: write_file(path, "new"),
    "tensors": lambda path: write_tensors(path, {"w": torch.zeros(2)}, {}),
    "statistics": _write_statistics,
}


def test_new_content_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file.txt"
    for content in ("old", "new"):
        with atomic_write(path) as partial:
            assert partial.parent == path.parent  # one file system, so that it can be renamed
            partial.write_text(content)
            assert path.exists() == (content == "new")
        assert path.read_text() == content
        assert list(path.parent.iterdir()) == [path]


def test_error_leaves_the_old_file_and_no_partial_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as partial:
        partial.write_text("ne")
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), atomic_write(path):
        pass  # nothing is written, which is an error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_every_writer_keeps_the_old_file_if_the_disk_fails(
    fails: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync") if fails == "fsync" else (Path, "replace")), fail)
        with pytest.raises((OSError, StoreError), match="full"):
            WRITERS[name](path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    WRITERS[name](path)
    assert path.read_bytes() != b"old"


DEAD, LIVING = 2**31 - 2, os.getppid()
HERE = host()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not check processes")
@pytest.mark.parametrize(
    ("name", "stays"),
    [
        (f"[a].csv.{HERE}-{DEAD}.partial", False),
        (f"[a].csv.{DEAD}.partial", False),  # by an earlier version
        (f"[a].csv.{HERE}-{LIVING}.partial", True),
        (f"[a].csv.{LIVING}.partial", True),
        (f"[a].csv.another-host-{DEAD}.partial", True),
        (f"[a].csv.{HERE}-{10**30}.partial", False),
        (f"a film.{DEAD}.partial", True),  # by another program
        (f"[a].csv.gz.{DEAD}.partial", True),
        ("a download.partial", True),
        (".partial", True),
        ("results.csv", True),
    ],
)
def test_next_write_removes_partial_files_of_killed_processes(name: str, stays: bool, tmp_path: Path) -> None:
    left = tmp_path / name
    left.write_text("half")
    with atomic_write(tmp_path / "[a].csv") as partial:
        partial.write_text("whole")
    assert left.exists() == stays


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a child")
def test_partial_file_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    child = os.fork()
    if not child:
        with atomic_write(path) as partial:
            partial.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    while not list(tmp_path.glob("*.partial")):
        os.sched_yield()
    # The killed process exists until it is waited for.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    remove_abandoned(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    os.waitpid(child, 0)
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_concurrent_writers_do_not_corrupt_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    with atomic_write(path) as first:
        first.write_text("first")
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", os.getppid)  # another process
            with atomic_write(path) as second:
                second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]
