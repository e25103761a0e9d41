"""Events as JSON: each kind is read back as it was written, also from a file after kills and full disks."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from convstudy.data import Dataset
from convstudy.errors import DataError, UsageError
from convstudy.record import Record
from convstudy.run import (
    Event,
    FilesLost,
    FitEnded,
    JsonLines,
    NoMessage,
    NotReproduced,
    RunStarted,
    event_of_json,
    read_events,
    run_study,
)
from convstudy.run.executors import InlineExecutor
from convstudy.run.restoring import LostFile
from tests.run.studies import halving_study, small_study

PAGE = Path(__file__).resolve().parents[2] / "docs" / "running.md"
N_KINDS = 11


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Event], Path]:
    """Return the events of a run, with some that only occur after failures, and the file of their lines."""
    folder = tmp_path_factory.mktemp("events")
    events: list[Event] = []
    with JsonLines(folder / "events.jsonl") as lines:

        def listener(event: Event) -> None:
            events.append(event)
            lines(event)

        results = run_study(halving_study(), folder / "runs", 0, listener)
        one, two, *_ = results.plan.fits
        failed = Record(one.id, "failed", error_kind="crashed", error="signal 9", failed_with=("a",))
        aside = LostFile(one, "weights", Path("weights.damaged"))
        for event in (
            FilesLost((aside, LostFile(two, "validation", None))),
            NotReproduced(two),
            NoMessage(one, 60.0),
            NoMessage(None, 120.0),
            FitEnded(one, failed),
        ):
            listener(event)
    return events, folder / "events.jsonl"


def test_every_kind_of_event_is_read_back_on_its_own(run: tuple[list[Event], Path]) -> None:
    events, _ = run
    assert len(get_args(Event)) == N_KINDS
    assert {type(event) for event in events} == set(get_args(Event))
    for event in events:
        assert event_of_json(json.loads(json.dumps(event.as_json(), allow_nan=False))) == event
    assert len({kind.kind for kind in get_args(Event)}) == N_KINDS


def test_events_are_read_back_from_a_file(run: tuple[list[Event], Path]) -> None:
    events, path = run
    assert list(read_events(path)) == events


def test_each_fit_and_the_dataset_are_described_once(run: tuple[list[Event], Path]) -> None:
    events, path = run
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    fits = [fit_id for line in lines for fit_id in line.get("fits", {})]
    planned = {fit.id for event in events if isinstance(event, RunStarted) for fit in event.plan.fits}
    assert len(fits) == len(set(fits)) and planned < set(fits)
    assert sum("dataset" in line for line in lines) == 1
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["at"]) for line in lines)
    assert len(lines) == len(events)
    names = lines[0]["plan"]["names"]
    assert names[events[1].fit.id].startswith("search.kernel kernel=")  # type: ignore[union-attr]


def test_page_lists_every_kind_of_event_with_its_keys(run: tuple[list[Event], Path]) -> None:
    events, _ = run
    table = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \|", PAGE.read_text("utf-8"), re.M))
    found: dict[str, set[str]] = {}
    for event in events:
        keys = set(event.as_json()) - {"kind", "fits", "dataset"}
        assert found.setdefault(event.kind, keys) == keys
    assert {kind: set(re.findall(r"`(\w+)`", keys)) for kind, keys in table.items()} == found
    assert len(found) == N_KINDS


def test_events_of_a_run_on_arrays_with_a_callers_executor_are_read_back(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    images, labels = numbers.integers(0, 256, (150, 8, 8), dtype=np.uint8), np.arange(150) % 3
    data = Dataset.from_arrays(images[:120], labels[:120], images[120:], labels[120:], name="noise")
    events: list[Event] = []
    with JsonLines(tmp_path / "events.jsonl") as lines:

        def listener(event: Event) -> None:
            events.append(event)
            lines(event)

        study = small_study(search={}, ablate={}, subset=None)
        run_study(study, tmp_path / "runs", listener=listener, executor=InlineExecutor, data=data)
    assert "test-set-evaluated" in {event.kind for event in events}
    assert list(read_events(tmp_path / "events.jsonl")) == events


def started(run: tuple[list[Event], Path]) -> RunStarted:
    (event,) = [event for event in run[0] if isinstance(event, RunStarted)]
    return event


def test_each_line_is_written_immediately_and_a_second_run_is_appended(
    run: tuple[list[Event], Path], tmp_path: Path
) -> None:
    event, path = started(run), tmp_path / "events.jsonl"
    for number in (1, 2):
        with JsonLines(path) as lines:
            lines(event)
            assert len(path.read_bytes().splitlines()) == number
    assert list(read_events(path)) == [event, event]


def test_incomplete_line_is_skipped(run: tuple[list[Event], Path], tmp_path: Path) -> None:
    events, path = run
    text = path.read_bytes()
    cut = tmp_path / "events.jsonl"
    cut.write_bytes(text[:-100])
    assert list(read_events(cut)) == events[:-1]
    with JsonLines(cut) as lines:
        lines(started(run))
    assert list(read_events(cut)) == [*events[:-1], started(run)]


@pytest.mark.parametrize(
    "line",
    ["no JSON", "[1]", '{"kind": "unknown"}', '{"kind": "fit-started", "fit": "0123"}', "{}", "[" * 10_000],
)
def test_line_that_is_not_an_event_is_one_error_with_its_line_number(
    line: str, run: tuple[list[Event], Path], tmp_path: Path
) -> None:
    first, second, *_ = run[1].read_text("utf-8").splitlines()
    path = tmp_path / "events.jsonl"
    path.write_text(f"{first}\n{line}\n{second}\n", "utf-8")
    with pytest.raises(DataError, match=r"events\.jsonl:2: this line is not an event"):
        list(read_events(path))


def test_unwritable_event_file_is_rejected_before_the_run(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no folder" / "events.jsonl", Path("/dev/null")):
        with pytest.raises(UsageError, match="events cannot be written to this file"):
            JsonLines(path)
    with pytest.raises(DataError, match="events cannot be read"):
        list(read_events(tmp_path / "none"))


class Full(io.StringIO):
    """A stream that raises "no space left" after a few lines."""

    def write(self, text: str) -> int:
        if self.tell() > 20_000:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_full_disk_ends_the_event_lines_but_not_the_run(
    run: tuple[list[Event], Path], tmp_path: Path
) -> None:
    errors: list[str] = []
    stream = Full()
    lines = JsonLines(stream, errors.append)
    for event in run[0] * 50:
        lines(event)
    assert errors == ["no more events are written to the stream: No space left on device"]
    assert len(stream.getvalue().splitlines()) < 50 * len(run[0])
    closed = io.StringIO()
    closed.close()
    with pytest.warns(
        RuntimeWarning, match="no more events are written to the stream: I/O operation on closed file"
    ):
        JsonLines(closed)(run[0][0])


def test_event_file_that_can_no_longer_be_written_is_reported_by_name(
    run: tuple[list[Event], Path], tmp_path: Path
) -> None:
    errors: list[str] = []
    lines = JsonLines(tmp_path / "events.jsonl", errors.append)
    lines(run[0][0])

    class Broken(io.RawIOBase):
        def write(self, data: Any) -> int:
            raise OSError(122, "Disk quota exceeded")

    lines._file = Broken()
    lines(run[0][1])
    lines(run[0][2])
    assert errors == [f"no more events are written to {tmp_path / 'events.jsonl'}: Disk quota exceeded"]


@pytest.mark.parametrize("target", [5, b"events.jsonl", None, "a\0b"])
def test_target_that_is_neither_path_nor_stream_is_one_error(target: Any) -> None:
    with pytest.raises(UsageError, match="events"):
        JsonLines(target)


def test_binary_stream_ends_the_event_lines_but_not_the_run(run: tuple[list[Event], Path]) -> None:
    errors: list[str] = []
    stream: Any = io.BytesIO()
    lines = JsonLines(stream, errors.append)
    for event in run[0]:
        lines(event)
    assert len(errors) == 1 and "bytes" in errors[0]


@pytest.mark.parametrize("content", ["[study]\n", "\n", "{}\n", '{"a": 1}\n', '{\n  "kind": 1\n}\n'])
def test_file_without_events_is_rejected_and_unchanged(content: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(content)
    with pytest.raises(UsageError, match="this file does not contain events"):
        JsonLines(path)
    assert path.read_text() == content


@pytest.mark.parametrize("head", ["", "{", '{"kind": '])
def test_event_file_with_incomplete_first_line_is_appended_to(
    head: str, run: tuple[list[Event], Path], tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(head)
    for n_runs in (1, 2):
        with JsonLines(path) as lines:
            for event in run[0]:
                lines(event)
        assert [event.kind for event in read_events(path)] == n_runs * [event.kind for event in run[0]]
