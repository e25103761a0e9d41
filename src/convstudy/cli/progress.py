"""The progress of a run on stderr: one bar on a terminal, a line per stage elsewhere, a line per fit with ``-v``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Literal

from convstudy.cli.output import print_messages
from convstudy.metrics import metric_named
from convstudy.numbers import count, counted, duration, listed, score_text
from convstudy.record import Epoch
from convstudy.run.events import (
    ChoiceMade,
    EpochEnded,
    EvaluatedOnTestSet,
    FilesLost,
    FitEnded,
    ImagesInspected,
    NoMessage,
    NotReproduced,
    RunStarted,
    SearchAdvanced,
)
from convstudy.run.progress import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType

    from convstudy.plan import Choice, Stage
    from convstudy.run.events import Event, Listener

Detail = Literal["problems", "stages", "fits"]
"""The events that have a line: problems only; problems and stages; or these, fits and test-set evaluations."""

# Without a bar, a line per minute shows that a long stage is running; some CI services stop a job without output.
SECONDS_BETWEEN_LINES = 60
UPDATES_PER_SECOND = 4
BAR_WIDTH = 24
FILE_NAMES = {"weights": "weights", "validation": "validation predictions", "test": "test predictions"}


@contextmanager
def show_progress(progress: Progress, verbose: bool = False) -> Iterator[Listener]:
    """Yield a listener that updates ``progress`` and shows it on stderr: as a bar on a terminal, else as lines.

    Args:
        progress: counts the events.
        verbose: whether each fit and each test-set evaluation has a line.
    """
    if is_terminal():
        with _live(progress, "fits" if verbose else "problems") as listener:
            yield listener
    else:
        lines = LineProgress(progress, "fits" if verbose else "stages")
        yield lines
        lines.finish()


def is_terminal() -> bool:
    """Return whether stderr is a terminal that can redraw lines; in CI it is not."""
    in_ci = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    is_tty = sys.stderr is not None and sys.stderr.isatty()
    return is_tty and not in_ci and os.environ.get("TERM") not in {"dumb", "unknown"}


class EventLines:
    """Turns the events of a run into lines of text.

    Args:
        progress: counts the events.
        detail: which events have a line.
    """

    def __init__(self, progress: Progress, detail: Detail) -> None:
        self._progress = progress
        self._detail = detail
        self._printed_at = progress.clock()
        self._finished_stages: set[str] = set()

    def take(self, event: Event) -> list[str]:
        """Count an event and return its lines, often none."""
        progress = self._progress
        progress.take(event)
        if isinstance(event, RunStarted):
            self._newly_finished()  # stages that earlier runs finished get no line
        lines = [line for line in self._lines(event) if line]
        if lines:
            self._printed_at = progress.clock()
        return lines

    def _lines(self, event: Event) -> list[str]:
        progress, detail = self._progress, self._detail
        if isinstance(event, EpochEnded):
            return [] if event.epoch.number >= event.fit.n_epochs else self._periodic_line(event)
        if isinstance(event, FitEnded):
            if detail == "fits":
                width = len(str(progress.n_fits))
                numbers = f"[{progress.n_done:{width}}/{progress.n_fits}]"
                return [f"{numbers} {fit_text(event, progress)}; {time_left(progress)}"]
            lines = [] if event.record.done else [fit_text(event, progress)]
            if detail == "stages":
                lines += [f"{stage}: done{self._so_far()}" for stage in self._newly_finished()]
            return lines or self._periodic_line(event)
        if isinstance(event, ChoiceMade) and detail == "stages":
            return [f"{choice_text(event.choice)}{self._so_far()}"]
        if isinstance(event, (RunStarted, ChoiceMade, SearchAdvanced)) and detail == "problems":
            return []
        if isinstance(event, EvaluatedOnTestSet) and detail != "fits":
            return []
        return [event_text(event, progress)]

    def _periodic_line(self, event: EpochEnded | FitEnded) -> list[str]:
        """Return a line if none was printed for a minute and there is no bar."""
        progress = self._progress
        if self._detail == "problems" or progress.clock() - self._printed_at < SECONDS_BETWEEN_LINES:
            return []
        if self._detail == "stages" or isinstance(event, FitEnded):
            return [self._so_far().removeprefix("; ")]
        fit, epoch = event.fit, event.epoch
        score = score_of(epoch, fit.metric)
        return [f"  {progress.name(fit)}: epoch {epoch.number} of {fit.n_epochs}, {score}"]

    def _newly_finished(self) -> list[str]:
        """Return the stages that have just finished and choose nothing. A stage that chooses has a line for that."""
        progress = self._progress
        stages = progress.plan.stages if progress.plan else ()
        finished = [
            stage.key
            for stage in stages
            if progress.stages[stage.key].finished and stage.key not in self._finished_stages
        ]
        self._finished_stages.update(finished)
        chooses = {stage.key for stage in stages if stage.chooses}
        return [key for key in finished if key not in chooses]

    def _so_far(self) -> str:
        """Return the number of fits and the time left, after a semicolon; empty once all fits are done."""
        progress = self._progress
        if progress.n_done >= progress.n_fits:
            return ""
        return f"; {progress.n_done:,} of {counted(progress.n_fits, 'fit')} done, {time_left(progress)}"


class LineProgress:
    """A listener that prints lines, for logs and pipes.

    Args:
        progress: counts the events.
        detail: which events have a line.
        print_messages: prints one line.
    """

    def __init__(
        self, progress: Progress, detail: Detail, print_messages: Callable[[str], None] = print_messages
    ) -> None:
        self._progress = progress
        self._lines = EventLines(progress, detail)
        self._print = print_messages

    def __call__(self, event: Event) -> None:
        """Count an event and print its lines."""
        for line in self._lines.take(event):
            self._print(line)

    def finish(self) -> None:
        """Print the summary, if the run started a fit or evaluated a model."""
        if self._progress.n_started or self._progress.n_evaluated:
            self._print(summary(self._progress))


@contextmanager
def _live(progress: Progress, detail: Detail) -> Iterator[Listener]:
    """Draw one bar at the bottom of the terminal; lines stay above it, and the full bar stays at the end."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    display = Display(progress, detail)
    with Live(console=console, get_renderable=display.render, refresh_per_second=UPDATES_PER_SECOND) as live:

        def listener(event: Event) -> None:
            for line in display.take(event):
                live.console.print(line, markup=False, highlight=False)

        try:
            yield listener
        finally:
            display.finish()
            live.transient = progress.plan is None  # an error before the run leaves no bar


class Display:
    """A progress bar on a terminal. One thread passes the events, another draws the bar.

    Args:
        progress: counts the events.
        detail: which events have a line above the bar.
    """

    def __init__(self, progress: Progress, detail: Detail) -> None:
        self._progress = progress
        self._lines = EventLines(progress, detail)
        self._lock = Lock()
        self._is_finished = False

    def take(self, event: Event) -> list[str]:
        """Count an event and return the lines to print above the bar."""
        with self._lock:
            return self._lines.take(event)

    def finish(self) -> None:
        """Show the summary of the run in the last frame."""
        with self._lock:
            self._is_finished = True

    def render(self) -> RenderableType:
        """Return the frame to draw now: always one row, cut to the width of the terminal."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            progress = self._progress
            if progress.plan is None:
                return Text("Preparing ...")
            row = Table.grid(padding=(0, 1))
            row.add_column(no_wrap=True)
            row.add_column(no_wrap=True, overflow="ellipsis")
            bar = ProgressBar(total=1.0, completed=progress.fraction, width=BAR_WIDTH)
            if self._is_finished:
                text = summary(progress)
            else:
                now = " · ".join(filter(None, (_current_stage(progress), time_left(progress))))
                text = f"{progress.n_done:,}/{counted(progress.n_fits, 'fit')}{_failed(progress)} · {now}"
            row.add_row(bar, Text(text))
            return row


def event_text(event: Event, progress: Progress) -> str:
    """Return the line of an event other than ``EpochEnded`` and ``FitEnded``; empty if it has none."""
    if isinstance(event, RunStarted):
        already = f" ({progress.n_done:,} already trained)" if progress.n_done else ""
        return (
            f"{event.run_id}: {counted(progress.n_fits, 'fit')}{already}, {counted(event.workers, 'worker')}"
        )
    if isinstance(event, ChoiceMade):
        return choice_text(event.choice)
    if isinstance(event, SearchAdvanced):
        stage = event.plan.stage(event.stage)
        return look_text(stage) if stage.looks else rung_text(stage)
    if isinstance(event, EvaluatedOnTestSet) and event.test_evaluation.scores is not None:
        metric = metric_named(event.fit.metric)
        score = score_text(event.test_evaluation.scores[metric.name], metric.unit)
        return f"{progress.name(event.fit)}: test {metric.title} {score}"
    if isinstance(event, NoMessage):
        if event.fit is None:
            return f"no message from the inspection of the images for {count(event.seconds)} s"
        name = progress.name(event.fit)
        return f"no message from {name} for {count(event.seconds)} s; a fit sends one after each epoch"
    if isinstance(event, ImagesInspected) and event.error:
        return f"the search for duplicate images failed: {event.error.splitlines()[0]}"
    if isinstance(event, ImagesInspected) and event.baselines_error:
        return f"the baselines failed: {event.baselines_error.splitlines()[0]}"
    if isinstance(event, FilesLost):
        return lost_text(event, progress)
    if isinstance(event, NotReproduced):
        return (
            f"{progress.name(event.fit)}: retraining gave different weights (another machine or version?); the record "
            "and the test score are kept, the lost files stay missing"
        )
    return ""


def fit_text(event: FitEnded, progress: Progress) -> str:
    """Return the score of a fit that ended, or its error in one line."""
    name, record = progress.name(event.fit), event.record
    if not record.done:
        reason = record.error.splitlines()[0] if record.error else record.error_kind
        return f"{name} failed: {reason}"
    epoch = record.selected
    return f"{name}: {score_of(epoch, event.fit.metric)} (epoch {epoch.number}), {duration(record.seconds)}"


def score_of(epoch: Epoch, metric: str) -> str:
    """Return the validation score of an epoch: ``validation accuracy 97.31 %``."""
    return _validation_text(metric, epoch.validation[metric])


def _validation_text(name: str, value: float) -> str:
    metric = metric_named(name)
    return f"validation {metric.title} {score_text(value, metric.unit)}"


def time_left(progress: Progress) -> str:
    """Return the expected time left, or the time so far if all fits are done."""
    if progress.n_done >= progress.n_fits:
        return f"{duration(progress.seconds)} so far"
    seconds = progress.seconds_left
    return f"about {duration(seconds)} left" if seconds is not None else "estimating the time left"


def summary(progress: Progress) -> str:
    """Return what a run did: ``27 of 27 fits done, 18 models tested, 18 s``."""
    tested = f", {counted(progress.n_evaluated, 'model')} tested" if progress.n_evaluated else ""
    fits = f"{progress.n_done:,} of {counted(progress.n_fits, 'fit')} done{_failed(progress)}"
    return f"{fits}{tested}, {duration(progress.seconds)}"


def _failed(progress: Progress) -> str:
    return f" ({progress.n_failed:,} failed)" if progress.n_failed else ""


def _current_stage(progress: Progress) -> str:
    """Return the first unfinished stage; after the last stage, the number of models evaluated on the test set."""
    for key, stage in progress.stages.items():
        if not stage.finished:
            return key
    return f"test set: {counted(progress.n_evaluated, 'model')}" if progress.n_evaluated else ""


def choice_text(choice: Choice) -> str:
    """Return the candidate that a stage selected, with its validation score."""
    if not choice.chosen:
        return f"{choice.stage}: nothing is selected, because every candidate has a failed fit"
    score = next((score for score in choice.scores if score.name == choice.chosen), None)
    by = f" ({_validation_text(score.metric, score.value)})" if score and score.value is not None else ""
    return f"{choice.stage}: selected {choice.chosen}{by}"


def lost_text(event: FilesLost, progress: Progress) -> str:
    """Return one line for each damaged file, and one line for the missing files of each kind."""
    lines = [
        f"{progress.name(file.fit)}: the file of its {FILE_NAMES[file.kind]} is damaged; it is renamed to "
        f"{file.set_aside}, and the {FILE_NAMES[file.kind]} are computed again"
        for file in event.files
        if file.set_aside is not None
    ]
    for kind, file_name in FILE_NAMES.items():
        names = [
            progress.name(file.fit) for file in event.files if file.kind == kind and file.set_aside is None
        ]
        if names:
            others = f" and {counted(len(names) - 1, 'other fit')}" if len(names) > 1 else ""
            lines.append(f"{names[0]}{others}: {file_name} are missing and computed again")
    return "\n".join(lines)


def look_text(stage: Stage) -> str:
    """Return the line of the latest look of a stage that adds seeds."""
    look = stage.looks[-1]
    text = f"{stage.key}: look at {counted(look.n_seeds, 'seed')} on validation"
    if look.dropped:
        text += f", {listed(look.dropped)} dropped as worse"
    if look.continued:
        return f"{text}; more seeds for {listed(look.continued)}"
    return f"{text}; no candidate gets more seeds"


def rung_text(stage: Stage) -> str:
    """Return the line of the rung that a halving search finished; empty without rungs and after the last rung."""
    decided = [number for number, rung in enumerate(stage.rungs, start=1) if rung.decided]
    if not decided or decided[-1] == len(stage.rungs):
        return ""
    rung, pending = stage.rungs[decided[-1] - 1], stage.rungs[decided[-1]].size
    size = f"{counted(pending.n_folds, 'fold')} × {counted(pending.n_epochs, 'epoch')}"
    return (
        f"{stage.key}: rung {decided[-1]} of {len(stage.rungs)} is done; {len(rung.promoted):,} of "
        f"{counted(len(rung.evaluated), 'candidate')} are promoted to {size}"
    )
