"""The starter file is a valid study with comments on its keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from convstudy.data import BUILT_IN_DATASETS
from convstudy.errors import DataError
from convstudy.studyfile import load_study, starter_file


@pytest.mark.parametrize("dataset", BUILT_IN_DATASETS)
def test_starter_file_is_a_valid_study(tmp_path: Path, dataset: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(starter_file(dataset), encoding="utf-8")
    study = load_study(path)
    assert study.dataset.name == dataset
    assert study.search and study.compare and study.ablate


@pytest.mark.parametrize("dataset", BUILT_IN_DATASETS)
def test_starter_file_is_valid_with_its_commented_keys(tmp_path: Path, dataset: str) -> None:
    commented = [
        line for line in starter_file(dataset).splitlines() if line.startswith("# ") and " = " in line
    ]
    keys = [line for line in commented if line[2:].partition(" = ")[0].isidentifier()]
    assert len(keys) >= 6
    text = starter_file(dataset)
    for line in keys:
        text = text.replace(line, line.removeprefix("# "))
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    assert load_study(path).recipe.schedule == "cosine"


def test_every_section_of_the_starter_file_has_a_comment() -> None:
    lines = starter_file("digits").splitlines()
    headers = [place for place, line in enumerate(lines) if line.startswith("[")]
    assert len(headers) == 7
    assert all("#" in lines[place] or lines[place - 1].startswith("#") for place in headers)


def test_starter_file_of_an_unknown_dataset_is_refused() -> None:
    with pytest.raises(DataError, match="did you mean"):
        starter_file("mnits")
