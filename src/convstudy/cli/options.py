"""Arguments and options of several commands: STUDY, ``--runs``, ``--set``, ``--device``, ``--json``, ..."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convstudy.cli.first import OpenedImages, images_at, open_images
from convstudy.cli.output import print_messages, program
from convstudy.errors import ConvstudyError, DataError, Location, Problem, StudyError, UsageError
from convstudy.numbers import shortest

if TYPE_CHECKING:
    from convstudy.history import History
    from convstudy.studyfile import Study

F = TypeVar("F", bound=Callable[..., Any])


def examples(*commands: str) -> str:
    """Return commands as the end of a ``--help`` text, one per line."""
    # click keeps the lines of a paragraph that begins with a backspace.
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


class Count(click.ParamType):  # type: ignore[type-arg]  # generic in some versions of click only
    """An integer of 1 or more."""

    name = "count"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Convert a text to the integer; raise :class:`UsageError` for any other text."""
        text = str(value)
        if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0:
            return int(text)
        path = f"{ctx.command_path} " if ctx else ""
        option = param.opts[0] if param else "this option"
        where = Location(subject=f"{path}{option}")
        expected = (
            "an integer of 1 to 999,999,999"
            if re.fullmatch("[0-9]{10,}", text)
            else "an integer of 1 or more"
        )
        raise UsageError(Problem(where=where, got=text[:80], expected=expected))


class PositiveNumber(click.ParamType):  # type: ignore[type-arg]  # generic in some versions of click only
    """A positive number of a unit, such as ``"seconds"``."""

    def __init__(self, unit: str) -> None:
        self.name = unit

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Convert a text to the number; raise :class:`UsageError` for any other text."""
        with suppress(ValueError):
            number = float(str(value))
            if math.isfinite(number) and number > 0:
                return number
        path = f"{ctx.command_path} " if ctx else ""
        option = param.opts[0] if param else "this option"
        where = Location(subject=f"{path}{option}")
        raise UsageError(Problem(where=where, got=f'"{value}"', expected=f"a positive number of {self.name}"))


UNTIL_DECIDED = "until_decided"
MAX_SEEDS_KEY = "study.max_seeds"

# Options that are short for `--set study.KEY=VALUE`.
SHORT_FORMS = {"seeds": "study.seeds", "subset": "study.subset"}

DEFAULT_RUNS = Path("runs")
_IMAGES = f"{__name__}.images"

runs_option = click.option(
    "--runs",
    "runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_RUNS,
    show_default=True,
    metavar="DIR",
    help="The folder of trained models and results.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
workers_option = click.option(
    "--workers",
    type=Count(),
    metavar="N",
    help="The number of fits that train in parallel.  [default: one per CPU core, 6 on a GPU]",
)
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="DEVICE",
    help="Where to train: cpu, cuda, cuda:N, or auto (a GPU if PyTorch finds one).",
)


def minutes_option(command: F) -> F:
    """Add ``--minutes`` to a command; :func:`study_of` uses it."""
    return click.option(
        "--minutes",
        type=PositiveNumber("minutes"),
        metavar="MINUTES",
        help="STUDY is a path of images: the time that its first study may take.  [default: 10]",
        callback=_gather,
        expose_value=False,
    )(command)


def until_decided_option(command: F) -> F:
    """Add ``--until-decided`` and ``--max-seeds`` to a command; :func:`changes_of` returns them as a change."""
    for decorate in (
        click.option(
            "--max-seeds",
            type=Count(),
            metavar="N",
            help="With --until-decided: the largest number of seeds.  [default: 30]",
            callback=_gather,
            expose_value=False,
        ),
        click.option(
            "--until-decided",
            is_flag=True,
            help="Add seeds until validation scores decide each pair of compared networks (study.max_seeds). Clearly "
            "worse networks get no more seeds. The test set is evaluated once, at the end.",
            callback=_gather,
            expose_value=False,
        ),
    ):
        command = decorate(command)
    return command


def study_argument(command: F) -> F:
    """Add STUDY (as ``source``) and the options that change it to a command; :func:`changes_of` returns the changes."""
    for decorate in (
        click.option(
            "--subset",
            type=Count(),
            metavar="N",
            help="The number of training images to use (study.subset).",
            callback=_gather,
            expose_value=False,
        ),
        click.option(
            "--set",
            "set_",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a key of the study, such as recipe.epochs=3; can be repeated.",
            callback=_gather,
            expose_value=False,
        ),
        click.option(
            "--seeds",
            type=Count(),
            metavar="N",
            help="The number of seeds per compared network (study.seeds).",
            callback=_gather,
            expose_value=False,
        ),
        click.argument("source", metavar="STUDY"),
    ):
        command = decorate(command)
    return command


def changes_of(context: click.Context) -> dict[str, object]:
    """Return the changes of ``--set`` and its short forms: dotted key -> value.

    Raises:
        StudyError: with a problem for each ``--set`` without the form KEY=VALUE and each key with two values.
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
                Problem(f"{key} has two values", Location(subject="--set"), f"{changes[key]} and {value}")
            )
        changes[key] = value
    if problems:
        raise StudyError(*problems)
    return changes | _added_seeds(context, changes)


def _added_seeds(context: click.Context, changes: Mapping[str, object]) -> dict[str, object]:
    """Return the change of ``--until-decided`` and ``--max-seeds``.

    Raises:
        UsageError: if they contradict each other or another option.
    """
    from convstudy.stats.sequential import DEFAULT_MAX_SEEDS, FIRST_LOOK

    given: dict[str, Any] = context.meta.get(__name__, {})
    max_seeds: int | None = given.get("max_seeds")
    where = Location(subject=f"{context.command_path} --max-seeds")
    if not given.get(UNTIL_DECIDED):
        if max_seeds is not None:
            raise UsageError(Problem("--max-seeds needs --until-decided", where, str(max_seeds)))
        return {}
    if max_seeds is not None and max_seeds < FIRST_LOOK:
        expected = f"an integer of {FIRST_LOOK} or more, because the first look is after {FIRST_LOOK} seeds"
        raise UsageError(Problem(where=where, got=str(max_seeds), expected=expected))
    if "study.seeds" in changes:
        what, hint = "--until-decided sets the number of seeds", "remove --seeds, or use --max-seeds"
        where = Location(subject=context.command_path)
        raise UsageError(Problem(what, where, f"--seeds {changes['study.seeds']}", hint=hint))
    if MAX_SEEDS_KEY in changes:
        return {MAX_SEEDS_KEY: max_seeds or changes[MAX_SEEDS_KEY]}
    return {MAX_SEEDS_KEY: max_seeds or DEFAULT_MAX_SEEDS}


def study_of(context: click.Context, source: str) -> Study:
    """Load and validate STUDY with its changes; the device decides an automatic precision.

    STUDY can be a path of images; :func:`write_study_file` writes the file of its first study.

    Raises:
        StudyError: with all problems of the study.
        UsageError: if ``--minutes`` is given for a study file, or ``--seeds`` for a study that adds seeds.
    """
    from convstudy.run import fix_precision
    from convstudy.studyfile import load_study

    given = context.meta.get(__name__, {})
    minutes, changes = given.get("minutes"), changes_of(context)
    path = images_at(source)
    if path is not None:
        opened = open_images(source, path, changes, minutes, context.params.get("workers"))
        context.meta[_IMAGES] = opened
        study = opened.study(changes)
        if opened.first is None:
            print_alerts(study)
    elif minutes is not None:
        what = "--minutes sizes the first study of a path of images"
        raise UsageError(Problem(what, Location(subject=context.command_path), got=f"the study {source}"))
    else:
        study = load_study(source, changes)
        print_alerts(study)
    if study.max_seeds is not None and "study.seeds" in changes:
        what = f"--seeds has no effect: the study adds seeds until pairs are decided (max_seeds = {study.max_seeds})"
        hint = "remove --seeds, or remove max_seeds from the study"
        raise UsageError(Problem(what, Location(subject=context.command_path), hint=hint))
    return fix_precision(study, context.params.get("device", "auto"))


def print_alerts(study: Study) -> None:
    """Print which images are left out and what has changed in the test part, if the study has images of a user."""
    from convstudy.data.sources.prepared import PreparedSource

    if isinstance(source := study.dataset.source, PreparedSource):
        for alert in source.summary().alerts:
            print_messages(f"{study.dataset.name}: {alert}")


def write_study_file(context: click.Context) -> None:
    """Write the file of a first study, if STUDY is a path of images without one.

    Raises:
        UsageError: if the file cannot be written.
    """
    opened: OpenedImages | None = context.meta.get(_IMAGES)
    if opened is not None:
        opened.write()


def check_labels(context: click.Context, source: str, study: Study) -> tuple[int, ...]:
    """Check the labels of the dataset, unless the dataset must be downloaded first.

    Args:
        context: the context of the command, with its changes to the study.
        source: STUDY.
        study: the loaded study.

    Returns:
        The number of training images of each class; empty if the dataset must be downloaded first.

    Raises:
        StudyError: if a class has too few images for the folds, the validation set or the metric.
        DataError: if a label has no class, or the labels are damaged.
    """
    from convstudy.studyfile import check_classes, check_test_classes, places

    try:
        study.dataset.source.fetch(download=False)
    except DataError:  # `run` downloads the images and checks the labels then
        return ()
    opened: OpenedImages | None = context.meta.get(_IMAGES)
    changes = changes_of(context)
    place = places(source, changes) if opened is None else opened.text.places(changes)
    labels = study.dataset.load_labels("train")
    check_classes(study, labels, place, study.dataset.load_groups("train"), study.dataset.load_times("train"))
    check_test_classes(study, study.dataset.load_labels("test"), place)
    counts = Counter(labels.tolist())
    return tuple(counts[label] for label in range(study.dataset.n_classes))


def command_line(context: click.Context, name: str, source: str) -> str:
    """Return another command on the same study, with the same changes and runs folder.

    Args:
        context: the context of the current command.
        name: the name of the other command, such as ``"check"``.
        source: STUDY.
    """
    given: dict[str, Any] = context.meta.get(__name__, {})
    arguments = [program(), name, source]
    for option in SHORT_FORMS:
        if given.get(option) is not None:
            arguments += [f"--{option}", str(given[option])]
    if given.get(UNTIL_DECIDED):
        arguments.append("--until-decided")
        arguments += ["--max-seeds", str(given["max_seeds"])] if given.get("max_seeds") is not None else []
    if given.get("minutes") is not None and name != "check":
        arguments += ["--minutes", shortest(given["minutes"])]
    for text in given.get("set_", ()):
        arguments += ["--set", text]
    return shlex.join(arguments) + runs_arguments(context.params.get("runs", DEFAULT_RUNS))


def runs_arguments(runs: Path) -> str:
    """Return ``--runs DIR`` with a space in front, to append to a command; empty for the default folder."""
    return f" --runs {shlex.quote(str(runs))}" if runs != DEFAULT_RUNS else ""


def open_history(runs: Path) -> History | None:
    """Open the history of a runs folder; ``None`` if it has no runs yet.

    Raises:
        StoreError: if the history is damaged or not readable.
    """
    from convstudy.history import History

    return History.open(runs) if History.is_at(runs) else None


def _gather(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Store the value of an option for :func:`changes_of`."""
    assert parameter.name is not None  # click names every parameter
    context.meta.setdefault(__name__, {})[parameter.name] = value
