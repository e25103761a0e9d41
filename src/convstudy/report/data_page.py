"""The page of ``convstudy data show``: what a dataset contains, and training images to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.audit.survey import Survey
from convstudy.report import thumbnails
from convstudy.report.data_text import (
    across_text,
    copies_table,
    file_facts,
    left_out,
    survey_counts,
)
from convstudy.report.page import environment, own
from convstudy.report.samples import reduced, rows_in_turn, rows_of_classes
from convstudy.report.section import Block, Details, Facts, Gallery, Heading, Items, Section, Text
from convstudy.report.thumbnails import Thumbnail

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.audit.fit_examples import FitExample
    from convstudy.data.images import Images

N_OF_A_CLASS = 12
"""The maximum number of images that are shown of a class."""
MAX_CLASSES = 50
"""The maximum number of classes whose images are shown."""
N_AUGMENTED = 8
"""The number of images of which augmented versions are shown."""


@dataclass(frozen=True)
class Strip:
    """Images side by side, with a title."""

    title: str
    thumbnails: tuple[Thumbnail, ...]


@dataclass(frozen=True)
class StripGroup:
    """A section of strips."""

    id: str
    title: str
    text: str
    strips: tuple[Strip, ...]


def data_page(
    survey: Survey,
    train: Images,
    fits: Sequence[FitExample] = (),
    augmented: npt.NDArray[np.uint8] | None = None,
    augment: str = "",
) -> str:
    """Return the page as one HTML file that loads nothing.

    Args:
        survey: what the dataset contains.
        train: its training images.
        fits: images with the three ways to fit them.
        augmented: uint8 of shape (m, k, h, w, c): k augmented versions of the first m images of
            :func:`~convstudy.report.samples.rows_in_turn`.
        augment: the augmentation, as in a recipe.
    """
    sections = [
        _first(survey),
        _classes(survey),
        *_files(survey),
        _copies(survey),
        _samples(survey, train),
    ]
    groups = [*_fit_strips(fits), *_augmented_strips(survey, train, augmented, augment)]
    template = environment().get_template("data.html")
    return template.render(
        title=survey.dataset.name,
        sections=sections,
        strips=groups,
        style=own("page.css"),
        own_style=own("data.css"),
    )


def _first(survey: Survey) -> Section:
    dataset, summary = survey.dataset, survey.summary
    facts = [
        ("Training images", f"{dataset.n_train:,}"),
        ("Test images", f"{dataset.n_test:,}"),
        ("Classes", f"{dataset.n_classes:,}"),
        ("Used as", " × ".join(map(str, dataset.image_shape))),
    ]
    facts += [("Source", summary.kind)] if summary is not None else []
    blocks: list[Block] = [Facts(tuple(facts))]
    return Section("found", "", tuple(blocks), notes=survey.warnings)


def _classes(survey: Survey) -> Section:
    table = survey_counts(survey)
    block: Block = table if len(table.rows) <= MAX_CLASSES else Details("All classes", (table,))
    return Section("classes", "Images by class", (block,))


def _files(survey: Survey) -> Iterator[Section]:
    blocks: list[Block] = []
    if facts := file_facts(survey.summary):
        blocks.append(Facts(facts))
    if survey.notes:
        blocks += [Heading("Decisions"), Items(survey.notes)]
    if names := left_out(survey.summary):
        blocks += [Heading("Images that were left out"), Items(names)]
    if blocks:
        yield Section("files", "Files", tuple(blocks))


def _copies(survey: Survey) -> Section:
    return Section(
        "copies",
        "Copies and blank images",
        (Text((" ".join(across_text(survey)),)), copies_table(survey)),
    )


def _samples(survey: Survey, train: Images) -> Section:
    names = survey.dataset.class_names
    blocks: list[Block] = []
    rows_by_class = rows_of_classes(train.labels, len(names), N_OF_A_CLASS)
    for name, rows in list(zip(names, rows_by_class, strict=True))[:MAX_CLASSES]:
        blocks += [Heading(name), Gallery(_thumbnails(train, rows, name), "large")]
    if len(names) > MAX_CLASSES:
        blocks.append(Text((f"The first {MAX_CLASSES} of {len(names):,} classes.",), "note"))
    return Section("samples", "Training images", tuple(blocks))


def _thumbnails(images: Images, rows: Sequence[int], name: str) -> tuple[Thumbnail, ...]:
    return tuple(
        Thumbnail(thumbnails.data_uri(reduced(images.pixels[row])), f"training image {row}: {name}")
        for row in rows
    )


def _fit_strips(fits: Sequence[FitExample]) -> Iterator[StripGroup]:
    if not fits:
        return
    strips = tuple(
        Strip(
            example.name,
            tuple(
                Thumbnail(thumbnails.data_uri(pixels), f"{example.name}: {name}", name)
                for name, pixels in example.versions
            ),
        )
        for example in fits
    )
    text = 'The key fit under [dataset]: "crop" cuts off the border, "pad" adds one, and "stretch" distorts the image.'
    yield StripGroup("fits", "Crop, pad or stretch", text, strips)


def _augmented_strips(
    survey: Survey, train: Images, augmented: npt.NDArray[np.uint8] | None, augment: str
) -> Iterator[StripGroup]:
    if augmented is None:
        return
    names = survey.dataset.class_names
    rows = rows_in_turn(train.labels, len(names), N_AUGMENTED)
    strips = []
    for row, versions in zip(rows, augmented, strict=True):
        name = names[int(train.labels[row])]
        shown = [
            Thumbnail(
                thumbnails.data_uri(reduced(train.pixels[row])), f"training image {row}: {name}", "original"
            )
        ]
        shown += [
            Thumbnail(thumbnails.data_uri(reduced(pixels)), f"training image {row}, augmented")
            for pixels in versions
        ]
        strips.append(Strip(name, tuple(shown)))
    text = f"Random versions of training images with augment = {augment}. Their labels must still be right."
    yield StripGroup("augmented", "Augmented images", text, tuple(strips))
