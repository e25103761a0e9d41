"""Writes the events of a run as lines of JSON (https://jsonlines.org), and reads them."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from convstudy.data import Dataset, DatasetStatistics
from convstudy.errors import ConvstudyError, DataError, Location, Problem, UsageError
from convstudy.plan import Fit
from convstudy.plan.as_json import choice_from_json, plan_from_json
from convstudy.record import Epoch, Evaluation, Record, Scores
from convstudy.regular_file import append_regular, open_regular
from convstudy.run.events import (
    ChoiceMade,
    EpochEnded,
    EvaluatedOnTestSet,
    Event,
    FilesLost,
    FitEnded,
    FitStarted,
    ImagesInspected,
    NoMessage,
    NotReproduced,
    RunStarted,
    SearchAdvanced,
)
from convstudy.run.restoring import LostFile

BEGIN = b'{"kind": '
"""The first bytes of a file of events. To a file with other first bytes, such as a study file, nothing is appended."""


class TextStream(Protocol):
    """A text stream, such as an open file, ``sys.stderr`` or ``io.StringIO``."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=4)


class JsonLines:
    """A listener that immediately writes each event as one line of JSON.

    A line has the values of ``event.as_json()`` and ``at``, the time in UTC (ISO 8601). A fit or the dataset is
    described only in the first line that names it.

    If a line cannot be written, for example on a full disk, ``on_error`` is called once, no more lines are written, and
    the run continues.

    Args:
        target: a path, whose file is created or appended to, or a text stream, which is not closed.
        on_error: a function that receives one sentence; by default it issues a ``RuntimeWarning``.

    Raises:
        UsageError: if the file cannot be opened, is not a regular file, or contains anything but events, or if
            ``target`` is neither a path nor a stream.

    >>> import io
    >>> from convstudy import Network, Study, run_study
    >>> from convstudy.run import JsonLines
    >>> study = Study(
    ...     name="quick", dataset="digits", seeds=1, subset=100, recipe={"epochs": 1},
    ...     network={"small": Network.read(["conv 4 3 relu stride=4", "flatten"])},
    ...     ablate={"small": {"network": "small", "variants": {"tanh": {"activation": "tanh"}}}},
    ... )
    >>> with JsonLines(io.StringIO()) as lines:
    ...     results = run_study(study, "runs", workers=0, listener=lines)
    """

    def __init__(
        self, target: os.PathLike[str] | str | TextStream, on_error: Callable[[str], None] = _warn
    ) -> None:
        self._on_error = on_error
        self._known: set[str] = set()
        self._file: io.RawIOBase | None = None
        self._stream: TextStream | None = None
        self._name = "the stream"
        if isinstance(target, str | os.PathLike):
            self._name = str(target)
            self._file = _opened(Path(target))
        else:
            if not callable(getattr(target, "write", None)) or not callable(getattr(target, "flush", None)):
                what = "events must be written to a path, or to an object with write() and flush()"
                raise UsageError(Problem(what, got=repr(target)[:80]))
            self._stream = target
        self._failed = False

    def __call__(self, event: Event) -> None:
        if self._failed:
            return
        if isinstance(event, RunStarted):
            self._known.clear()
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({**self._shortened(event.as_json()), "at": now})
        try:
            self._write(line + "\n")
        except (OSError, ValueError, TypeError) as error:
            # A closed stream raises ValueError, and a binary stream raises TypeError.
            self._failed = True
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._on_error(f"no more events are written to {self._name}: {reason}")

    def close(self) -> None:
        """Close the file. If the target is a stream, it stays open."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _shortened(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return an event without the fits and the dataset that earlier lines of this run describe."""
        new = {fit_id: fit for fit_id, fit in values.pop("fits", {}).items() if fit_id not in self._known}
        self._known |= new.keys()
        if new:
            values["fits"] = new
        if "dataset" in values:
            digest = values["dataset"]["digest"]
            if digest in self._known:
                del values["dataset"]
            self._known.add(digest)
        return values

    def _write(self, line: str) -> None:
        if self._file is not None:
            left = memoryview(line.encode())
            while left:
                left = left[self._file.write(left) or 0 :]
        elif self._stream is not None:
            self._stream.write(line)
            self._stream.flush()


def _opened(path: Path) -> io.RawIOBase:
    """Open a file to append lines. If a killed run left its last line incomplete, end that line first."""
    try:
        file = append_regular(path)
        file.seek(0)
        if not _holds_events(file.read(4 * len(BEGIN))):
            file.close()
            what = "this file does not contain events, so no events are appended"
            raise UsageError(Problem(what, Location(str(path)), hint="choose another file"))
        if file.seek(0, io.SEEK_END):
            file.seek(-1, io.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
                file.flush()
    except (OSError, ValueError) as error:  # a path with a null character raises ValueError
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        what = f"events cannot be written to this file: {reason}"
        raise UsageError(Problem(what, Location(str(path)))) from None
    return file.detach()


def _holds_events(head: bytes) -> bool:
    """Return whether a file with these first bytes is empty or has events; its first line may be incomplete."""
    first, end, second = head.partition(b"\n")
    if not first or first.startswith(BEGIN):
        return not head or bool(first)
    return BEGIN.startswith(first) and (not end or not second or second.startswith(BEGIN))


class EventReader:
    """Converts plain values to events. Keeps the fits and the dataset of earlier events: later events omit them."""

    def __init__(self) -> None:
        self._fits: dict[str, Fit] = {}
        self._dataset: Dataset | None = None

    def read(self, values: Mapping[str, Any]) -> Event:
        """Return the event of plain values from ``as_json()`` or from a line.

        Raises:
            KeyError: if a value is missing, the kind is unknown, or no earlier event describes a fit.
            TypeError, ValueError: if a value has a wrong type or content.
            ConvstudyError: if a study, a dataset or a fit cannot be read.
        """
        if "dataset" in values:
            self._dataset = Dataset.from_json(values["dataset"])
        for fit_id, fit in values.get("fits", {}).items():
            self._fits[fit_id] = Fit.from_json(fit, self._the_dataset)
        return _READERS[values["kind"]](self, values)

    @property
    def _the_dataset(self) -> Dataset:
        if self._dataset is None:
            raise KeyError("dataset")
        return self._dataset

    def _fit(self, values: Mapping[str, Any]) -> Fit:
        return self._fits[values["fit"]]

    def _run_started(self, values: Mapping[str, Any]) -> RunStarted:
        plan = plan_from_json(values["plan"], self._fits, self._the_dataset)
        return RunStarted(values["run_id"], plan, frozenset(values["done"]), values["workers"])

    def _fit_started(self, values: Mapping[str, Any]) -> FitStarted:
        return FitStarted(self._fit(values))

    def _epoch_ended(self, values: Mapping[str, Any]) -> EpochEnded:
        return EpochEnded(self._fit(values), Epoch.from_json(values["epoch"]))

    def _fit_ended(self, values: Mapping[str, Any]) -> FitEnded:
        return FitEnded(self._fit(values), Record.from_json(values["record"]))

    def _choice_made(self, values: Mapping[str, Any]) -> ChoiceMade:
        plan = plan_from_json(values["plan"], self._fits, self._the_dataset)
        return ChoiceMade(choice_from_json(values["choice"]), plan)

    def _search_advanced(self, values: Mapping[str, Any]) -> SearchAdvanced:
        return SearchAdvanced(values["stage"], plan_from_json(values["plan"], self._fits, self._the_dataset))

    def _test_set_evaluated(self, values: Mapping[str, Any]) -> EvaluatedOnTestSet:
        found = dict(values["evaluation"])
        found["scores"] = None if found["scores"] is None else Scores(found["scores"])
        return EvaluatedOnTestSet(self._fit(values), Evaluation(**found))

    def _images_inspected(self, values: Mapping[str, Any]) -> ImagesInspected:
        dataset, statistics = self._the_dataset, values["statistics"]
        read = None if statistics is None else DatasetStatistics.from_json(statistics, dataset)
        # Files of events of earlier versions have no baselines.
        return ImagesInspected(dataset, read, values["error"], values.get("baselines_error", ""))

    def _files_lost(self, values: Mapping[str, Any]) -> FilesLost:
        return FilesLost(
            tuple(
                LostFile(
                    self._fit(file), file["file"], Path(file["set_aside"]) if file["set_aside"] else None
                )
                for file in values["files"]
            )
        )

    def _not_reproduced(self, values: Mapping[str, Any]) -> NotReproduced:
        return NotReproduced(self._fit(values))

    def _no_message(self, values: Mapping[str, Any]) -> NoMessage:
        fit = None if values["fit"] is None else self._fit(values)
        return NoMessage(fit, values["seconds"])


_READERS: Mapping[str, Callable[[EventReader, Mapping[str, Any]], Event]] = {
    RunStarted.kind: EventReader._run_started,
    FitStarted.kind: EventReader._fit_started,
    EpochEnded.kind: EventReader._epoch_ended,
    FitEnded.kind: EventReader._fit_ended,
    ChoiceMade.kind: EventReader._choice_made,
    SearchAdvanced.kind: EventReader._search_advanced,
    EvaluatedOnTestSet.kind: EventReader._test_set_evaluated,
    ImagesInspected.kind: EventReader._images_inspected,
    FilesLost.kind: EventReader._files_lost,
    NotReproduced.kind: EventReader._not_reproduced,
    NoMessage.kind: EventReader._no_message,
}


def event_of_json(values: Mapping[str, Any]) -> Event:
    """Return the event of the values of its ``as_json()``; raises the errors of :meth:`EventReader.read`."""
    return EventReader().read(values)


def read_events(path: Path | str) -> Iterator[Event]:
    """Yield the events of all runs in a file that :class:`JsonLines` wrote, in order.

    An incomplete line, left by a killed run or a full disk, is skipped. It can only precede the start of another run or
    the end of the file.

    Args:
        path: the file.

    Raises:
        DataError: if the file cannot be read, or a line is not an event of this version.

    >>> from convstudy import Network, Study, run_study
    >>> from convstudy.run import JsonLines, read_events
    >>> study = Study(
    ...     name="quick", dataset="digits", seeds=1, subset=100, recipe={"epochs": 1},
    ...     network={"small": Network.read(["conv 4 3 relu stride=4", "flatten"])},
    ...     ablate={"small": {"network": "small", "variants": {"tanh": {"activation": "tanh"}}}},
    ... )
    >>> with JsonLines("events.jsonl") as lines:
    ...     results = run_study(study, "runs", workers=0, listener=lines)
    >>> next(read_events("events.jsonl")).kind
    'run-started'
    """
    reader, incomplete = EventReader(), 0
    try:
        with open_regular(Path(path)) as file:
            for number, line in enumerate(file, start=1):
                values = _values(line)
                if incomplete and (values is None or values.get("kind") != RunStarted.kind):
                    raise _no_event(path, incomplete)
                if values is None:
                    incomplete = number
                    continue
                incomplete = 0
                try:
                    event = reader.read(values)
                except (ConvstudyError, KeyError, TypeError, ValueError, AttributeError) as error:
                    raise _no_event(path, number, f"{type(error).__name__}: {error}") from None
                yield event
    except OSError as error:
        what = f"events cannot be read from this file: {error.strerror or error}"
        raise DataError(Problem(what, Location(str(path)))) from None


def _values(line: bytes) -> dict[str, Any] | None:
    """Return the values of a line; ``None`` if it is not a JSON object."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _no_event(path: Path | str, line: int, reason: str = "") -> DataError:
    what = "this line is not an event of this version" + (f": {reason}" if reason else "")
    return DataError(Problem(what, Location(str(path), line)))
