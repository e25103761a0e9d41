"""Each kind of source is one file, found without a list, and has a test that keeps it to what all sources do."""

from __future__ import annotations

from pathlib import Path

from convstudy.data import BUILT_IN_DATASETS
from convstudy.data import sources as package
from convstudy.data.sources import SOURCES


def test_each_source_is_one_file_and_has_its_test() -> None:
    modules = {path.stem for path in Path(package.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == set(SOURCES)
    assert len(modules) >= 3
    for name in modules:
        text = (Path(__file__).parent / f"test_{name}.py").read_text(encoding="utf-8")
        assert "(SourceConformance):" in text


def test_kinds_are_told_apart_by_their_classes() -> None:
    assert len({kind.type for kind in SOURCES.values()}) == len(SOURCES)
    assert {name: dataset.kind for name, dataset in BUILT_IN_DATASETS.items()} == {
        "digits": "digits",
        "mnist": "idx",
        "fashion-mnist": "idx",
        "kmnist": "idx",
    }
