"""The example of docs/imbalance.md can be planned, and the page describes every key."""

from __future__ import annotations

import re
from pathlib import Path

from convstudy.checks import check_plan
from convstudy.plan import make_plan
from convstudy.studyfile import load_study
from convstudy.studyfile.recipe import NEWER_KEYS

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "imbalance.md").read_text("utf-8")


def test_study_of_the_page_can_be_planned_without_a_warning(tmp_path: Path) -> None:
    example = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.M)[0]
    (tmp_path / "pets.toml").write_text(example, "utf-8")
    plan = make_plan(load_study(tmp_path / "pets.toml"))
    (stage,) = plan.stages
    assert [candidate.name for candidate in stage.candidates][1:] == ["plain", "sampled", "adjusted"]
    assert check_plan(plan, class_counts=(950, *[50] * 9)).reported == ()


def test_page_names_every_key() -> None:
    keys = set(NEWER_KEYS) - {"conv_algorithm", "hard_fraction"}  # they are about speed
    assert len(keys) == 6
    assert all(f"`{key}" in PAGE or f"\n{key} =" in PAGE for key in keys)
