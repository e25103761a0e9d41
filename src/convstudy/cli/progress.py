"""How far a run is, told on stderr: a live display on a terminal, a line a fit elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from convstudy.cli.output import print_messages
from convstudy.metrics import metric_named
from convstudy.numbers import count, counted, duration, percent, score_text
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

# Without a terminal, a fit that takes long says that it lives.
SECONDS_BETWEEN_EPOCH_LINES = 30
UPDATES_A_SECOND = 4
CALLED = {"weights": "weights", "validation": "validation predictions", "test": "test predictions"}


@contextmanager
def showing(progress: Progress) -> Iterator[Listener]:
    """Give a listener for a run, which counts into ``progress``; what it tells suits the stderr of this process."""
    if is_terminal():
        with _live(progress) as listener:
            yield listener
    else:
        yield LineProgress(progress)


def is_terminal() -> bool:
    """Whether somebody watches stderr on a terminal that can be drawn on."""
    unattended = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    watched = sys.stderr is not None and sys.stderr.isatty()
    return watched and not unattended and os.environ.get("TERM") not in {"dumb", "unknown"}


class LineProgress:
    """A line for each fit, choice and opening; for logs.

    Args:
        progress: counts the events.
        print_messages: takes one line.
    """

    def __init__(self, progress: Progress, print_messages: Callable[[str], None] = print_messages) -> None:
        self._progress = progress
        self._tell = print_messages
        self._told = 0.0

    def __call__(self, event: Event) -> None:
        """Take an event of the run."""
        self._progress.take(event)
        line = self._line(event)
        if line:
            self._tell(line)
            self._told = self._progress.clock()

    def _line(self, event: Event) -> str:
        progress = self._progress
        if isinstance(event, EpochEnded):
            fit, epoch = event.fit, event.epoch
            last = epoch.number >= fit.n_epochs
            if last or progress.clock() - self._told < SECONDS_BETWEEN_EPOCH_LINES:
                return ""
            return f"  {progress.name(fit)}: epoch {epoch.number} of {fit.n_epochs}, {score_of(epoch, fit.metric)}"
        if isinstance(event, FitEnded):
            width = len(str(progress.n_fits))
            return f"[{progress.n_done:{width}}/{progress.n_fits}] {ended(event, progress)}; {left(progress)}"
        return messages(event, progress)


@contextmanager
def _live(progress: Progress) -> Iterator[Listener]:
    """Draw on the terminal: one bar for the whole run, a line a stage, a line for each fit that trains now."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    display = Display(progress)
    with Live(
        console=console, get_renderable=display.render, refresh_per_second=UPDATES_A_SECOND, transient=True
    ) as live:

        def listener(event: Event) -> None:
            lines = display.take(event)
            for line in lines:
                live.console.print(line, markup=False, highlight=False)

        yield listener


class Display:
    """What the live display shows; events come from one thread, drawing is done by another."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = Lock()

    def take(self, event: Event) -> list[str]:
        """Count an event in; return lines that are to stay above the display."""
        with self._lock:
            self._progress.take(event)
            if isinstance(event, FitEnded) and not event.record.done:
                return [ended(event, self._progress)]
            line = "" if isinstance(event, EvaluatedOnTestSet) else messages(event, self._progress)
            return [line] if line else []

    def render(self) -> RenderableType:
        """Return what is to be drawn now."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            progress = self._progress
            if progress.plan is None:
                return Text("getting ready ...")
            head = Table.grid(padding=(0, 1))
            head.add_row(
                Text(f"{percent(progress.share, 0):>5}"),
                ProgressBar(total=1.0, completed=progress.share, width=30),
                Text(f"{progress.n_done} of {counted(progress.n_fits, 'fit')}, {left(progress)}"),
            )
            body = Table.grid(padding=(0, 2))
            for stage in progress.plan.stages:
                body.add_row(Text(f"  {stage.key}"), Text(_so_far(stage, progress)))
            for running in progress.running.values():
                epoch = running.epoch
                number = epoch.number if epoch else 0
                score = f", {score_of(epoch, running.fit.metric)}" if epoch else ""
                body.add_row(
                    Text(f"  ▸ {progress.name(running.fit)}"),
                    Text(f"epoch {number} of {running.fit.n_epochs}{score}"),
                )
            return Group(head, body)


def messages(event: Event, progress: Progress) -> str:
    """Return what is worth a line of its own besides fits, or nothing."""
    if isinstance(event, RunStarted):
        n_done = progress.n_done
        before = f", {n_done:,} of them trained before" if n_done else ""
        return (
            f"{event.run_id}: {counted(progress.n_fits, 'fit')}{before}; {counted(event.workers, 'worker')}"
        )
    if isinstance(event, ChoiceMade):
        return choice_text(event.choice)
    if isinstance(event, SearchAdvanced):
        return rung_text(event.plan.stage(event.stage))
    if isinstance(event, EvaluatedOnTestSet) and event.test_evaluation.scores is not None:
        return f"test set opened for {progress.name(event.fit)}: {_tested(event)}"
    if isinstance(event, NoMessage):
        if event.fit is None:
            return f"no message from the inspection of the images for {count(event.seconds)} s"
        name = progress.name(event.fit)
        return f"no message from {name} for {count(event.seconds)} s; a fit sends one after each epoch"
    if isinstance(event, ImagesInspected) and event.error:
        return f"the images could not be looked over for duplicates: {event.error.splitlines()[0]}"
    if isinstance(event, FilesLost):
        return lost_text(event, progress)
    if isinstance(event, NotReproduced):
        return (
            f"{progress.name(event.fit)}: training it again gives other weights (another machine or version?); its "
            "record and its test score stay, its lost files stay missing"
        )
    return ""


def _tested(event: EvaluatedOnTestSet) -> str:
    """Return a model's test score: ``accuracy 97.31 %``."""
    found, scores = metric_named(event.fit.metric), event.test_evaluation.scores
    return f"{found.title} {score_text(scores[found.name], found.unit)}" if scores else "no score"


def ended(event: FitEnded, progress: Progress) -> str:
    """Return how a fit ended: its score, or its error in one line."""
    name, record = progress.name(event.fit), event.record
    if not record.done:
        reason = record.error.splitlines()[0] if record.error else record.error_kind
        return f"{name} failed: {reason}"
    epoch = record.selected
    return f"{name}: {score_of(epoch, event.fit.metric)} (epoch {epoch.number}), {duration(record.seconds)}"


def score_of(epoch: Epoch, metric: str) -> str:
    """Return an epoch's validation score: ``validation accuracy 97.31 %``."""
    return _validation(metric, epoch.validation[metric])


def _validation(metric: str, value: float) -> str:
    found = metric_named(metric)
    return f"validation {found.title} {score_text(value, found.unit)}"


def left(progress: Progress) -> str:
    """Return the time to go in words."""
    seconds = progress.seconds_left
    if progress.n_done >= progress.n_fits:
        opened = (
            f", {counted(progress.n_evaluated, 'model')} scored on the test set"
            if progress.n_evaluated
            else ""
        )
        trained = "nothing left to train" if progress.n_failed else "all trained"
        return f"{trained}{opened}; {duration(progress.seconds)} so far"
    return f"about {duration(seconds)} left" if seconds is not None else "time left not known yet"


def choice_text(choice: Choice) -> str:
    """Return what a stage chose, and by which score."""
    if not choice.chosen:
        return f"{choice.stage}: nothing could be chosen, every candidate has a failed fit"
    score = next((score for score in choice.scores if score.name == choice.chosen), None)
    by = f" ({_validation(score.metric, score.value)})" if score and score.value is not None else ""
    return f"{choice.stage} chose {choice.chosen}{by}"


def lost_text(event: FilesLost, progress: Progress) -> str:
    """Return which files are computed again: a line for each damaged one, and one for the missing ones of a kind."""
    lines = [
        f"{progress.name(file.fit)}: {CALLED[file.kind]} are damaged; the file is set aside as {file.set_aside} and "
        "computed again"
        for file in event.files
        if file.set_aside is not None
    ]
    for kind, called in CALLED.items():
        names = [
            progress.name(file.fit) for file in event.files if file.kind == kind and file.set_aside is None
        ]
        if names:
            others = f" and of {counted(len(names) - 1, 'other fit')}" if len(names) > 1 else ""
            lines.append(f"{called} of {names[0]}{others} are missing and computed again")
    return "\n".join(lines)


def rung_text(stage: Stage) -> str:
    """Return how far a search that halves has come, or nothing where it draws: who goes on there is everybody."""
    decided = [number for number, rung in enumerate(stage.rungs, start=1) if rung.decided]
    if not decided or decided[-1] == len(stage.rungs):
        return ""
    rung, pending = stage.rungs[decided[-1] - 1], stage.rungs[decided[-1]].size
    there = f"{counted(pending.n_folds, 'fold')} × {counted(pending.n_epochs, 'epoch')}"
    return (
        f"{stage.key}: rung {decided[-1]} of {len(stage.rungs)} is done, {len(rung.promoted):,} of "
        f"{counted(len(rung.evaluated), 'candidate')} go on to {there}"
    )


def _so_far(stage: Stage, progress: Progress) -> str:
    counts = progress.stages[stage.key]
    choice = progress.choices.get(stage.key)
    chosen = f", chose {choice.chosen}" if choice and choice.chosen else ""
    open_rungs = [
        number for number, rung in enumerate(stage.rungs, start=1) if rung.evaluated and not rung.decided
    ]
    rung = f", rung {open_rungs[0]} of {len(stage.rungs)}" if open_rungs else ""
    return f"{counts.n_done} of {counted(counts.n_fits, 'fit')}{rung}{chosen}"
