"""What several commands take: STUDY, ``--runs``, ``--seeds``, ``--set``, ``--subset``, ``--device``, ``--json``."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convstudy.cli.output import program
from convstudy.errors import ConvstudyError, DataError, Location, Problem, StudyError, UsageError

if TYPE_CHECKING:
    from convstudy.history import History
    from convstudy.studyfile import Study

F = TypeVar("F", bound=Callable[..., Any])


def examples(*commands: str) -> str:
    """Return commands as the end of a ``--help`` text, one per line."""
    # click keeps the lines of a paragraph that begins with a backspace.
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


class Count(click.ParamType):  # type: ignore[type-arg]  # generic in some versions of click only
    """A whole number, 1 or more."""

    name = "count"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or raise :class:`UsageError`."""
        text = str(value)
        if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
            return int(text)
        path = f"{ctx.command_path} " if ctx else ""
        option = param.opts[0] if param else "this option"
        raise UsageError(
            Problem(
                "this is not a count", Location(subject=f"{path}{option}"), text, "a whole number, 1 or more"
            )
        )


class Seconds(click.ParamType):  # type: ignore[type-arg]  # generic in some versions of click only
    """A number of seconds above 0."""

    name = "seconds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or raise :class:`UsageError`."""
        with suppress(ValueError):
            seconds = float(str(value))
            if math.isfinite(seconds) and seconds > 0:
                return seconds
        path = f"{ctx.command_path} " if ctx else ""
        option = param.opts[0] if param else "this option"
        what = "this is no time"
        raise UsageError(
            Problem(what, Location(subject=f"{path}{option}"), str(value), "a number of seconds above 0")
        )


# How `[study]` keys are called here.
SHORT_FORMS = {"seeds": "study.seeds", "subset": "study.subset"}

DEFAULT_RUNS = Path("runs")

runs_option = click.option(
    "--runs",
    "runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_RUNS,
    show_default=True,
    metavar="DIR",
    help="The folder in which everything that was trained is kept.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value on stdout instead of words."
)
workers_option = click.option(
    "--workers",
    type=Count(),
    metavar="N",
    help="Fits that train at the same time; if not given, as many as there are cores for, or 6 on a GPU.",
)
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="DEVICE",
    help="Where to train: cpu, cuda, cuda:N, or auto (a GPU where torch finds one).",
)


def study_argument(command: F) -> F:
    """Give a command STUDY and the options that change it; it takes ``source``, and
    :func:`changes_of` has the changes.
    """
    for decorate in (
        click.option(
            "--subset",
            type=Count(),
            metavar="N",
            help="Use N training images only (study.subset).",
            callback=_gather,
            expose_value=False,
        ),
        click.option(
            "--set",
            "set_",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change any key of the study: --set recipe.epochs=3. May be given several times.",
            callback=_gather,
            expose_value=False,
        ),
        click.option(
            "--seeds",
            type=Count(),
            metavar="N",
            help="Train everything that is compared N times (study.seeds).",
            callback=_gather,
            expose_value=False,
        ),
        click.argument("source", metavar="STUDY"),
    ):
        command = decorate(command)
    return command


def changes_of(context: click.Context) -> dict[str, object]:
    """Return the changes to the study that were asked for, by dotted key; ``--set`` goes before short forms.

    Raises:
        StudyError: with a problem for each ``--set`` that has not the form KEY=VALUE, or a key given twice.
    """
    from convstudy.studyfile import read_change

    given: dict[str, Any] = context.meta.get(__name__, {})
    changes: dict[str, object] = {}
    problems: list[Problem] = []
    pairs: list[tuple[str, object]] = []
    for text in given.get("set_", ()):
        try:
            pairs.append(read_change(text))
        except ConvstudyError as error:
            problems += error.problems
    pairs += [(SHORT_FORMS[name], given[name]) for name in SHORT_FORMS if given.get(name) is not None]
    for key, value in pairs:
        if key in changes and changes[key] != value:
            problems.append(
                Problem(
                    f"{key} is changed twice",
                    Location(subject="--set"),
                    f"{changes[key]} and {value}",
                    hint="say it once",
                )
            )
        changes[key] = value
    if problems:
        raise StudyError(*problems)
    return changes


def study_of(context: click.Context, source: str) -> Study:
    """Return the study that was asked for, with its changes, checked, in the precision that its device is fast in.

    Raises:
        StudyError: with everything that is wrong with it.
    """
    from convstudy.run import fix_precision
    from convstudy.studyfile import load_study

    return fix_precision(load_study(source, changes_of(context)), context.params.get("device", "auto"))


def check_labels(context: click.Context, source: str, study: Study) -> None:
    """Check the labels of a study's dataset where they are here: images enough of each class, no label without one.

    Raises:
        StudyError: where a class has too few images for the study's folds, validation part or metric.
        DataError: where a label names no class, or the labels are damaged.
    """
    from convstudy.studyfile import check_classes, check_test_classes, places

    try:
        study.dataset.source.fetch(download=False)
    except DataError:  # not here yet: `run` downloads it, and checks it then
        return
    place = places(source, changes_of(context))
    check_classes(study, study.dataset.load_labels("train"), place)
    check_test_classes(study, study.dataset.load_labels("test"), place)


def command_line(context: click.Context, name: str, source: str) -> str:
    """Return another command for the same study, with the same changes and the same runs folder."""
    given: dict[str, Any] = context.meta.get(__name__, {})
    words = [program(), name, source]
    for option in SHORT_FORMS:
        if given.get(option) is not None:
            words += [f"--{option}", str(given[option])]
    for text in given.get("set_", ()):
        words += ["--set", text]
    return shlex.join(words) + runs_words(context.params.get("runs", DEFAULT_RUNS))


def runs_words(runs: Path) -> str:
    """Return what a command has to say to use this runs folder, with a space in front; nothing for the default."""
    return f" --runs {shlex.quote(str(runs))}" if runs != DEFAULT_RUNS else ""


def open_history(runs: Path) -> History | None:
    """Return the store of a runs folder, or ``None`` where nothing was run in it yet.

    Raises:
        StoreError: if it is there and cannot be read.
    """
    from convstudy.history import History

    return History.open(runs) if History.is_at(runs) else None


def _gather(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Keep what an option was given, for :func:`changes_of`."""
    assert parameter.name is not None  # click names every parameter
    context.meta.setdefault(__name__, {})[parameter.name] = value
