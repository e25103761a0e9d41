"""Progress on stderr, with and without a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from convstudy.cli import progress
from convstudy.cli.progress import Detail, Display, LineProgress
from convstudy.plan import CandidateScore, Choice, Plan, make_plan
from convstudy.record import Evaluation, Record
from convstudy.run import (
    ChoiceMade,
    EpochEnded,
    FilesLost,
    FitEnded,
    FitStarted,
    NoMessage,
    NotReproduced,
    RunStarted,
    events,
)
from convstudy.run.progress import Progress
from convstudy.run.restoring import LostFile
from convstudy.studyfile import load_study
from tests.run.test_progress import Clock, done, epoch
from tests.scores import scores


def lines_of(plan: Plan, detail: Detail, clock: Clock | None = None) -> tuple[list[str], LineProgress]:
    lines: list[str] = []
    listener = LineProgress(Progress(clock or Clock()), detail, lines.append)
    listener(RunStarted("tiny-1", plan, frozenset(), 2))
    return lines, listener


def take_a_short_run(listener: LineProgress, plan: Plan, clock: Clock) -> None:
    """Train two fits, one of which fails; select in two stages; evaluate one model."""
    first, second, *_ = plan.fits
    listener(FitStarted(first))
    clock.now += 1
    listener(EpochEnded(first, epoch(1)))
    listener(EpochEnded(first, epoch(2)))
    listener(FitEnded(first, done(first)))
    listener(FitEnded(second, Record(second.id, "failed", error_kind="diverged", error="it broke\nmore")))
    score = CandidateScore("kernel=5", scores(1.0, 0.5), 100, 0)
    listener(ChoiceMade(Choice("search.kernel", "kernel=5", (score,)), plan))
    listener(ChoiceMade(Choice("compare.both", "", ()), plan))
    listener(
        events.EvaluatedOnTestSet(
            first, Evaluation(first.id, "digest", "tiny", "now", 360, scores(1.0, 0.25))
        )
    )
    listener.finish()


def test_verbose_lines_have_each_fit_and_each_evaluation(tiny: Path) -> None:
    plan, clock = make_plan(load_study(tiny)), Clock()
    lines, listener = lines_of(plan, "fits", clock)
    take_a_short_run(listener, plan, clock)
    assert len(lines) == 7
    assert lines[0] == "tiny-1: 10 fits, 2 workers"
    assert lines[1].startswith("[ 1/10] search.kernel kernel=3, fold 1 of 2: validation accuracy 50.00 %")
    assert "(epoch 2), 1.2 s; about" in lines[1]
    assert lines[2].startswith("[ 2/10] search.kernel kernel=3, fold 2 of 2 failed: it broke; about")
    assert lines[3] == "search.kernel: selected kernel=5 (validation accuracy 50.00 %)"
    assert lines[4] == "compare.both: nothing is selected, because every candidate has a failed fit"
    assert lines[5] == "search.kernel kernel=3, fold 1 of 2: test accuracy 25.00 %"
    assert lines[6] == "2 of 10 fits done (1 failed), 1 model tested, 1.0 s"


def test_lines_without_verbose_have_stages_and_failures_only(tiny: Path) -> None:
    plan, clock = make_plan(load_study(tiny)), Clock()
    lines, listener = lines_of(plan, "stages", clock)
    take_a_short_run(listener, plan, clock)
    assert len(lines) == 5
    assert lines[0] == "tiny-1: 10 fits, 2 workers"
    assert lines[1] == "search.kernel kernel=3, fold 2 of 2 failed: it broke"
    assert lines[2].startswith(
        "search.kernel: selected kernel=5 (validation accuracy 50.00 %); 2 of 10 fits done, about "
    )
    assert lines[3].startswith(
        "compare.both: nothing is selected, because every candidate has a failed fit; "
    )
    assert lines[4].startswith("2 of 10 fits done (1 failed), 1 model tested")


def test_a_stage_that_selects_nothing_has_a_line_when_it_ends(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    lines, listener = lines_of(plan, "stages")
    for fit in plan.stages[2].fits:
        assert len(lines) == 1
        listener(FitEnded(fit, done(fit)))
    assert lines[1].startswith("ablate.flat: done; 4 of 10 fits done, ")


def test_a_run_without_training_has_no_summary(tiny: Path) -> None:
    lines, listener = lines_of(make_plan(load_study(tiny)), "stages")
    listener.finish()
    assert len(lines) == 1


def test_a_fit_without_messages_has_a_line(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    lines, listener = lines_of(plan, "stages")
    listener(NoMessage(plan.fits[1], 1920.0))
    listener(NoMessage(None, 60.0))
    assert lines[1:] == [
        "no message from search.kernel kernel=3, fold 2 of 2 for 1,920 s; a fit sends one after each epoch",
        "no message from the inspection of the images for 60 s",
    ]


def test_damaged_files_have_a_line_each_and_missing_files_one_per_kind(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    first, second, third, *_ = plan.fits
    lines, listener = lines_of(plan, "stages")
    missing = tuple(LostFile(fit, "validation", None) for fit in (first, second, third))
    listener(FilesLost((LostFile(first, "weights", Path("fits/x.damaged")), *missing)))
    listener(FilesLost(missing[:1]))
    listener(NotReproduced(second))
    damaged, missing_ones = lines[1].splitlines()
    name = "search.kernel kernel=3, fold 1 of 2"
    assert damaged == (
        f"{name}: the file of its weights is damaged; it is renamed to fits/x.damaged, "
        "and the weights are computed again"
    )
    assert missing_ones == f"{name} and 2 other fits: validation predictions are missing and computed again"
    assert lines[2] == f"{name}: validation predictions are missing and computed again"
    assert lines[3].startswith("search.kernel kernel=3, fold 2 of 2: retraining gave different weights")


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        ("fits", "  search.kernel kernel=3, fold 1 of 2: epoch 3 of 5, validation accuracy 50.00 %"),
        ("stages", "0 of 10 fits done, about "),
        ("problems", ""),
    ],
)
def test_a_long_fit_has_a_line_each_minute(tiny: Path, detail: Detail, text: str) -> None:
    plan, clock = make_plan(load_study(tiny, {"recipe.epochs": 5})), Clock()
    lines, listener = lines_of(plan, detail, clock)
    del lines[:]
    fit = plan.fits[0]
    listener(FitStarted(fit))
    for number in (1, 2, 3, 4):
        clock.now += 20
        listener(EpochEnded(fit, epoch(number)))
    assert len(lines) == (detail != "problems")
    assert all(line.startswith(text) for line in lines)


def test_short_fits_have_a_line_each_minute(tiny: Path) -> None:
    plan, clock = make_plan(load_study(tiny, {"recipe.epochs": 1})), Clock()
    lines, listener = lines_of(plan, "stages", clock)
    for fit in plan.fits[:3]:
        clock.now += 40
        listener(FitStarted(fit))
        listener(EpochEnded(fit, epoch(1)))
        listener(FitEnded(fit, done(fit, 1)))
    assert len(lines) == 2
    assert lines[1].startswith("2 of 10 fits done, about ")


def test_fits_of_earlier_runs_are_counted_in_the_first_line(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    lines: list[str] = []
    listener = LineProgress(Progress(Clock()), "stages", lines.append)
    listener(RunStarted("tiny-1", plan, frozenset({plan.fits[0].id}), 1))
    assert lines == ["tiny-1: 10 fits (1 already trained), 1 worker"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_live_display_is_one_row(tiny: Path, width: int) -> None:
    plan = make_plan(load_study(tiny))
    clock = Clock()
    display = Display(Progress(clock), "problems")
    assert "Preparing" in drawn(display, width)
    assert display.take(RunStarted("tiny-1", plan, frozenset(), 2)) == []
    display.take(FitStarted(plan.fits[0]))
    clock.now += 1
    display.take(EpochEnded(plan.fits[0], epoch(1)))
    text = drawn(display, width)
    assert " 0/10" in text
    if width >= 80:
        assert text.startswith("╸") and "0/10 fits · search.kernel · about " in text
    assert display.take(FitEnded(plan.fits[0], done(plan.fits[0]))) == []
    failed = Record(plan.fits[1].id, "failed", error="it broke")
    assert display.take(FitEnded(plan.fits[1], failed)) == [
        "search.kernel kernel=3, fold 2 of 2 failed: it broke"
    ]
    score = CandidateScore("kernel=5", scores(1.0, 0.5), 100, 0)
    assert display.take(ChoiceMade(Choice("search.kernel", "kernel=5", (score,)), plan)) == []
    assert (" 2/10 fits (1 failed) · search.kernel" in drawn(display, width)) == (width >= 80)
    display.finish()
    assert " 2 of 10" in drawn(display, width)


def test_the_live_display_prints_fits_above_the_bar_if_verbose(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    display = Display(Progress(Clock()), "fits")
    assert display.take(RunStarted("tiny-1", plan, frozenset(), 2)) == ["tiny-1: 10 fits, 2 workers"]
    display.take(FitStarted(plan.fits[0]))
    (line,) = display.take(FitEnded(plan.fits[0], done(plan.fits[0])))
    assert line.startswith("[ 1/10] search.kernel kernel=3, fold 1 of 2: validation accuracy ")


def test_the_bar_shows_the_test_set_after_the_last_fit(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    display = Display(Progress(Clock()), "problems")
    display.take(RunStarted("tiny-1", plan, frozenset(fit.id for fit in plan.fits), 2))
    first = plan.fits[0]
    evaluation = Evaluation(first.id, "digest", "tiny", "now", 360, scores(1.0, 0.25))
    assert display.take(events.EvaluatedOnTestSet(first, evaluation)) == []
    assert "test set: 1 model" in drawn(display, 100)


def drawn(display: Display, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True)
    console.print(display.render())
    file = console.file
    assert isinstance(file, io.StringIO)
    (row,) = file.getvalue().splitlines()
    return row


@pytest.mark.parametrize(
    ("tty", "environment", "live"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"CI": "true"}, False),
        (True, {"CI": "false"}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, True),
    ],
)
def test_the_bar_needs_a_terminal_and_no_ci(
    monkeypatch: pytest.MonkeyPatch, tty: bool, environment: dict[str, str], live: bool
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr", Terminal() if tty else io.StringIO())
    assert progress.is_terminal() is live


class Terminal(io.StringIO):
    """A text stream whose ``isatty`` is true."""

    def isatty(self) -> bool:
        return True


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    written = {}
    for name, value in (("colour", ""), ("none", "1")):
        monkeypatch.setenv("NO_COLOR", value)
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        with progress.show_progress(Progress(Clock())) as listener:
            listener(RunStarted("tiny-1", plan, frozenset({plan.fits[0].id}), 1))
        written[name] = terminal.getvalue()
    assert "1 of 10 fits done" in written["none"]
    colours = ("\x1b[38;", "\x1b[3", "\x1b[9")
    assert any(code in written["colour"] for code in colours)
    assert not any(code in written["none"] for code in colours)


def test_a_finished_rung_has_a_line(tiny: Path) -> None:
    changes = {
        "search.kernel.parameters": {"kernel": [1, 2, 3, 4, 5]},
        "search.kernel.method": "halving",
        "search.kernel.budget": 0.5,
        "search.kernel.recipe": {"epochs": 4},
    }
    study = load_study(tiny, changes)
    plan = make_plan(study)
    lines: list[str] = []
    clock = Clock()
    counted = Progress(clock)
    listener = LineProgress(counted, "fits", lines.append)
    listener(RunStarted("tiny-1", plan, frozenset(), 1))
    records = {}
    n_fits, work = counted.n_fits, counted._work_left
    for fit in plan.stages[0].fits:
        clock.now += 1
        listener(FitStarted(fit))
        listener(EpochEnded(fit, epoch(1)))
        records[fit.id] = done(fit, 1)
        listener(FitEnded(fit, records[fit.id]))
    fraction = counted.fraction
    after = make_plan(study, {}, records)
    listener(events.SearchAdvanced("search.kernel", after))
    assert lines[1].startswith("[ 1/16] search.kernel kernel=1, fold 1 of 2, to epoch 1: validation accuracy")
    assert (
        lines[-1] == "search.kernel: rung 1 of 3 is done; 3 of 5 candidates are promoted to 1 fold × 3 epochs"
    )
    assert (counted.n_fits, counted.n_done) == (n_fits, 5) == (16, 5)
    assert 0 < fraction < 1
    # A resumed fit has trained its first epoch already.
    first = after.stages[0].rungs[1].fits[0]
    assert counted.cost(first) == 2 * counted._epoch_cost(first)
    listener(FitStarted(first))
    before = counted._work_left
    listener(EpochEnded(first, epoch(2)))
    assert before - counted._work_left == counted._epoch_cost(first)
    assert counted._work_left < work
