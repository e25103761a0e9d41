"""Warnings about the files of training images: differences that a network could learn instead of the classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from convstudy.data.preparing.summary import ELONGATED
from convstudy.numbers import counted, listed

if TYPE_CHECKING:
    from convstudy.data.preparing.summary import OriginalImages, PreparedSummary

MAX_NAMED = 5
"""The maximum number of classes that a warning names."""


def original_warnings(summary: PreparedSummary) -> tuple[str, ...]:
    """Return one sentence for each difference between the files of the training images."""
    return tuple(_warnings(summary.originals, summary.class_names, summary.parts["train"].class_counts))


def _warnings(
    originals: OriginalImages, class_names: Sequence[str], class_counts: Sequence[int]
) -> Iterator[str]:
    n_images = sum(class_counts)
    of_all = counted(n_images, "training image")
    n_deep = sum(originals.deep_by_class)
    if 0 < n_deep < n_images:
        where = _where(originals.deep_by_class, class_names)
        yield (
            f"{n_deep:,} of {of_all} have more than 8 bits per value{where}: their full range "
            "becomes 0 to 255, so they look dark if they use only a part of it."
        )
    n_gamma = sum(originals.gamma_by_class)
    if 0 < n_gamma < n_images and _differs(originals.gamma_by_class, class_counts):
        where = _where(originals.gamma_by_class, class_names)
        yield (
            f"{n_gamma:,} of {of_all} have a gamma or sRGB chunk{where}: the classes may come from "
            "different programs, and a network can learn the program instead of the class."
        )
    if originals.n_enlarged:
        yield (
            f"{originals.n_enlarged:,} of {of_all} have less than half the height or width of "
            "the decoded images: they are enlarged, and blurred."
        )
    if originals.n_elongated:
        yield (
            f"{originals.n_elongated:,} of {of_all} have one side over {ELONGATED} times as long "
            'as the other: look at what fit = "crop" leaves of them, or use "pad".'
        )


def _differs(counts: Sequence[int], class_counts: Sequence[int]) -> bool:
    """Return whether the proportion is below a half in one class and above a half in another."""
    shares = [count / n for count, n in zip(counts, class_counts, strict=True) if n]
    return min(shares) < 0.5 < max(shares)


def _where(counts: Sequence[int], class_names: Sequence[str]) -> str:
    """Return the classes that have such images, if others have none."""
    having = [f"“{name}”" for name, count in zip(class_names, counts, strict=True) if count]
    if len(having) == len(class_names):
        return ""
    return f", only in {listed(having, most=MAX_NAMED)}"
