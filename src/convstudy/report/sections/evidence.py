"""The evidence for the answers: the notes, fits and weights that support each sentence."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.numbers import counted, digest
from convstudy.report.conclusions import Conclusion
from convstudy.report.section import Block, Code, Details, Items, Material, Section, Text, Topic


def sections(material: Material) -> Iterator[Section]:
    """Yield the section, folded."""
    blocks = tuple(block for conclusion in material.conclusions for block in _evidence(conclusion))
    yield Section("evidence", "", (Details("Evidence for these answers", blocks),))


def _evidence(conclusion: Conclusion) -> Iterator[Block]:
    yield Text((conclusion.text,))
    if conclusion.notes:
        yield Items(conclusion.notes)
    fits = conclusion.evidence.fits
    if fits:
        digests = " with the digests of their weights" if any(fit.weights_digest for fit in fits) else ""
        named = (
            f"{fit.fit_id}\u00a0→\u00a0{digest(fit.weights_digest)}" if fit.weights_digest else fit.fit_id
            for fit in fits
        )
        yield Text((f"{counted(len(fits), 'fit')}{digests}: ", Code(", ".join(named))), "note")


SECTION = Topic(10, sections)
