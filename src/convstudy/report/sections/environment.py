"""The hardware and software that fits ran on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields

from convstudy.numbers import NONE, counted
from convstudy.record import Environment
from convstudy.report.section import Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value


def sections(material: Material) -> Iterator[Section]:
    results = material.results
    records = [results.records[fit.id] for fit in results.plan.fits if fit.id in results.records]
    found = Counter(record.environment for record in records if record.environment is not None)
    if not found:
        yield Section("environment", "Environment", (Text(("No fit is trained yet.",)),))
        return
    several = (
        f"The fits ran in {len(found)} environments. Times are not comparable across them, and weights may differ in "
        "their last digits."
    )
    warning = (Text((several,), "warning"),) if len(found) > 1 else ()
    yield Section("environment", "Environment", (*warning, environment_table(found)))


def environment_table(environments: Mapping[Environment, int]) -> Table:
    """Return a table with one column per environment, titled with its number of fits."""
    titles = {
        "cpu": "CPU",
        "n_cores": "Cores",
        "torch": "PyTorch",
        "numpy": "NumPy",
        "convstudy": "convstudy",
        "scikit_learn": "scikit-learn",
    }
    columns = [Column("item", "")]
    columns += [Column(f"environment_{i}", counted(n, "fit")) for i, n in enumerate(environments.values(), 1)]
    rows: list[tuple[Value, ...]] = [
        (
            titles.get(item.name, item.name.capitalize().replace("_", " ")),
            *(str(getattr(each, item.name)) or NONE for each in environments),
        )
        for item in fields(Environment)
    ]
    caption = "Hardware and software versions of the fits."
    return Table("environment", "Environment", caption, tuple(columns), tuple(rows))


SECTION = Topic(80, sections)
