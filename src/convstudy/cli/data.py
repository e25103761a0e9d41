"""``convstudy data``: what a dataset contains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.cache import cache, verify
from convstudy.cli.commands import Commands
from convstudy.cli.first import images_at, located
from convstudy.cli.options import examples, json_option
from convstudy.cli.output import print_json, print_messages, table_text
from convstudy.cli.reading import show_reading
from convstudy.errors import ConvstudyError, Location, Problem, UsageError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data import Dataset, Images
    from convstudy.data.audit.fit_examples import FitExample
    from convstudy.data.audit.survey import Survey
    from convstudy.data.preparing.summary import PreparedSummary

MAX_CLASSES = 50
N_VERSIONS = 9
"""The number of augmented versions of each image."""


@click.group(
    cls=Commands,
    epilog=examples("convstudy data show photos", "convstudy data show photos --out photos.html"),
)
def data() -> None:
    """Look at a dataset, verify it, and list or clear the cache.

    Exit status: 0 success, 2 wrong usage.
    """


@data.command(
    epilog=examples(
        "convstudy data show photos",
        "convstudy data show photos.toml --out photos.html --augment shift",
        "convstudy data show digits --json",
    )
)
@click.argument("source", metavar="PATH|STUDY")
@click.option(
    "--set",
    "set_",
    multiple=True,
    metavar="dataset.KEY=VALUE",
    help="Change a key of [dataset], such as dataset.size=64; can be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Also write a page with training images of each class, and with crop, pad and stretch side by side.",
)
@click.option(
    "--augment",
    metavar="AUGMENTATION",
    help="With --out: show versions of training images with this augmentation (recipe.augment).",
)
@json_option
def show(source: str, set_: tuple[str, ...], out: Path | None, augment: str | None, as_json: bool) -> None:
    """Show what a dataset contains.

    PATH is a path of images; STUDY is a study file or a built-in study. Shown are the numbers of images by class and
    part, the sizes and modes of the files, exact copies and near-duplicates within and across parts, blank images, and
    warnings. No model is involved. The page shows training images only.

    Exit status: 0 success, 2 wrong usage or images that cannot be read.
    """
    if augment is not None and out is None:
        raise UsageError(Problem("--augment needs --out FILE.html", Location(subject="convstudy data show")))
    from convstudy.data.audit.survey import survey
    from convstudy.data.loaded import read_part

    with show_reading():
        dataset = dataset_at(source, set_)
        loaded = dataset.load()
        found = survey(dataset, loaded.train, read_part(dataset, "test"), _summary(dataset))
    if out is not None:
        from convstudy.report.data_page import data_page
        from convstudy.report.files import write_file

        augmented = None if augment is None else _augmented(loaded.train, dataset, augment)
        page = data_page(found, loaded.train, _fit_examples(dataset), augmented, augment or "")
        write_file(out, page)
    if as_json:
        print_json({**found.as_json(), "page": str(out) if out else None})
        return
    click.echo("\n\n".join(_parts(found)))
    if out is not None:
        print_messages(f"page: {out}")


def dataset_at(source: str, changes: tuple[str, ...]) -> Dataset:
    """Return the dataset of a path of images or of a study, with changed keys of ``[dataset]``."""
    from convstudy.studyfile import load_study, read_change

    given = dict(read_change(text) for text in changes)
    wrong = [key for key in given if not key.startswith("dataset.")]
    if wrong:
        expected = "a key of [dataset], such as dataset.size=64"
        raise UsageError(
            *(Problem(where=Location(subject=f"--set {key}"), expected=expected) for key in wrong)
        )
    path = images_at(source)
    if path is None:
        return load_study(source, given).dataset
    from convstudy.run.first_study import read_images
    from convstudy.studyfile.images import name_of

    keys = {key.removeprefix("dataset."): value for key, value in given.items()}
    try:
        return read_images(source, name_of(path), keys)
    except ConvstudyError as error:
        raise type(error)(*located(error)) from None


def _summary(dataset: Dataset) -> PreparedSummary | None:
    """Return what was found when a user's images were prepared; ``None`` for other datasets."""
    from convstudy.data.sources.prepared import PreparedSource

    return dataset.source.summary() if isinstance(dataset.source, PreparedSource) else None


def _fit_examples(dataset: Dataset) -> tuple[FitExample, ...]:
    """Return training images with crop, pad and stretch; none for arrays and built-in datasets."""
    from convstudy.data.audit.fit_examples import fit_examples
    from convstudy.data.preparing.prepare import list_images
    from convstudy.data.sources.prepared import PreparedSource
    from convstudy.data.value_range import natural_range

    source = dataset.source
    if not isinstance(source, PreparedSource):
        return ()
    _, listing = list_images(source.request)
    height, width, channels = dataset.image_shape
    positions = source.train_positions().tolist()
    value_range = None if listing.bounds is None else natural_range(listing.bounds(positions))
    options = source.request.decode_options((height, width), channels, value_range)
    return fit_examples(listing.reader, listing.names, positions, options)


def _augmented(train: Images, dataset: Dataset, augment: str) -> npt.NDArray[np.uint8]:
    """Return augmented versions of a few training images.

    Raises:
        UsageError: if this is no augmentation.
    """
    import numpy as np
    from pydantic import ValidationError

    from convstudy.report.data_page import N_AUGMENTED
    from convstudy.report.samples import rows_in_turn
    from convstudy.studyfile import Recipe
    from convstudy.studyfile.messages import errors_of

    try:
        recipe = Recipe(augment=augment)
    except ValidationError as error:
        where = Location(subject="--augment")
        found = errors_of(error, Recipe, {"augment": augment}, ())
        raise UsageError(*(each.problem(lambda path: where) for each in found)) from None
    from convstudy.engine.augmentation.examples import augmented_examples

    rows = np.array(rows_in_turn(train.labels, dataset.n_classes, N_AUGMENTED))
    return augmented_examples(train.take(rows).pixels, recipe, seed=0, n=N_VERSIONS)


def _parts(found: Survey) -> Iterator[str]:
    """Yield the paragraphs of the text."""
    from convstudy.report.data_text import (
        across_text,
        copies_table,
        file_facts,
        head_text,
        left_out,
        survey_counts,
    )

    yield head_text(found)
    yield table_text(survey_counts(found), MAX_CLASSES)
    if facts := file_facts(found.summary):
        yield "\n".join(f"{name.lower()}: {value}" for name, value in facts)
    yield "\n".join((table_text(copies_table(found)), *across_text(found)))
    for title, sentences in (
        ("decisions", found.notes),
        ("left out", left_out(found.summary)),
        ("warnings", found.warnings),
    ):
        if sentences:
            yield "\n".join((f"{title}:", *(f"  {sentence}" for sentence in sentences)))


data.add_command(verify)
data.add_command(cache)
