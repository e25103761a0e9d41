"""Each kind of source is one module with a conformance test."""

from __future__ import annotations

from pathlib import Path

from convstudy.data import BUILT_IN_DATASETS
from convstudy.data import sources as package
from convstudy.data.sources import LISTED_SOURCES, SOURCES


def test_each_source_is_one_module_with_a_conformance_test() -> None:
    modules = {path.stem for path in Path(package.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == {*SOURCES, *LISTED_SOURCES}
    assert len(modules) >= 4
    for name in SOURCES:
        text = (Path(__file__).parent / f"test_{name}.py").read_text(encoding="utf-8")
        assert "(SourceConformance):" in text
    for name, kind in LISTED_SOURCES.items():
        if not kind.path_form:  # a study file cannot name it
            continue
        text = (Path(__file__).parent / f"test_{name}.py").read_text(encoding="utf-8")
        assert "(ListedSourceConformance):" in text


def test_kind_of_a_dataset_follows_from_the_class_of_its_source() -> None:
    assert len({kind.type for kind in SOURCES.values()}) == len(SOURCES)
    assert {name: dataset.kind for name, dataset in BUILT_IN_DATASETS.items()} == {
        "digits": "digits",
        "mnist": "idx",
        "fashion-mnist": "idx",
        "kmnist": "idx",
    }
