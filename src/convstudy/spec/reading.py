"""A study file to a Study."""

from __future__ import annotations
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from convstudy.errors import StudyError, Problem
from convstudy.spec.study import Study

FOLDER = Path(__file__).parent.parent / "studies"
BUILT_IN_STUDIES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_study(source: str | Path, changes: Mapping[str, object] = {}) -> Study:
    """Return the study of a file or a built-in name (first form)."""
    path = FOLDER / f"{source}.toml" if str(source) in BUILT_IN_STUDIES else Path(source)
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *heads, last = key.split(".")
        table: Any = document
        for head in heads:
            table = table.setdefault(head, {})
        table[last] = value
    return study_of(document, str(path))


def study_of(document: dict[str, Any], file: str) -> Study:
    """Return the study of a document (first form)."""
    values = {**document.get("study", {}), **{k: v for k, v in document.items() if k != "study"}}
    values["ablate"] = {
        name: {
            "network": table.get("network", name),
            "variants": {k: v for k, v in table.items() if k != "network"},
        }
        for name, table in document.get("ablate", {}).items()
    }
    return Study.model_validate(values)
