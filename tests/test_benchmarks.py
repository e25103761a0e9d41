"""Benchmarks are listed completely, and ``make bench`` runs those that RESULTS.md quotes."""

from __future__ import annotations

import ast
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.search import timeline
from benchmarks.statistics import simulate
from benchmarks.throughput import take_turns, throughput

HOME = Path(__file__).parents[1]
BENCHMARKS = HOME / "benchmarks"
# The first searches for faults in torch, also in emulated bfloat16, and measures no time;
# the second starts the contenders that it gets.
WITHOUT_CHECK = ("convolution_faults.py", "take_turns.py")
FOLDERS = tuple(sorted(path for path in BENCHMARKS.iterdir() if path.is_dir() and path.name != "__pycache__"))
SCRIPTS = tuple(
    path for folder in FOLDERS if folder.name != "contenders" for path in sorted(folder.glob("*.py"))
)


def test_benchmarks_table_lists_every_script() -> None:
    rows = [
        line
        for line in (BENCHMARKS / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    named = [name for row in rows for name in re.findall(r"`(\w+/\w+\.py)`", row.split("|")[1])]
    assert len(SCRIPTS) == 69
    assert sorted(named) == sorted(f"{path.parent.name}/{path.name}" for path in SCRIPTS)
    assert not list(BENCHMARKS.glob("*.py"))


def test_make_bench_runs_commands_quoted_in_results() -> None:
    quoted = set(
        re.findall(
            r"`python -m benchmarks\.(\w+\.\w+)", (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
        )
    )
    recipe = (HOME / "Makefile").read_text(encoding="utf-8").partition("\nbench:")[2].partition("\n\n")[0]
    run = set(re.findall(r"-m benchmarks\.(\w+\.\w+)", recipe))
    assert len(quoted) > 5
    assert quoted <= run
    assert len(run) > 15
    assert all((BENCHMARKS / f"{name.replace('.', '/')}.py").is_file() for name in run)


def test_make_bench_engine_runs_a_part_of_make_bench() -> None:
    makefile = (HOME / "Makefile").read_text(encoding="utf-8")
    bench, engine = (
        set(
            re.findall(
                r"-m benchmarks\.(\w+\.\w+)", makefile.partition(f"\n{target}:")[2].partition("\n\n")[0]
            )
        )
        for target in ("bench", "bench-engine")
    )
    assert engine < bench
    assert {"throughput.throughput", "throughput.two_builds", "search.grid_search"} < engine


def test_make_simulate_runs_every_simulation_that_the_docs_quote() -> None:
    docs = (HOME / "docs" / "statistics.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"python -m\s+benchmarks\.statistics\.(\w+)", docs))
    run = {command.split()[0] for command in simulate.COMMANDS}
    # The docs also quote two measurements on real images.
    assert len(quoted) > 6
    assert quoted - {"near_duplicates", "group_splits"} <= run
    assert all((BENCHMARKS / "statistics" / f"{name}.py").is_file() for name in run)


def _event(second: float, kind: str) -> str:
    return json.dumps({"kind": kind, "workers": 2, "at": f"2026-11-28T04:00:{second:06.3f}+00:00"})


def test_timeline_separates_the_phases_of_a_run() -> None:
    events = [
        (0, "run-started"),
        (1, "fit-started"),
        (1.5, "fit-started"),
        (4, "epoch-ended"),
        (5, "fit-ended"),
    ]
    events += [(8, "fit-ended"), (8.5, "fit-started"), (10, "fit-ended"), (10.25, "images-inspected")]
    found = timeline.timeline([_event(*event) for event in events])
    assert found == timeline.Timeline(10.25, 1, 3.5, 0.5 + 3 + 0.5, 1.5, 0.25)
    with pytest.raises(ValueError, match="no run in which a fit ended"):
        timeline.timeline([_event(0, "run-started")])


class Counting(take_turns.Running):
    """A contender without processes, which counts its turns."""

    def __init__(self) -> None:
        super().__init__(throughput.ALL[0], 1, 1, 1, [])

    def train_epoch(self) -> None:
        self.rates.append(len(self.rates))


@pytest.mark.parametrize(
    ("seconds", "at_least", "rounds"), [(float("inf"), 2, 5), (-1.0, 2, 2), (-1.0, 9, 5), (-1.0, 0, 0)]
)
def test_no_round_starts_after_the_time_except_the_first_ones(
    seconds: float, at_least: int, rounds: int
) -> None:
    running = [Counting(), Counting()]
    take_turns.run_rounds(running, 5, seconds, at_least, n_uncounted=1)
    assert [each.rates for each in running] == [[*range(rounds)]] * 2


def test_turns_have_more_steps_the_faster_the_machine_and_the_smaller_the_network() -> None:
    steps = [
        take_turns.steps_of_a_turn(network, peak, "float32", 2.0)
        for network in ("six-conv", "two-conv-3")
        for peak in (1e9, 1e11, 1e14)
    ]
    assert steps == [2, 2, 200, 2, 14, 200]


def test_every_name_that_a_benchmark_imports_from_the_package_exists() -> None:
    imported = {
        (node.module, alias.name)
        for path in BENCHMARKS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("convstudy")
        for alias in node.names
    }
    assert len(imported) > 60
    for module, name in sorted(imported, key=str):
        assert module is not None
        if not hasattr(import_module(module), name):
            import_module(f"{module}.{name}")


@pytest.fixture
def without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a CPU that emulates bfloat16."""
    monkeypatch.setattr("benchmarks.parts.precision.fast_precision", lambda: "float32")


@pytest.mark.usefixtures("without_bfloat16")
def test_throughput_skips_emulated_bfloat16_with_note() -> None:
    kept, note = throughput.without_emulated(throughput.ALL, with_emulated=False)
    assert [each.name for each in kept] == [each.name for each in throughput.ALL if "16" not in each.name]
    assert len(kept) == 5
    assert '"convstudy, bfloat16", "Keras, mixed_bfloat16"' in note
    peaks, note = throughput.without_emulated(throughput.PEAKS, with_emulated=False)
    assert [each.variant for each in peaks] == ["float32"]
    assert '"matrix products, bfloat16"' in note
    assert throughput.without_emulated(throughput.ALL, with_emulated=True) == ([*throughput.ALL], "")


def test_throughput_measures_all_without_emulation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.parts.precision.fast_precision", lambda: "bfloat16")
    assert throughput.without_emulated(throughput.ALL, with_emulated=False) == ([*throughput.ALL], "")


def test_scripts_with_bfloat16_check_for_emulation() -> None:
    checking = []
    for path in SCRIPTS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant)} | {
            each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)
        }
        modules = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
        if "bfloat16" in names and path.name not in WITHOUT_CHECK:
            assert {"benchmarks.parts.precision", "convstudy.engine.bfloat16"} & modules, path.name
            checking.append(path.name)
    assert len(checking) >= 6
