"""The first-layer kernels of the candidate that the report shows in detail (``analysis.headline``), as images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convstudy.errors import ConvstudyError
from convstudy.numbers import decimals
from convstudy.report import thumbnails
from convstudy.report.section import Gallery, Material, Section, Text, Topic
from convstudy.report.thumbnails import Thumbnail

N_KERNELS = 64
_LEGEND = "Weights of the first seed. Blue: negative; red: positive; each kernel has its own scale."


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if the study has a headline candidate."""
    results, head = material.results, material.analysis.headline
    if head is None:
        return
    title = f"First-layer kernels of {head.candidate.network_name}"
    fit_id = next(record.fit_id for record in results.records_of(head.candidate) if record.done)
    found: tuple[Thumbnail, ...] = ()
    notes: tuple[str, ...] = ()
    try:
        found = tuple(_kernels(results.arrays(fit_id, "weights")))
    except ConvstudyError as error:
        notes = (f"The weights file of fit {fit_id} could not be read: {error.problems[0].reason}.",)
    if found:
        yield Section("kernels", title, (Text((_LEGEND,), "note"), Gallery(found, "small")), notes=notes)
    else:
        yield Section("kernels", title, (Text(("No kernels to show.",)),), notes=notes)


def _kernels(weights: dict[str, Any]) -> Iterator[Thumbnail]:
    kernels = thumbnails.first_kernels(weights)
    if kernels is None:
        return
    for number, kernel in enumerate(kernels[:N_KERNELS]):
        largest = float(abs(kernel).max())
        pixels = thumbnails.kernel_pixels(kernel, largest)
        yield Thumbnail(
            thumbnails.data_uri(pixels),
            f"kernel {number}, weights from {decimals(kernel.min(), 2)} to {decimals(kernel.max(), 2)}",
        )


SECTION = Topic(64, sections)
