"""``convstudy init``, ``schema`` and ``datasets``: help with writing a study file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.options import examples, json_option
from convstudy.cli.output import print_json, table
from convstudy.errors import DataError, Location, Problem, UsageError

if TYPE_CHECKING:
    from convstudy.data import Dataset


@click.command(epilog=examples("convstudy init", "convstudy init flowers.toml --dataset fashion-mnist"))
@click.argument("path", type=click.Path(path_type=Path), default=Path("study.toml"), metavar="[PATH]")
@click.option(
    "--dataset", default="mnist", show_default=True, metavar="NAME", help="The dataset of the study."
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(path: Path, dataset: str, force: bool) -> None:
    """Write a study file with comments that you can edit.

    PATH is the new file; the default is study.toml.

    Exit status: 0 success, 2 the file exists or cannot be written.
    """
    from convstudy.studyfile import starter_file

    text = starter_file(dataset)
    if path.is_dir():
        raise UsageError(
            Problem("PATH is a folder", Location(str(path)), expected="a new study file (.toml)")
        )
    try:
        # "x" fails on an existing file; a separate check would leave a race between check and write.
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                if not force:
                    path.unlink()  # an empty file would stop the next call
                raise
    except FileExistsError:
        what, hint = (
            "this file exists; it is not changed",
            "choose another PATH, or overwrite it with --force",
        )
        raise UsageError(Problem(what, where=Location(str(path)), hint=hint)) from None
    except OSError as error:
        what = f"the study file cannot be written: {(error.strerror or str(error)).lower()}"
        raise UsageError(Problem(what, where=Location(str(path)), hint="choose another PATH")) from None
    click.echo(f"{path}: a study of {dataset}")
    click.echo(f"next: convstudy plan {shlex.quote(str(path))}")


@click.command(epilog=examples("convstudy schema > study.schema.json"))
def schema() -> None:
    """Print the JSON Schema of study files.

    Editors use it to complete and check study files.

    Exit status: 0 success.
    """
    from convstudy.studyfile import study_schema

    print_json(study_schema())


@click.command(epilog=examples("convstudy datasets", "convstudy datasets --json"))
@json_option
def datasets(as_json: bool) -> None:
    """List the built-in datasets.

    Shows the numbers of images and classes of each dataset, and whether it is downloaded. docs/datasets.md
    describes how to use your own images.

    Exit status: 0 success.
    """
    from convstudy.data import BUILT_IN_DATASETS

    downloaded = {name: _is_downloaded(info) for name, info in BUILT_IN_DATASETS.items()}
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "title": info.title,
                    "image_shape": list(info.image_shape),
                    "class_names": list(info.class_names),
                    "n_train": info.n_train,
                    "n_test": info.n_test,
                    "digest": info.digest,
                    "here": downloaded[name],
                }
                for name, info in BUILT_IN_DATASETS.items()
            ]
        )
        return
    rows = [
        (name, info.n_train, info.n_test, info.n_classes, "yes" if downloaded[name] else "no", info.title)
        for name, info in BUILT_IN_DATASETS.items()
    ]
    click.echo(
        table(("dataset", "training", "test", "classes", "downloaded", "title"), rows, right=(1, 2, 3))
    )
    click.echo(
        "\nYour own images: `convstudy run photos/`, a [dataset] table in a study file, or Dataset.from_arrays in "
        "Python."
    )
    if not all(downloaded.values()):
        click.echo("A run downloads its dataset if it is missing.")


def _is_downloaded(info: Dataset) -> bool:
    try:
        info.source.fetch(download=False)
    except DataError:
        return False
    return True
