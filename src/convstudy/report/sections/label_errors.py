"""Suspected label errors: ranked images of the training set and of the test set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from convstudy.analysis import LabelErrors
from convstudy.checks.label_errors import WHY
from convstudy.data import Dataset
from convstudy.errors import ConvstudyError
from convstudy.numbers import counted, percent
from convstudy.report import thumbnails
from convstudy.report.samples import reduced
from convstudy.report.section import Block, Details, Gallery, Heading, Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value
from convstudy.report.thumbnails import Thumbnail

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = Mapping[int, npt.NDArray[np.uint8]]

TITLE = "Suspected label errors"
MAX_SHOWN = 24
MAX_ROWS = 1000
RULE = (
    "An image is suspected if models that did not train on it confidently predict another class than its label: with "
    "at least 90 %, and at least the mean probability that they give to that class on its own images (confident "
    "learning; all seeds must agree). The list has hard images too, and it misses label errors that models reproduce. "
    "Only a person can decide."
)


def sections(material: Material) -> Iterator[Section]:
    training, test = material.analysis.label_errors
    info = material.results.dataset
    blocks: list[Block] = [Text((RULE,))]
    notes: tuple[str, ...] = ()
    for errors in (training, test):
        blocks += [Heading(f"{errors.part.capitalize()} images"), Text((summary_text(errors),))]
        if not errors.found:
            continue
        shown = errors.found[:MAX_SHOWN]
        try:
            pixels = _training_pixels(info, errors) if errors.part == "training" else _test_pixels(material)
        except ConvstudyError as error:
            pixels = {}
            notes = (f"The training images are not available: {error.problems[0].reason}.",)
        gallery = tuple(_thumbnail(errors, number, info, pixels) for number in range(len(shown)))
        seen = tuple(each for each in gallery if each is not None)
        if seen:
            blocks.append(Gallery(seen, "large"))
    table = suspects_table((training, test), info)
    if table.rows:
        blocks.append(Details("Suspected label errors as a table", (table,)))
    yield Section("label-errors", TITLE, tuple(blocks), notes=notes)


def data(material: Material) -> dict[str, Any]:
    """Return the number and the rate of suspected label errors of each part, ``None`` if it was not examined."""
    return {
        "label_errors": {
            errors.part: None
            if errors.unknown
            else {"images": errors.n_images, "suspected": len(errors.found), "rate": errors.rate}
            for errors in material.analysis.label_errors
        }
    }


def summary_text(errors: LabelErrors) -> str:
    """Say how many images are suspected, by whose models, or why they were not examined."""
    if errors.unknown:
        return f"Not examined, because {WHY[errors.unknown]}."
    n = len(errors.found)
    rate = f"{counted(n, 'image')} of {errors.n_images:,} ({percent(errors.rate)})" if n else "No image"
    models = (
        f"models of {errors.source} that did not train on them"
        if errors.n_models == 1
        else f"the {errors.n_models} models of {errors.source}, which must all agree"
    )
    shown = f" The {MAX_SHOWN} most suspect are shown." if n > MAX_SHOWN else ""
    return (
        f"{rate} {'is' if n < 2 else 'are'} suspected. The images were predicted by {models}; "
        f"{percent(errors.accuracy)} of the predictions agree with the labels.{shown}"
    )


def suspects_table(parts: tuple[LabelErrors, LabelErrors], info: Dataset) -> Table:
    """Return the suspected images of both parts, the most suspect of each part first."""
    columns = (
        Column("part", "Images"),
        Column("image", "Image", "count"),
        Column("label", "Label"),
        Column("predicted", "Predicted"),
        Column("confidence", "Its probability", "percent"),
        Column("own", "Probability of the label", "percent"),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            errors.part,
            each.row,
            info.class_names[each.label],
            info.class_names[each.predicted],
            each.confidence,
            each.own,
        )
        for errors in parts
        for each in errors.found[:MAX_ROWS]
    )
    caption = "Probabilities are means over the models that predicted an image. Image numbers start at 0."
    return Table("label-errors", TITLE, caption, columns, rows)


def _thumbnail(errors: LabelErrors, number: int, info: Dataset, pixels: Pixels) -> Thumbnail | None:
    each = errors.found[number]
    if each.row not in pixels:
        return None
    label, predicted = info.class_names[each.label], info.class_names[each.predicted]
    return Thumbnail(
        thumbnails.data_uri(reduced(pixels[each.row])),
        f"{errors.part} image {each.row}: labelled {label}, predicted {predicted} with {percent(each.confidence)}",
        f"labelled {label}, predicted {predicted}",
        f"image {each.row}, {percent(each.confidence, 1)}",
    )


def _training_pixels(info: Dataset, errors: LabelErrors) -> Pixels:
    """Return the pixels of the most suspect training images; reports must not download data."""
    import numpy as np

    rows = np.array([each.row for each in errors.found[:MAX_SHOWN]], np.int64)
    images = info.load(download=False).train.take(rows)
    return dict(zip(rows.tolist(), images.pixels, strict=True))


def _test_pixels(material: Material) -> Pixels:
    """Return the pixels of test images that were stored as confident errors; the test set is not read again."""
    import numpy as np

    found: dict[int, npt.NDArray[np.uint8]] = {}
    head = material.analysis.headline
    shape, n_test = material.results.dataset.image_shape, material.results.dataset.n_test
    for fit_id in material.analysis.tested_fit_ids(head.candidate) if head else ():
        read = material.analysis.predictions.of(fit_id)
        if read is None or read.error_rows is None or read.error_pixels is None:
            continue
        rows, pixels = read.error_rows, read.error_pixels
        if rows.dtype.kind in "iu" and pixels.dtype == np.uint8 and pixels.shape == (len(rows), *shape):
            found |= {int(row): each for row, each in zip(rows, pixels, strict=True) if 0 <= row < n_test}
    return found


SECTION = Topic(61, sections, data)
