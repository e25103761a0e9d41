"""Examples of augmented training images, for each augmentation of the study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from convstudy.data import Dataset
from convstudy.history.results import Results
from convstudy.numbers import counted, listed
from convstudy.report import thumbnails
from convstudy.report.section import Block, Code, Gallery, Heading, Material, Section, Text, Topic
from convstudy.report.thumbnails import Thumbnail
from convstudy.studyfile import Recipe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.store.artefacts import Arrays

MAX_AUGMENTATIONS = 6
TILE_SIDE = 56
"""Images are enlarged by a whole number, to about this many pixels of the page."""
GAP = 4


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if a candidate of the study uses augmentation."""
    used = _augmentations(material.results)
    if not used:
        return
    blocks: list[Block] = [
        Text(
            (
                "Each row shows a training image and, to the right of the line, versions of it as a network gets "
                "them in training; each epoch draws others. Validation and test images are never augmented.",
            )
        )
    ]
    notes = []
    for recipe, names in list(used.values())[:MAX_AUGMENTATIONS]:
        examples = material.results.augmented(recipe)
        blocks += [Heading(recipe.augment), _about(recipe, names)]
        if examples is None:
            notes.append(f"There are no examples of {recipe.augment}: the next training with it writes them.")
        else:
            blocks.append(Gallery(_rows(examples, material.results.dataset), "wide"))
    n_more = len(used) - MAX_AUGMENTATIONS
    if n_more > 0:
        notes.append(f"{counted(n_more, 'other augmentation')} of the study are not shown.")
    yield Section("augmentation", "Augmented training images", tuple(blocks), notes=tuple(notes))


def _augmentations(results: Results) -> dict[str, tuple[Recipe, list[str]]]:
    """Return key -> recipe and names of its candidates, for each augmentation of the study."""
    found: dict[str, tuple[Recipe, list[str]]] = {}
    for stage in results.plan.stages:
        for candidate in stage.candidates:
            if key := candidate.recipe.augmentation_key:
                _, names = found.setdefault(key, (candidate.recipe, []))
                names.append(f"{stage.name}: {candidate.name}")
    return found


def _about(recipe: Recipe, names: list[str]) -> Text:
    text = recipe.augmentation.text
    transforms: tuple[str | Code, ...] = () if text == recipe.augment else ("Transforms: ", Code(text), ". ")
    return Text((*transforms, f"Used by {listed(list(dict.fromkeys(names)), most=4)}."))


def _rows(examples: Arrays, info: Dataset) -> tuple[Thumbnail, ...]:
    """Return one image for each training image: the image, a line, and its versions."""
    parts = (examples[name] for name in ("labels", "originals", "augmented"))
    rows = []
    for label, original, versions in zip(*parts, strict=True):
        name = info.class_names[int(label)] if 0 <= label < info.n_classes else str(label)
        alt = f"a training image of class {name} and {len(versions)} augmented versions"
        rows.append(Thumbnail(thumbnails.data_uri(_strip(original, versions)), alt))
    return tuple(rows)


def _strip(original: npt.NDArray[np.uint8], versions: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return images side by side on white, with a grey line after the first.

    Args:
        original: (height, width, channels).
        versions: (n, height, width, channels).
    """
    import numpy as np

    factor = max(1, round(TILE_SIDE / original.shape[1]))
    height, channels = original.shape[0] * factor, original.shape[2]
    gap = np.full((height, GAP, channels), 255, np.uint8)
    line = np.full((height, 1, channels), 128, np.uint8)
    tiles = [np.repeat(np.repeat(image, factor, 0), factor, 1) for image in (original, *versions)]
    pieces = [tiles[0], gap, line, gap]
    for tile in tiles[1:]:
        pieces += [tile, gap]
    return np.concatenate(pieces[:-1], axis=1)


SECTION = Topic(71, sections)
