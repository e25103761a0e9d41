"""A valid study file, and the problems of changed versions of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.errors import Problem, StudyError
from convstudy.studyfile import Study, load_study

VALID = """\
[study]
name = "good"
dataset = "digits"
seeds = 2

[recipe]
epochs = 3

[network.two-conv]
kernel = 5
layers = [
  "conv 8 {kernel} relu",
  "conv 8 {kernel} relu", "max-pool 2", "batch-norm",
  "flatten",
  "dense 16 relu", "dropout 0.2",
]

[network.plain]
layers = ["conv 8 3 relu stride=2", "flatten"]

[search.kernel-size]
network = "two-conv"
parameters = { kernel = [3, 5] }
folds = 3

[compare.architectures]
networks = ["two-conv", "plain"]

[ablate.two-conv]
bare = { without = ["batch-norm", "dropout"] }
tanh = { activation = "tanh", init = "glorot-normal", optimizer = "sgd" }
"""

ProblemsAfter = Callable[..., list[Problem]]


@pytest.fixture
def valid_text() -> str:
    return VALID


@pytest.fixture
def good(tmp_path: Path) -> Study:
    path = tmp_path / "good.toml"
    path.write_text(VALID, encoding="utf-8")
    return load_study(path)


@pytest.fixture
def problems_in(tmp_path: Path) -> Callable[[str], list[Problem]]:
    """Return the problems of a text as a study file called ``study.toml``; their paths lack the folder."""

    def read(text: str) -> list[Problem]:
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(StudyError) as caught:
            load_study(path)
        return [
            replace(each, where=replace(each.where, file=Path(each.where.file).name))
            for each in caught.value.problems
        ]

    return read


@pytest.fixture
def problems_after(problems_in: Callable[[str], list[Problem]]) -> ProblemsAfter:
    """Return the problems of the valid file after replacements: ``problems_after(("epochs = 3", "epochs = 0"))``."""

    def replaced(*changes: tuple[str, str]) -> list[Problem]:
        text = VALID
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in the valid file"
            text = text.replace(old, new)
        return problems_in(text)

    return replaced
