"""What is said of the benchmarks: that all are listed, and that ``make bench`` runs those that RESULTS.md quotes."""

from __future__ import annotations

import re
from pathlib import Path

HOME = Path(__file__).parents[1]
BENCHMARKS = HOME / "benchmarks"


def test_the_table_of_the_benchmarks_names_every_script() -> None:
    rows = [
        line
        for line in (BENCHMARKS / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    named = [name for row in rows for name in re.findall(r"`(\w+\.py)`", row.split("|")[1])]
    there = [path.name for path in BENCHMARKS.glob("*.py")]
    assert len(there) > 20
    assert sorted(named) == sorted(there)


def test_make_bench_runs_what_the_results_quote() -> None:
    quoted = set(
        re.findall(r"`python benchmarks/(\w+\.py)", (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8"))
    )
    recipe = (HOME / "Makefile").read_text(encoding="utf-8").partition("\nbench:")[2].partition("\n\n")[0]
    run = set(re.findall(r"benchmarks/(\w+\.py)", recipe))
    assert len(quoted) > 5
    assert quoted <= run
    assert all((BENCHMARKS / name).is_file() for name in run)
