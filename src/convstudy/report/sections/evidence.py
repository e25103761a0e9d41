"""What the answer rests on: its notes, and the fits and weights behind each sentence."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.numbers import counted, digest
from convstudy.report.conclusions import Conclusion
from convstudy.report.section import Block, Code, Details, Items, Material, Section, Text, Topic


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section, closed until a reader opens it."""
    blocks = tuple(block for said in material.conclusions for block in _of(said))
    yield Section("evidence", "", (Details("What the answer rests on", blocks),))


def _of(said: Conclusion) -> Iterator[Block]:
    yield Text((said.text,))
    if said.notes:
        yield Items(said.notes)
    fits = said.evidence.fits
    if fits:
        digests = ", each with the digest of its weights" if any(fit.weights_digest for fit in fits) else ""
        named = (
            f"{fit.fit_id}\u00a0→\u00a0{digest(fit.weights_digest)}" if fit.weights_digest else fit.fit_id
            for fit in fits
        )
        yield Text((f"{counted(len(fits), 'fit')}{digests}: ", Code(", ".join(named))), "note")


SECTION = Topic(10, sections)
