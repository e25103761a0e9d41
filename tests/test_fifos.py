"""Every reader of a file refuses a FIFO, a device and a folder, without blocking."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
import pytest
import torch

from convstudy.cli.app import main
from convstudy.data.arrays import PixelFile, map_array
from convstudy.data.idx import read_idx
from convstudy.engine.weights import read_tensors, write_tensors
from convstudy.errors import ConvstudyError
from convstudy.history import History
from convstudy.run import run_study
from convstudy.store import Layout
from convstudy.store.lock import is_locked
from convstudy.studyfile import load_study
from tests.datasets import DIGITS
from tests.run.studies import ran, small_study
from tests.waiting import no_longer_than

SCRATCH = TemporaryDirectory(prefix="convstudy-")  # for all tests here; removed at the end
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")
STUDY = small_study(search={}, ablate={}, recipe={"epochs": 1, "batch_size": 40})
SECONDS = 100


@pytest.fixture(autouse=True)
def no_wait() -> Iterator[None]:
    """Fail if a reader blocks on a FIFO."""
    with no_longer_than(SECONDS):
        yield


def _fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


KINDS = [_fifo, _folder, _device]


def _read_pixels(path: Path, put: Callable[[Path], None]) -> object:
    np.save(path.with_suffix(".npy"), np.zeros((3, 2, 2, 1), np.uint8))
    path = path.with_suffix(".npy")
    file = PixelFile.of(map_array(path, "|u1", (3, 2, 2, 1)), path)
    put(path)
    return file.read(np.arange(2))


READERS: dict[str, Callable[[Path, Callable[[Path], None]], object]] = {
    "study": lambda path, put: load_study(path),
    "IDX": lambda path, put: read_idx(path, (3,)),
    "gzip": lambda path, put: read_idx(path.with_suffix(".gz"), (3,)),
    "array": lambda path, put: map_array(path, "|u1", (3,)),
    "pixels": _read_pixels,
    "tensors": lambda path, put: read_tensors(path),
}


@pytest.mark.parametrize("put", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_reader_refuses_a_path_that_is_not_a_file(
    name: str, put: Callable[[Path], None], tmp_path: Path
) -> None:
    for path in (tmp_path / "file", tmp_path / "file.gz"):
        put(path)
    with pytest.raises(ConvstudyError):
        READERS[name](tmp_path / "file", put)


@lru_cache
def _finished() -> Path:
    runs = Path(mkdtemp(dir=SCRATCH.name)) / "runs"
    ran(STUDY, runs)
    return runs


@pytest.mark.parametrize("put", KINDS)
@pytest.mark.parametrize("name", ["", "-wal", "-shm"])
def test_database_that_is_not_a_file_is_refused(
    name: str, put: Callable[[Path], None], tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(_finished(), runs)
    put(Path(f"{Layout(runs).database}{name}"))
    for words in (["status"], ["runs"], ["report", "small"]):
        assert main([*words, "--runs", str(runs)]) == 2
    with pytest.raises(ConvstudyError, match="regular file"):
        run_study(STUDY, runs, 0)


@pytest.mark.parametrize("put", KINDS)
def test_lock_that_is_not_a_file_is_refused_and_statistics_are_rewritten(
    put: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(_finished(), runs)
    (statistics,) = runs.glob("datasets/*/statistics.json")
    put(statistics)
    history = History.open(runs)
    assert history.dataset_statistics(DIGITS) is None
    assert [run.status for run in history.runs()] == ["complete"]
    history.close()
    Layout(runs).lock.unlink()
    put(Layout(runs).lock)
    is_locked(Layout(runs).lock)
    with pytest.raises(ConvstudyError, match="cannot write to this runs folder"):
        run_study(STUDY, runs, 0)
    shutil.copytree(_finished(), tmp_path / "other")
    put(Layout(tmp_path / "other").log)
    with pytest.raises(ConvstudyError, match="regular file"):
        run_study(STUDY.model_copy(update={"seeds": 2}), tmp_path / "other", 1)


@pytest.mark.parametrize("put", KINDS)
def test_fit_files_that_are_not_files_are_computed_again(put: Callable[[Path], None], tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(_finished(), runs)
    files = sorted(runs.glob("fits/*/*.safetensors"))
    assert len(files) == 6
    for path in files:
        put(path)
    assert main(["report", "small", "--runs", str(runs)]) == 0
    results, _ = ran(STUDY, runs)
    assert results.complete
    assert all(path.is_file() for path in files)


def test_runs_folder_that_is_a_fifo_is_refused(tmp_path: Path) -> None:
    _fifo(tmp_path / "runs")
    assert main(["report", "small", "--runs", str(tmp_path / "runs")]) == 2
    with pytest.raises(ConvstudyError):
        run_study(STUDY, tmp_path / "runs", 0)


def test_non_file_in_the_data_folder_is_an_error_and_no_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("CONVSTUDY_DATA", "CONVSTUDY_CACHE"):
        (tmp_path / name / "mnist").mkdir(parents=True)
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CONVSTUDY_OFFLINE", "1")
    for part in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            _fifo(tmp_path / "CONVSTUDY_CACHE" / "mnist" / f"{part}-{kind}-ubyte.gz")
    assert main(["run", "mnist", "--runs", str(tmp_path / "runs")]) == 2
    assert "must be a regular file; got a FIFO" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_reader_reads_a_valid_file(tmp_path: Path) -> None:
    write_tensors(tmp_path / "file", {"w": torch.zeros(2)}, {})
    assert list(read_tensors(tmp_path / "file")[0]) == ["w"]
    np.save(tmp_path / "a.npy", np.zeros(3, np.uint8))
    assert map_array(tmp_path / "a.npy", "|u1", (3,)).shape == (3,)
