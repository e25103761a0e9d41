"""A runs folder that is deleted or replaced during a run ends the run with one error."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.errors import StoreError
from convstudy.history import History
from convstudy.run import ChoiceMade, Event, FitEnded, ImagesInspected, RunStarted, run_study
from convstudy.run import EvaluatedOnTestSet as EvaluationResult
from convstudy.store import Layout
from convstudy.store.lock import locked
from convstudy.store.presence import Presence
from tests.run.studies import ran, small_study

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete an open file")

STUDY = small_study(search={}, ablate={}, recipe={"epochs": 1, "batch_size": 40})


def _delete_folder(runs: Path) -> None:
    shutil.rmtree(runs)


def _replace_folder(runs: Path) -> None:
    shutil.copytree(runs, runs.with_name("copy"))
    runs.rename(runs.with_name("old"))
    runs.with_name("copy").rename(runs)


def _delete(name: str) -> Callable[[Path], None]:
    return lambda runs: (runs / name).unlink()


def _replace(name: str) -> Callable[[Path], None]:
    def replace(runs: Path) -> None:
        shutil.copy(runs / name, runs / "copy")
        (runs / "copy").replace(runs / name)

    return replace


NAMES = ("convstudy.sqlite", "convstudy.sqlite-wal", "convstudy.sqlite-shm", "lock")
HARMS = {
    "the folder is deleted": _delete_folder,
    "the folder is replaced": _replace_folder,
    **{f"{name} is deleted": _delete(name) for name in NAMES},
    **{f"{name} is replaced": _replace(name) for name in NAMES},
}


@pytest.mark.parametrize("harm", HARMS)
def test_folder_deleted_or_replaced_during_a_run_is_one_error(harm: str, tmp_path: Path) -> None:
    runs = tmp_path / "runs"

    def do(event: Event) -> None:
        if isinstance(event, FitEnded) and runs.exists():
            HARMS[harm](runs)

    with pytest.raises(StoreError, match="deleted or replaced while it was in use") as caught:
        run_study(STUDY, runs, 0, do)
    (problem,) = caught.value.problems
    assert str(problem.where) == str(runs)
    assert any(name in problem.what for name in NAMES)
    assert not list(tmp_path.glob("runs/*/report.html"))
    if harm == "the folder is deleted":
        assert not runs.exists()


@pytest.mark.parametrize("moment", [RunStarted, ChoiceMade, EvaluationResult, ImagesInspected])
def test_replaced_folder_is_detected_at_every_event_of_a_run(moment: type, tmp_path: Path) -> None:
    runs = tmp_path / "runs"

    def do(event: Event) -> None:
        if isinstance(event, moment) and runs.exists():
            _replace_folder(runs)

    with pytest.raises(StoreError, match="deleted or replaced"):
        run_study(STUDY, runs, 0, do)
    # The study can be run again in the new folder.
    assert ran(STUDY, runs)[0].complete


def test_dataset_statistics_do_not_create_a_deleted_folder_again(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    left = [2]

    def do(event: Event) -> None:
        left[0] -= isinstance(event, EvaluationResult)
        if isinstance(event, EvaluationResult) and not left[0]:
            shutil.rmtree(runs)

    with pytest.raises(StoreError, match="deleted or replaced"):
        run_study(STUDY, runs, 0, do)
    assert not runs.exists()


def test_workers_do_not_create_a_deleted_folder_again(tmp_path: Path) -> None:
    runs = tmp_path / "runs"

    def do(event: Event) -> None:
        if isinstance(event, FitEnded):
            shutil.rmtree(runs)

    with pytest.raises(StoreError, match="deleted or replaced"):
        run_study(STUDY, runs, 1, do)
    assert not list(runs.glob("fits/*/weights*"))
    assert ran(STUDY, runs)[0].complete


def test_moved_folder_behind_a_symbolic_link_is_accepted(tmp_path: Path) -> None:
    runs = tmp_path / "runs"

    def do(event: Event) -> None:
        if isinstance(event, FitEnded) and not runs.is_symlink():
            runs.rename(tmp_path / "elsewhere")
            runs.symlink_to(tmp_path / "elsewhere")

    assert run_study(STUDY, runs, 0, do).complete


def test_changing_inodes_are_accepted_while_the_database_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History.open(tmp_path / "runs", create=True)
    layout = Layout(tmp_path / "runs")
    shift = [0]
    stat, fstat = Path.stat, os.fstat

    def shifted(found: os.stat_result) -> os.stat_result:
        values = list(found)
        values[1] += shift[0]
        return os.stat_result(values)

    with locked(layout.lock) as descriptor:
        presence = Presence(layout, descriptor)
        presence.check()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "stat", lambda path: shifted(stat(path)))
            patch.setattr(os, "fstat", lambda number: shifted(fstat(number)))
            shift[0] = 1
            presence.check()
        layout.database.unlink()
        with pytest.raises(StoreError, match="deleted or replaced"):
            presence.check()
    history.close()
