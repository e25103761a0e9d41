"""Warnings about image files that a user should look at, from the headers of the training images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from convstudy.data.decoding import DecodeOptions
from convstudy.numbers import counted, listed

if TYPE_CHECKING:
    from convstudy.data.decoding import ImageHeader

MIN_PER_CLASS = 5
"""The smallest number of images of a class that says something about the class."""
MOST, FEW = 0.9, 0.1
"""A property of most images of a class, and of few images of another one, can tell the classes apart."""
MAX_NAMED = 3
"""The largest number of classes that a warning names."""
MAX_CUT = 0.5
"""The largest proportion of an image that ``fit = "crop"`` may cut off without a warning."""

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


def warnings_on_files(
    headers: Sequence[ImageHeader],
    labels: Sequence[int],
    class_names: tuple[str, ...],
    options: DecodeOptions,
) -> tuple[str, ...]:
    """Return what a user should look at in the files of the training images, one sentence each.

    Args:
        headers: the header of each training image.
        labels: the class number of each training image.
        class_names: the name of each class.
        options: how the images are decoded.
    """
    by_class: list[list[ImageHeader]] = [[] for _ in class_names]
    for header, label in zip(headers, labels, strict=True):
        by_class[label].append(header)
    known = {name: own for name, own in zip(class_names, by_class, strict=True) if len(own) >= MIN_PER_CLASS}
    warnings = _counts(headers, options)
    for text, has in _properties(headers).items():
        proportions = {name: sum(map(has, own)) / len(own) for name, own in known.items()}
        most = [name for name, proportion in proportions.items() if proportion >= MOST]
        few = [name for name, proportion in proportions.items() if proportion <= FEW]
        if most and few:
            warnings.append(
                f"{MOST:.0%} or more of the training images of {_classes(most)} {text}, and {FEW:.0%} or less of "
                f"those of {_classes(few)}: a network can learn this instead of the classes"
            )
    return tuple(warnings)


def warning_on_dark_images(largest: int) -> str:
    """Return a warning about 16-bit images that use a small part of their range, such as those of a 12-bit camera.

    Args:
        largest: the largest pixel of the decoded 16-bit training images, 0 to 255.

    Returns:
        A sentence; empty if the images use more than a quarter of the range.

    >>> warning_on_dark_images(16)
    'the 16-bit training images become dark: no value is above 4,095; range = [0, 4095] uses all grey levels'
    >>> warning_on_dark_images(200)
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
    """Return warnings about numbers of images."""
    height, width = options.size
    n, warnings = len(headers), []
    deep = sum(header.is_deep for header in headers)
    if 0 < deep < n:
        warnings.append(
            f"{_of(deep, n)} have more than 8 bits per value: their full range becomes 0 to 255, so they look dark if "
            "they use only a part of it"
        )
    smaller = sum(2 * header.height < height or 2 * header.width < width for header in headers)
    if smaller:
        warnings.append(
            f"{_of(smaller, n)} have less than half the height or width of the decoded images: they are enlarged, and "
            "blurred"
        )
    cut = sum(_cut_off(header, height, width) > MAX_CUT for header in headers)
    if cut and options.fit == "crop":
        hint = 'fit = "pad" or "stretch" keeps the whole image'
        warnings.append(f'{_of(cut, n)} lose more than half of their area by fit = "crop"; {hint}')
    return warnings


def _cut_off(header: ImageHeader, height: int, width: int) -> float:
    """Return the proportion of an image that a crop to the aspect ratio of the target cuts off."""
    ratio = (header.width / header.height) / (width / height)
    return 1 - min(ratio, 1 / ratio)


def _of(n: int, total: int) -> str:
    return f"{n:,} of {counted(total, 'training image')}"


def _classes(names: Sequence[str]) -> str:
    return listed([f'"{name}"' for name in names], most=MAX_NAMED)
