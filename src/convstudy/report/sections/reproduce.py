"""How to reproduce the run: the study file, the seeds and the command."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.report.section import Code, Details, Listing, Material, Section, Text, Topic
from convstudy.report.toml import toml_text
from convstudy.studyfile import BUILT_IN_STUDIES, study_document


def sections(material: Material) -> Iterator[Section]:
    study = material.results.study
    built_in = (
        (" If the built-in study is unchanged, ", Code(f"convstudy run {study.name}"), " does the same.")
        if study.name in BUILT_IN_STUDIES
        else ()
    )
    seeds = ", ".join(map(str, range(study.seeds)))
    if study.max_seeds is not None:
        seeds = f"0, 1, 2, ... as validation scores ask for them, at most {study.max_seeds:,}"
    final = {
        fit.threads
        for stage in material.results.plan.stages
        if stage.question == "final"
        for fit in stage.fits
    }
    other = "".join(f" ({number} in the final training)" for number in final - {study.threads})
    yield Section(
        "again",
        "Reproduce this run",
        (
            Text(
                (
                    "Save the text under “The study file” as ",
                    Code(f"{study.name}.toml"),
                    ", then run the next command.",
                    *built_in,
                )
            ),
            Listing(f"convstudy run {study.name}.toml"),
            Text(
                (
                    f"Seeds: {seeds}. Threads per fit: {study.threads}{other}. The same machine and number of "
                    "threads give bit-identical weights.",
                )
            ),
            Details("The study file", (Listing(toml_text(study_document(study))),)),
        ),
    )


SECTION = Topic(90, sections)
