"""What a run tells while it goes on, with and without a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from convstudy.cli import progress
from convstudy.cli.progress import Display, LineProgress
from convstudy.plan import CandidateScore, Choice, make_plan
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


def test_plain_lines(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    clock = Clock()
    lines: list[str] = []
    listener = LineProgress(Progress(clock), lines.append)
    first, second, *_ = plan.fits
    listener(RunStarted("tiny-1", plan, frozenset(), 2))
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
    assert len(lines) == 6
    assert lines[0] == "tiny-1: 10 fits; 2 workers"
    assert lines[1].startswith("[ 1/10] search.kernel kernel=3, fold 1 of 2: validation accuracy 50.00 %")
    assert "(epoch 2), 1.2 s; about" in lines[1]
    assert lines[2].startswith("[ 2/10] search.kernel kernel=3, fold 2 of 2 failed: it broke; about")
    assert lines[3] == "search.kernel chose kernel=5 (validation accuracy 50.00 %)"
    assert lines[4].startswith("compare.both: nothing could be chosen")
    assert lines[5] == "test set opened for search.kernel kernel=3, fold 1 of 2: accuracy 25.00 %"


def test_a_silent_fit_is_a_line(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    lines: list[str] = []
    listener = LineProgress(Progress(), lines.append)
    listener(RunStarted("tiny-1", plan, frozenset(), 1))
    listener(NoMessage(plan.fits[1], 1920.0))
    listener(NoMessage(None, 60.0))
    assert lines[1:] == [
        "no message from search.kernel kernel=3, fold 2 of 2 for 1,920 s; a fit sends one after each epoch",
        "no message from the inspection of the images for 60 s",
    ]


def test_files_that_are_computed_again_have_a_line_each_if_damaged_and_one_if_missing(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    lines: list[str] = []
    listener = LineProgress(Progress(Clock()), lines.append)
    first, second, third, *_ = plan.fits
    listener(RunStarted("tiny-1", plan, frozenset(), 1))
    missing = tuple(LostFile(fit, "validation", None) for fit in (first, second, third))
    listener(FilesLost((LostFile(first, "weights", Path("fits/x.damaged")), *missing)))
    listener(FilesLost(missing[:1]))
    listener(NotReproduced(second))
    damaged, missing_ones = lines[1].splitlines()
    name = "search.kernel kernel=3, fold 1 of 2"
    assert (
        damaged == f"{name}: weights are damaged; the file is set aside as fits/x.damaged and computed again"
    )
    assert (
        missing_ones == f"validation predictions of {name} and of 2 other fits are missing and computed again"
    )
    assert lines[2] == f"validation predictions of {name} are missing and computed again"
    assert lines[3].startswith("search.kernel kernel=3, fold 2 of 2: training it again gives other weights")


def test_a_long_fit_says_that_it_lives(tiny: Path) -> None:
    plan = make_plan(load_study(tiny, {"recipe.epochs": 5}))
    clock = Clock()
    lines: list[str] = []
    listener = LineProgress(Progress(clock), lines.append)
    fit = plan.fits[0]
    listener(RunStarted("tiny-1", plan, frozenset(), 1))
    listener(FitStarted(fit))
    for number in (1, 2, 3):
        clock.now += 20
        listener(EpochEnded(fit, epoch(number)))
    assert [line for line in lines if "epoch" in line] == [
        "  search.kernel kernel=3, fold 1 of 2: epoch 2 of 5, validation accuracy 50.00 %"
    ]


def test_what_was_trained_before_is_told(tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    lines: list[str] = []
    LineProgress(Progress(Clock()), lines.append)(RunStarted("tiny-1", plan, frozenset({plan.fits[0].id}), 1))
    assert lines == ["tiny-1: 10 fits, 1 of them trained before; 1 worker"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_live_display(tiny: Path, width: int) -> None:
    plan = make_plan(load_study(tiny))
    display = Display(Progress(Clock()))
    assert "getting ready" in drawn(display, width)
    assert display.take(RunStarted("tiny-1", plan, frozenset(), 2)) == ["tiny-1: 10 fits; 2 workers"]
    display.take(FitStarted(plan.fits[0]))
    display.take(EpochEnded(plan.fits[0], epoch(1)))
    text = " ".join(drawn(display, width).split())
    for word in ("search.kernel", "compare.both", "ablate.flat", "kernel=3", "fold", "epoch", "50.00"):
        assert word in text
    assert display.take(FitEnded(plan.fits[0], done(plan.fits[0]))) == []
    failed = Record(plan.fits[1].id, "failed", error="it broke")
    assert display.take(FitEnded(plan.fits[1], failed)) == [
        "search.kernel kernel=3, fold 2 of 2 failed: it broke"
    ]
    score = CandidateScore("kernel=5", scores(1.0, 0.5), 100, 0)
    assert len(display.take(ChoiceMade(Choice("search.kernel", "kernel=5", (score,)), plan))) == 1
    assert "chose" in drawn(display, width)


def drawn(display: Display, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True)
    console.print(display.render())
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


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
def test_when_to_draw(
    monkeypatch: pytest.MonkeyPatch, tty: bool, environment: dict[str, str], live: bool
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr", Terminal() if tty else io.StringIO())
    assert progress.is_terminal() is live


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    plan = make_plan(load_study(tiny))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    said = {}
    for name, value in (("colour", ""), ("none", "1")):
        monkeypatch.setenv("NO_COLOR", value)
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        with progress.showing(Progress(Clock())) as listener:
            listener(RunStarted("tiny-1", plan, frozenset({plan.fits[0].id}), 1))
        said[name] = terminal.getvalue()
    assert "tiny-1: 10 fits" in said["none"]
    colours = ("\x1b[38;", "\x1b[3", "\x1b[9")
    assert any(code in said["colour"] for code in colours)
    assert not any(code in said["none"] for code in colours)


def test_a_rung_has_its_line(tiny: Path) -> None:
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
    listener = LineProgress(counted, lines.append)
    listener(RunStarted("tiny-1", plan, frozenset(), 1))
    records = {}
    n_fits, work = counted.n_fits, counted._work_left
    for fit in plan.stages[0].fits:
        clock.now += 1
        listener(FitStarted(fit))
        listener(EpochEnded(fit, epoch(1)))
        records[fit.id] = done(fit, 1)
        listener(FitEnded(fit, records[fit.id]))
    share = counted.share
    after = make_plan(study, {}, records)
    listener(events.SearchAdvanced("search.kernel", after))
    assert lines[1].startswith("[ 1/16] search.kernel kernel=1, fold 1 of 2, to epoch 1: validation accuracy")
    assert lines[-1] == "search.kernel: rung 1 of 3 is done, 3 of 5 candidates go on to 1 fold × 3 epochs"
    assert (counted.n_fits, counted.n_done) == (n_fits, 5) == (16, 5)
    assert 0 < share < 1
    # What goes on from a paused fit has its epoch behind it: 12 epochs of a search of 17 are left.
    first = after.stages[0].rungs[1].fits[0]
    assert counted.cost(first) == 2 * counted._epoch_cost(first)
    listener(FitStarted(first))
    before = counted._work_left
    listener(EpochEnded(first, epoch(2)))
    assert before - counted._work_left == counted._epoch_cost(first)
    assert counted._work_left < work
    console = Console(file=io.StringIO(), width=100)
    console.print(Display(counted).render())
    assert "5 of 10 fits, rung 2 of 3" in console.file.getvalue()  # type: ignore[attr-defined]
