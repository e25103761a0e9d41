"""Any file of a fit can be lost or damaged at any time; it is computed again if it is needed."""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import pytest

from convstudy.analysis import analyse
from convstudy.checks import check_run
from convstudy.engine.weights import read_tensors, weights_digest, write_tensors
from convstudy.history import History, Results
from convstudy.report import answer, write_report
from convstudy.run import EvaluatedOnTestSet as EvaluationResult
from convstudy.run import Event, FilesLost, FitEnded, NotReproduced, RunStarted, execute, run_study
from convstudy.store import Layout
from convstudy.studyfile import Compare, Search, Study
from tests.report.synthetic import analysed
from tests.run.studies import drop_record, halving_study, ran, small_study, started, statistics, stored
from tests.run.test_drawn import drawing_study

SCRATCH = TemporaryDirectory(prefix="convstudy-")  # shared by all tests of this module; removed at the end
VARIED = {"kernel": (3, 5)}
SHAPES: dict[str, Callable[[], Study]] = {
    "grid": small_study,
    "halving": halving_study,
    "tpe": partial(drawing_study, "tpe"),
    "nested": partial(
        small_study, ablate={}, search={"k": Search(network="one", parameters=VARIED, folds=2, nested=True)}
    ),
    "compare": partial(small_study, search={}, ablate={}, seeds=2),
    "ablate": partial(small_study, search={}),
}


class _Stopped(Exception):
    pass


def _run_content(results: Results) -> tuple[Any, ...]:
    """Return the content of a run without seconds and dates: all tables, the answer, and the data of all files."""
    folder = Path(mkdtemp(dir=SCRATCH.name))
    tables = {}
    for path in write_report(*analysed(results), folder, ["csv"]):
        if path.name == "compute.csv":  # times and values derived from them
            continue
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        kept = [i for i, name in enumerate(rows[0]) if "seconds" not in name and name != "evaluated_at"]
        tables[path.name] = [[row[i] for i in kept] for row in rows]
    shutil.rmtree(folder)
    assert len(tables) > 4
    return tables, answer(analyse(results)), statistics(results)


@lru_cache
def _finished(shape: str) -> tuple[Path, tuple[Any, ...], int]:
    """Return the folder of a completed run, its content, and the number of its events."""
    runs = Path(mkdtemp(dir=SCRATCH.name)) / "runs"
    results, events = ran(SHAPES[shape](), runs)
    assert results.complete
    return runs, _run_content(results), len(events)


@lru_cache
def _stopped(shape: str, after: int) -> Path:
    """Return the folder of a run that was stopped after this many events."""
    runs = Path(mkdtemp(dir=SCRATCH.name)) / "runs"
    left = [after]

    def stop(event: Event) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise _Stopped

    with pytest.raises(_Stopped):
        run_study(SHAPES[shape](), runs, 0, stop)
    return runs


def _deleted(path: Path, _: random.Random) -> None:
    path.unlink()


def _empty(path: Path, _: random.Random) -> None:
    path.write_bytes(b"")


def _truncated(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def _extended(path: Path, _: random.Random) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def _noise(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(path.stat().st_size))


def _one_byte(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _wrong_header(path: Path, _: random.Random) -> None:
    path.write_bytes((1 << 40).to_bytes(8, "little") + path.read_bytes()[8:])


def _file_of_another_fit(path: Path, rng: random.Random) -> None:
    """Put the file of another fit in its place."""
    own = path.read_bytes()
    others = [each for each in sorted(path.parents[1].glob(f"*/{path.name}")) if each.is_file()]
    others = [each for each in others if each.read_bytes() != own]
    if others:
        shutil.copy(rng.choice(others), path)
    else:
        path.unlink()


def _other_shapes(path: Path, _: random.Random) -> None:
    tensors, metadata = read_tensors(path)
    write_tensors(path, {name: tensor.reshape(1, -1) for name, tensor in tensors.items()}, metadata)


def _other_types(path: Path, _: random.Random) -> None:
    tensors, metadata = read_tensors(path)
    write_tensors(path, {name: tensor.double() for name, tensor in tensors.items()}, metadata)


def _folder_instead_of_file(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _file_instead_of_folder(path: Path, _: random.Random) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("a file in place of the folder")


DAMAGES = [
    _deleted,
    _empty,
    _truncated,
    _extended,
    _noise,
    _one_byte,
    _wrong_header,
    _file_of_another_fit,
    _other_shapes,
    _other_types,
    _folder_instead_of_file,
    _file_instead_of_folder,
]


def _damage(runs: Path, rng: random.Random) -> None:
    """Delete or damage some or all files below ``fits/``."""
    files = sorted(runs.glob("fits/*/*"))
    assert files
    if rng.random() < 0.2:
        shutil.rmtree(runs / "fits")
        return
    for path in rng.sample(files, rng.randint(1, len(files))):
        if path.is_file():  # its folder may be deleted already
            rng.choice([_deleted, rng.choice(DAMAGES)])(path, rng)


def _read_all(study: Study, runs: Path) -> None:
    """Read the folder as ``status``, ``runs``, ``check`` and ``report`` do."""
    history = History.open(runs)
    (summary,) = history.runs()
    results = history.results(summary.run_id)
    check_run(analyse(results))
    for _ in write_report(*analysed(results), runs / "elsewhere", ["html", "markdown"]):
        pass
    history.close()


def _check_recovery(shape: str, seed: int) -> None:
    rng = random.Random(f"{shape} {seed}")
    finished, expected, n_events = _finished(shape)
    before = finished if rng.random() < 0.5 else _stopped(shape, rng.randrange(3, n_events))
    with_files = before if any(before.glob("fits/*/*")) else finished
    folder = Path(mkdtemp(dir=SCRATCH.name))
    shutil.copytree(with_files, folder / "runs")
    _damage(folder / "runs", rng)
    study = SHAPES[shape]()
    _read_all(study, folder / "runs")
    results, events = ran(study, folder / "runs")
    assert results.complete
    assert len(started(events)) == len(set(started(events)))
    assert _run_content(results) == expected
    assert not started(ran(study, folder / "runs")[1])
    shutil.rmtree(folder)


@pytest.mark.parametrize("shape", ["grid", "halving"])
def test_lost_or_damaged_files_change_no_record(shape: str) -> None:
    for seed in range(2):
        _check_recovery(shape, seed)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_lost_or_damaged_files_change_no_record_of_any_study(shape: str) -> None:
    for seed in range(2, 14):
        _check_recovery(shape, seed)


def _file_content(path: Path) -> tuple[str, dict[str, str]]:
    """Return a digest of a file's tensors, and its metadata, whose order in the file varies."""
    tensors, metadata = read_tensors(path)
    return weights_digest(tensors), metadata


def _compared() -> Study:
    return small_study(search={}, ablate={}, compare={"networks": Compare(networks=("one", "two"))})


def test_files_that_are_not_needed_are_not_restored(tmp_path: Path) -> None:
    """Weights are needed only for the test-set evaluation."""
    shutil.copytree(_finished("grid")[0], tmp_path / "runs")
    before = stored(tmp_path / "runs", small_study())
    for fit_id in before.records:
        Layout(tmp_path / "runs").artefact(fit_id, "weights").unlink()
    results, events = ran(small_study(), tmp_path / "runs")
    assert started(events) == []
    assert statistics(results) == statistics(before)


def test_lost_test_predictions_are_computed_from_the_weights_without_a_log_entry(tmp_path: Path) -> None:
    before, _ = ran(_compared(), tmp_path)
    paths = [Layout(tmp_path).artefact(fit_id, "test") for fit_id in before.records]
    contents = [_file_content(path) for path in paths]
    for path in paths:
        path.unlink()
    results, events = ran(_compared(), tmp_path)
    assert [_file_content(path) for path in paths] == contents
    assert started(events) == []
    assert not [event for event in events if isinstance(event, EvaluationResult)]
    (lost,) = [event for event in events if isinstance(event, FilesLost)]
    assert [(file.kind, file.set_aside) for file in lost.files] == [("test", None)] * 2
    assert (results.n_test_evaluations, results.access_log) == (2, before.access_log)


@pytest.mark.parametrize("damage", DAMAGES[1:])
def test_damaged_weights_are_renamed_and_trained_again_before_the_test_evaluation(
    tmp_path: Path, damage: Callable[[Path, random.Random], None]
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(_untested(), runs)
    fit = stored(runs, _compared()).plan.tested_fits[0]
    path = Layout(runs).artefact(fit.id, "weights")
    sound = _file_content(path)
    damage(path, random.Random(0))
    results, events = ran(_compared(), runs)
    assert results.complete
    assert started(events) == [fit.id]
    (lost,) = [event for event in events if isinstance(event, FilesLost)]
    file = lost.files[0]
    assert (file.fit, file.kind) == (fit, "weights")
    assert {other.fit for other in lost.files} == {
        fit
    }  # also its validation predictions if its folder was replaced
    assert file.set_aside is not None
    assert file.set_aside.exists()
    assert ".damaged" in file.set_aside.name
    assert _file_content(path) == sound
    assert results.n_test_evaluations == 2


@lru_cache
def _untested() -> Path:
    """Return the folder of a comparison that was stopped after all training."""
    runs = Path(mkdtemp(dir=SCRATCH.name)) / "runs"
    left = [2]

    def stop(event: Event) -> None:
        left[0] -= isinstance(event, FitEnded)
        if not left[0]:
            raise _Stopped

    with pytest.raises(_Stopped):
        run_study(_compared(), runs, 0, stop)
    return runs


def test_record_stays_and_no_test_image_is_read_if_weights_cannot_be_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(_untested(), runs)
    before = stored(runs, _compared())
    for fit in before.plan.tested_fits[:1]:
        Layout(runs).artefact(fit.id, "weights").unlink()

    def fail(*_: object) -> None:
        raise MemoryError("no more")

    with monkeypatch.context() as patch:
        patch.setattr(execute, "run_fit", fail)
        results, _ = ran(_compared(), runs)
        assert results.records == before.records
        assert not results.complete
        assert results.n_test_evaluations == 0
        # The user can accept the failure, because it has a record.
        shutil.copytree(runs, tmp_path / "accepted")
        for _ in range(2):
            accepted = run_study(_compared(), tmp_path / "accepted", 0, accept_failures="no memory")
    assert [record.error_kind for record in accepted.failed] == ["out-of-memory"]
    assert len(accepted.test_evaluations) == 1
    assert ran(_compared(), runs)[0].complete


@pytest.mark.parametrize("accepting", [{}, {"accept_failures": "too large for this machine"}])
def test_record_stays_if_predictions_cannot_be_restored(
    accepting: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(_untested(), runs)
    before = stored(runs, _compared())
    for fit in before.plan.tested_fits[:1]:
        Layout(runs).artefact(fit.id, "validation").unlink()

    def fail(*_: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(execute, "run_fit", fail)
    for _ in range(2):
        results = run_study(_compared(), runs, 0, **accepting)
        assert results.records == before.records
        # The weights exist, so the models are evaluated.
        assert results.complete and len(results.test_evaluations) == 2


def test_test_score_stays_if_its_weights_are_not_reproduced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = ran(_compared(), tmp_path)
    fit = before.plan.tested_fits[0]
    for kind in ("weights", "test"):
        Layout(tmp_path).artefact(fit.id, kind).unlink()
    original = execute.run_fit

    def elsewhere(*arguments: Any) -> Any:
        trained = original(*arguments)
        record = execute.Record(**{**vars(trained.record), "weights_digest": "0" * 64})
        return type(trained)(record, trained.weights, trained.validation)

    monkeypatch.setattr(execute, "run_fit", elsewhere)
    results, events = ran(_compared(), tmp_path)
    assert [event.fit.id for event in events if isinstance(event, NotReproduced)] == [fit.id]
    assert statistics(results) == statistics(before)
    assert results.n_test_evaluations == 2
    assert not Layout(tmp_path).artefact(fit.id, "weights").exists()


def test_run_with_lost_records_is_readable(tmp_path: Path) -> None:
    study = SHAPES["nested"]()
    shutil.copytree(_finished("nested")[0], tmp_path / "runs")
    history = History.open(tmp_path / "runs")
    for stage in history.results("small").plan.stages:
        if not stage.tested:
            for fit in stage.fits:
                drop_record(history, fit.id)
    history.close()
    _read_all(study, tmp_path / "runs")
    results, events = ran(study, tmp_path / "runs")
    assert any(isinstance(event, RunStarted) for event in events)
    assert _run_content(results) == _finished("nested")[1]
