"""The study of three questions: a search, a comparison and an ablation, with nine fits each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from convstudy.studyfile import Study, load_study

FILE = Path(__file__).with_name("three-questions.toml")
NO_CHANGES: Mapping[str, object] = MappingProxyType({})


def three_questions(changes: Mapping[str, object] = NO_CHANGES) -> Study:
    """Return the study with changes, as ``load_study`` has them."""
    return load_study(FILE, changes)
