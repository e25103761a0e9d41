"""``convstudy init``, ``schema`` and ``datasets``: what is needed to write a study file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.options import json_option
from convstudy.cli.output import print_json, table
from convstudy.errors import DataError, Location, Problem, UsageError

if TYPE_CHECKING:
    from convstudy.data import Dataset


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("study.toml"), metavar="[PATH]")
@click.option("--dataset", default="mnist", show_default=True, metavar="NAME", help="The images to study.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def init(path: Path, dataset: str, force: bool) -> None:
    """Write a commented study file to start from.

    It becomes study.toml, if no PATH is given.
    """
    from convstudy.studyfile import starter_file

    text = starter_file(dataset)
    if path.is_dir():
        hint = "name a file in it"
        raise UsageError(
            Problem(
                "this is a folder", where=Location(str(path)), expected="a new study file (.toml)", hint=hint
            )
        )
    try:
        # "x" refuses what is there already, without a moment in between.
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                if not force:
                    path.unlink()  # an empty file would keep the next call from writing
                raise
    except FileExistsError:
        what, hint = "this file is there already, and was left as it is", "name another PATH, or give --force"
        raise UsageError(Problem(what, where=Location(str(path)), hint=hint)) from None
    except OSError as error:
        what = f"the study file cannot be written: {(error.strerror or str(error)).lower()}"
        raise UsageError(Problem(what, where=Location(str(path)), hint="name another PATH")) from None
    click.echo(f"{path}: a study of {dataset}, to change as you like")
    click.echo(f"next: convstudy plan {shlex.quote(str(path))}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    from convstudy.studyfile import study_schema

    print_json(study_schema())


@click.command()
@json_option
def datasets(as_json: bool) -> None:
    """List the datasets, and whether they are here."""
    from convstudy.data import BUILT_IN_DATASETS

    here = {name: _is_here(info) for name, info in BUILT_IN_DATASETS.items()}
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
                    "here": here[name],
                }
                for name, info in BUILT_IN_DATASETS.items()
            ]
        )
        return
    rows = [
        (name, info.n_train, info.n_test, info.n_classes, "yes" if here[name] else "no", info.title)
        for name, info in BUILT_IN_DATASETS.items()
    ]
    click.echo(table(("dataset", "training", "test", "classes", "here", "title"), rows, right=(1, 2, 3)))
    click.echo("\nImages of your own: a [dataset] table in a study file, or Dataset.from_arrays in Python.")
    if not all(here.values()):
        click.echo("What is not here is downloaded when a study first needs it.")


def _is_here(info: Dataset) -> bool:
    try:
        info.source.fetch(download=False)
    except DataError:
        return False
    return True
