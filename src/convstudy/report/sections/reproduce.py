"""How to run the study again: its file, its seeds, and the command."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.report.section import Code, Details, Listing, Material, Section, Text, Topic
from convstudy.report.toml import toml_text
from convstudy.studyfile import BUILT_IN_STUDIES, study_document


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section."""
    study = material.results.study
    built_in = (
        " (or with the built-in study’s name instead of the file’s, if it is unchanged)"
        if study.name in BUILT_IN_STUDIES
        else ""
    )
    seeds = ", ".join(map(str, range(study.seeds)))
    yield Section(
        "again",
        "Run it again",
        (
            Text(("Save the text below as ", Code(f"{study.name}.toml"), f", then{built_in}:")),
            Listing(f"convstudy run {study.name}.toml"),
            Text(
                (
                    f"Seeds: {seeds}. Threads of a fit: {study.threads}. The same machine and thread count give the "
                    "same weights, bit by bit.",
                )
            ),
            Details("The study file", (Listing(toml_text(study_document(study))),)),
        ),
    )


SECTION = Topic(90, sections)
