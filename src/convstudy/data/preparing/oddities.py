"""Notes on image files that a user should look at, from the headers of the training images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from convstudy.data.decoding import DecodeOptions
from convstudy.numbers import counted, listed

if TYPE_CHECKING:
    from convstudy.data.decoding import ImageHeader

MIN_PER_CLASS = 5
"""The smallest number of images of a class that says something about the class."""
MAX_NAMED = 3
"""The largest number of classes that a note names."""
MAX_CUT = 0.5
"""The largest proportion of an image that ``fit = "crop"`` may cut off without a note."""

_PROPERTIES: dict[str, Callable[[ImageHeader], bool]] = {
    "have more than 8 bits per value": lambda header: header.is_deep,
    "have a gamma or sRGB chunk": lambda header: header.has_gamma,
    "are rotated by their EXIF data": lambda header: header.is_rotated,
    "have several frames": lambda header: header.n_frames > 1,
    "have transparency": lambda header: header.has_alpha,
    "are grey": lambda header: header.channels == 1,
}
"""Properties of files that pixels do not need to show, and that can differ between classes because the classes were
collected in different ways. A network can learn such a difference instead of the class."""


def notes_on_files(
    headers: Sequence[ImageHeader],
    labels: Sequence[int],
    class_names: tuple[str, ...],
    options: DecodeOptions,
) -> tuple[str, ...]:
    """Return what is unusual about image files, one sentence each.

    Args:
        headers: the header of each training image.
        labels: the class number of each training image.
        class_names: the name of each class.
        options: how the images are decoded.
    """
    by_class: list[list[ImageHeader]] = [[] for _ in class_names]
    for header, label in zip(headers, labels, strict=True):
        by_class[label].append(header)
    names = [name for name, own in zip(class_names, by_class, strict=True) if len(own) >= MIN_PER_CLASS]
    known = [own for own in by_class if len(own) >= MIN_PER_CLASS]
    notes = [*_counts(headers, options)]
    for text, has in _properties(headers).items():
        counts = [sum(map(has, own)) for own in known]
        all_of = [name for name, n, own in zip(names, counts, known, strict=True) if n == len(own)]
        none_of = [name for name, n in zip(names, counts, strict=True) if n == 0]
        if all_of and none_of:
            classes = f"all training images of {_classes(all_of)} {text}, and none of {_classes(none_of)}"
            notes.append(
                f"{classes[0].upper()}{classes[1:]}: a network can learn this instead of the classes."
            )
    return tuple(notes)


def note_on_dark_images(largest: int) -> str:
    """Return a note on 16-bit images that use a small part of their range, such as those of a 12-bit camera.

    Args:
        largest: the largest pixel of the decoded 16-bit training images, 0 to 255.

    Returns:
        A sentence; empty if the images use more than a quarter of the range.

    >>> note_on_dark_images(16)
    'the 16-bit training images become dark: no value is above 4,095; range = [0, 4095] uses all grey levels'
    >>> note_on_dark_images(200)
    ''
    """
    for bits in (8, 10, 12, 14):
        limit = 2**bits - 1
        if largest <= (limit + 128) // 257:  # 257 values of 16 bits share one of 8 bits
            what = f"no value is above {limit:,}; range = [0, {limit}] uses all grey levels"
            return f"the 16-bit training images become dark: {what}"
    return ""


def _properties(headers: Sequence[ImageHeader]) -> dict[str, Callable[[ImageHeader], bool]]:
    """Return the properties, and one for each file format."""

    def is_of(file_format: str) -> Callable[[ImageHeader], bool]:
        return lambda header: header.format == file_format

    formats = {header.format for header in headers}
    return {**_PROPERTIES, **{f"are {name} files": is_of(name) for name in sorted(formats)}}


def _counts(headers: Sequence[ImageHeader], options: DecodeOptions) -> list[str]:
    """Return notes on numbers of images."""
    height, width = options.size
    # The range of arrays of floats and wide integers has a note of its own, and such arrays can have 256 values.
    deep = sum(header.is_deep and (header.format != "array" or header.low is None) for header in headers)
    frames = sum(header.n_frames > 1 for header in headers)
    smaller = sum(header.height < height or header.width < width for header in headers)
    cut = sum(_cut_off(header, height, width) > MAX_CUT for header in headers) if options.fit == "crop" else 0
    n, notes = len(headers), []
    if deep:
        others = "" if deep == n else "; the others have 8"
        notes.append(f"{_of(deep, n)} have more than 8 bits per value{others}. They are scaled to 8 bits.")
    if frames:
        notes.append(f"{_of(frames, n)} have several frames; the first one is used.")
    if smaller:
        notes.append(f"{_of(smaller, n)} are smaller than {height} × {width} and are enlarged.")
    if cut:
        hint = 'fit = "pad" or "stretch" keeps the whole image'
        notes.append(f'{_of(cut, n)} lose more than half of their area by fit = "crop"; {hint}.')
    return notes


def _cut_off(header: ImageHeader, height: int, width: int) -> float:
    """Return the proportion of an image that a crop to the aspect ratio of the target cuts off."""
    ratio = (header.width / header.height) / (width / height)
    return 1 - min(ratio, 1 / ratio)


def _of(n: int, total: int) -> str:
    return f"{n:,} of {counted(total, 'training image')}"


def _classes(names: Sequence[str]) -> str:
    return listed([f'"{name}"' for name in names], most=MAX_NAMED)
