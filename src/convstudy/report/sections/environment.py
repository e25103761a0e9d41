"""Where the fits ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields

from convstudy.numbers import NONE, counted
from convstudy.record import Environment
from convstudy.report.section import Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section."""
    results = material.results
    records = [results.records[fit.id] for fit in results.plan.fits if fit.id in results.records]
    found = Counter(record.environment for record in records if record.environment is not None)
    if not found:
        yield Section("environment", "Environment", (Text(("No fit is trained yet.",)),))
        return
    several = (
        f"The records come from {len(found)} environments. Times are not to be compared across them, and weights may "
        "differ in their last digits."
    )
    warning = (Text((several,), "warning"),) if len(found) > 1 else ()
    yield Section("environment", "Environment", (*warning, environment_table(found)))


def environment_table(environments: Mapping[Environment, int]) -> Table:
    """Return each environment that records come from, with how many."""
    titles = {
        "n_cores": "Cores",
        "torch": "PyTorch",
        "numpy": "NumPy",
        "convstudy": "convstudy",
        "scikit_learn": "scikit-learn",
    }
    columns = [Column("fact", "")]
    columns += [Column(f"environment_{i}", counted(n, "fit")) for i, n in enumerate(environments.values(), 1)]
    rows: list[tuple[Value, ...]] = [
        (
            titles.get(item.name, item.name.capitalize().replace("_", " ")),
            *(str(getattr(each, item.name)) or NONE for each in environments),
        )
        for item in fields(Environment)
    ]
    caption = "Where the fits ran; convstudy's row is the version of the code."
    return Table("environment", "Environment", caption, tuple(columns), tuple(rows))


SECTION = Topic(80, sections)
