"""STUDY as a path of images: its study file, which a first run writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.cli.output import print_messages, table_text
from convstudy.cli.reading import show_reading
from convstudy.errors import NOWHERE, ConvstudyError, Location, Problem, UsageError
from convstudy.numbers import counted, duration, listed, shortest

if TYPE_CHECKING:
    from convstudy.run.first_study import FirstStudy
    from convstudy.studyfile import Study, StudyText

MAX_CLASSES = 20
"""The maximum number of classes in the table of images by class."""
_DATASET = "dataset."


def images_at(source: str) -> Path | None:
    """Return the path of images that STUDY names; ``None`` for a study file, a built-in study, or a missing path.

    A path of images has precedence over a built-in study of the same name.
    """
    path = Path(source)
    try:  # a name that is too long raises OSError, a NUL byte ValueError
        if path.suffix.lower() == ".toml" or not path.exists():
            return None
    except (OSError, ValueError):
        return None
    return path


@dataclass(frozen=True)
class OpenedImages:
    """The study of a path of images.

    Attributes:
        text: its study file, which need not exist yet.
        first: the first study, if the file does not exist yet.
    """

    text: StudyText
    first: FirstStudy | None

    def study(self, changes: Mapping[str, object]) -> Study:
        """Return the study with changes; the images of a new study are not read again."""
        if self.first is None:
            return self.text.study(changes)
        return self.first.study(_without_dataset(changes))

    def write(self) -> None:
        """Write the study file, unless it exists.

        Raises:
            UsageError: if it cannot be written.
        """
        if self.first is None:
            return
        path = Path(self.text.file)
        try:
            # "x" fails if another process has just written the file.
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(self.text.text)
        except FileExistsError:
            what = "another command has just written this study file"
            if path.is_symlink() and not path.exists():
                what = "this symbolic link leads to no file"
            hint = "run the command again, which uses the file; or delete it"
            raise UsageError(Problem(what, Location(str(path)), hint=hint)) from None
        except OSError as error:
            what = f"the study file cannot be written: {(error.strerror or str(error)).lower()}"
            hint = "change to a folder where files can be written"
            raise UsageError(Problem(what, Location(str(path)), hint=hint)) from None
        print_messages(f"{path}: written; edit it to change the study")


def open_images(
    source: str, path: Path, changes: Mapping[str, object], minutes: float | None, workers: int | None
) -> OpenedImages:
    """Return the study of a path of images: the one of its study file in the current folder, or a new one.

    What was found is printed on stderr.

    Args:
        source: STUDY, as the user wrote it.
        path: the path of the images.
        changes: the changes of ``--set``. Those of ``[dataset]`` become part of a new study.
        minutes: the time that the run of a new study may take; ``None`` for the default.
        workers: the number of workers; ``None`` for one per core.

    Raises:
        StudyError: if the images cannot be read.
        UsageError: if the study file describes other images.
    """
    from convstudy.run.first_study import MINUTES, first_study
    from convstudy.studyfile import BUILT_IN_STUDIES, StudyText
    from convstudy.studyfile.images import name_of

    if source in BUILT_IN_STUDIES:
        kind = "folder" if path.is_dir() else "file"
        print_messages(
            f"{source}: the {kind} in the current folder, not the built-in study; rename the {kind} to use that study"
        )
    if f"{_DATASET}path" in changes:
        where, hint = Location(subject=f"--set {_DATASET}path"), "give the other path instead of this one"
        raise UsageError(Problem(f"the path of the images is already given: {source}", where, hint=hint))
    file = Path(f"{name_of(path)}.toml")
    if file.exists():
        from convstudy.studyfile.files import read_text

        text = StudyText(*read_text(file))
        _check_path(text, source, path)
        note = "; --minutes has no effect on it" if minutes is not None else ""
        print_messages(f"{file}: this study file is used{note}")
        return OpenedImages(text, None)
    keys = {key.removeprefix(_DATASET): value for key, value in changes.items() if key.startswith(_DATASET)}
    try:
        with show_reading():
            first = first_study(source, MINUTES if minutes is None else minutes, workers, keys)
    except ConvstudyError as error:
        raise type(error)(*located(error), _about_keys(source, path)) from None
    print_messages(found_text(source, first))
    return OpenedImages(StudyText(first.text, first.file), first)


def found_text(source: str, first: FirstStudy) -> str:
    """Return what was found at a path, and the study that follows from it."""
    from convstudy.report.data_text import class_counts_table, file_facts

    facts, size = first.facts, first.size
    summary = first.summary
    warnings = summary.warnings if summary is not None else ()
    kind = f"{summary.kind} with " if summary is not None else ""
    shape = " × ".join(map(str, facts.image_shape))
    counts = class_counts_table(facts.class_names, facts.train_counts, facts.test_counts, summary)
    parts = [
        f"{source}: {kind}{counted(facts.n_train, 'training image')} and "
        f"{counted(sum(facts.test_counts), 'test image')} of {len(facts.class_names):,} classes, used as {shape}",
        _indented(table_text(counts, MAX_CLASSES)),
        *(f"  {name.lower()}: {value}" for name, value in file_facts(summary)),
        *(f"  {note}" for note in facts.notes),
        *(f"  warning: {warning}" for warning in warnings),
    ]
    metric, reason = facts.metric
    subset = f", {size.subset:,} of the training images" if size.subset is not None else ""
    parts += [
        f"metric: {metric}; {reason}",
        f"first study: {listed(facts.networks)}; {counted(size.epochs, 'epoch')}, {counted(size.seeds, 'seed')}"
        f"{subset}; about {duration(size.seconds)} with {counted(first.n_workers, 'worker')}",
    ]
    if size.seconds > 60 * first.minutes:
        parts.append(f"This is more than {shortest(first.minutes)} min, but no first study is smaller.")
    return "\n".join(parts)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _without_dataset(changes: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in changes.items() if not key.startswith(_DATASET)}


def _check_path(text: StudyText, source: str, path: Path) -> None:
    """Raise :class:`UsageError` if a study file describes other images than those at ``path``."""
    given = text.dataset_path()
    if given is not None and given.resolve() == path.resolve():
        return
    got = f"images at {given}" if given is not None else "a study without the path of its images"
    raise UsageError(
        Problem(
            where=Location(text.file),
            expected=f"a study of the images at {source}",
            got=got,
            hint=f"rename or delete {text.file}; `convstudy run {text.file}` runs it as it is",
        )
    )


def located(error: ConvstudyError) -> list[Problem]:
    """Return the problems of a path of images without ``dataset.path``, which is no key of a file yet."""
    return [
        replace(each, where=NOWHERE) if each.where.key == ("dataset", "path") and each.what else each
        for each in error.problems
    ]


def _about_keys(source: str, path: Path) -> Problem:
    hint = "keys of [dataset] can be set with --set, such as --set dataset.on_error=skip"
    if path.is_file():
        hint += "; the name of a study file must end in .toml"
    return Problem(f"no study was made of {source}", hint=hint)
