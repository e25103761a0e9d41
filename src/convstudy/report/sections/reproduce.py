"""How to reproduce the run: the study file, the seeds and the command."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.report.section import Code, Details, Listing, Material, Section, Text, Topic
from convstudy.report.toml import toml_text
from convstudy.studyfile import BUILT_IN_STUDIES, study_document


def sections(material: Material) -> Iterator[Section]:
    study = material.results.study
    built_in = (
        f" (or, if the built-in study is unchanged, convstudy run {study.name})"
        if study.name in BUILT_IN_STUDIES
        else ""
    )
    seeds = ", ".join(map(str, range(study.seeds)))
    yield Section(
        "again",
        "Reproduce this run",
        (
            Text(("Save the text below as ", Code(f"{study.name}.toml"), f", then run{built_in}:")),
            Listing(f"convstudy run {study.name}.toml"),
            Text(
                (
                    f"Seeds: {seeds}. Threads per fit: {study.threads}. The same machine and number of threads give "
                    "bit-identical weights.",
                )
            ),
            Details("The study file", (Listing(toml_text(study_document(study))),)),
        ),
    )


SECTION = Topic(90, sections)
