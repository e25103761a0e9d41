"""Text about images in groups: how many independent images they count like, and marks in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from convstudy.analysis import Analysis, StageResult
from convstudy.numbers import counted
from convstudy.stats import ImageGroups, Verdict

UNKNOWN = "images taken as independent"
"""A mark on an interval whose images are in groups that are not recorded."""


def mark(groups: ImageGroups | None) -> str:
    """Return what a sentence must say with an interval, after a comma; empty for at least 20 groups, or no groups.

    >>> mark(ImageGroups(140, 14, 60.0)), mark(ImageGroups(400, 40, 130.0)), mark(None)
    (', only 14 groups', '', '')
    """
    if groups is None:
        return ""
    if not groups.is_known:
        return f", {UNKNOWN}"
    return f", only {groups.n_groups} groups" if groups.is_few else ""


def counts_like(found: Sequence[ImageGroups | None], images: str = "image") -> str:
    """Say how many independent images the images of some intervals count like; empty if groups do not matter.

    Args:
        found: the groups of each interval.
        images: a noun for one image.

    >>> counts_like([ImageGroups(2000, 40, 130.2), ImageGroups(2000, 40, 212.0)])
    '2,000 images of 40 groups count like 130 to 210'
    """
    known = [each for each in found if each is not None and each.matters]
    if not known:
        return ""
    # Intervals over some of the seeds are about the same images, so the first has the numbers of all.
    numbers = sorted({_rough(each.n_effective) for each in known})
    ends = f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,} to {numbers[-1]:,}"
    n = counted(known[0].n_images, images)
    return f"{n} of {counted(known[0].n_groups, 'group')} count like {ends}"


def in_differences(verdicts: Iterable[Verdict], images: str) -> str:
    """Return a sentence, with a space before it, on the effective number of images of some verdicts; or an empty text.

    Args:
        verdicts: verdicts on the same images.
        images: ``"test image"`` or ``"validation image"``.
    """
    found = [each.difference.groups for each in verdicts if each.difference.low is not None]
    text = counts_like(found, images)
    if not text:
        return ""
    return f" In {'this difference' if len(found) == 1 else 'these differences'}, {text}."


def stage_note(stage_result: StageResult) -> str:
    """Return :func:`in_differences` of the verdicts on the best candidate of a stage."""
    return in_differences(stage_result.verdicts_on_best, f"{stage_result.measure.part} image")


def run_note(analysis: Analysis) -> str:
    """Return one sentence on the groups of the test images of a run; empty if they do not matter."""
    tested = [result for result in analysis.main_results if result.measure.part == "test"]
    verdicts = [verdict for result in tested for verdict in result.verdicts]
    found = [verdict.difference.groups for verdict in verdicts]
    found += [
        interval.groups
        for result in tested
        for each in result.intervals.values()
        for interval in each.values()
    ]
    if any(each is not None and not each.is_known for each in found):
        return (
            "the groups of the test images are not recorded, so intervals take images as independent and may be too "
            "narrow."
        )
    refused = analysis.predictions.why_refused() if tested else ""
    if refused:
        return f"there are no intervals and no verdicts on test images, because {refused}."
    text = counts_like(found, "test image")
    return f"{text} independent images; intervals and verdicts are for new groups." if text else ""


def _rough(number: float) -> int:
    """Round down to two significant digits."""
    unit = 10 ** max(0, math.floor(math.log10(max(1.0, number))) - 1)
    return int(number // unit * unit)
