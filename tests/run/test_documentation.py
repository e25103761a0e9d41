"""The examples of docs/running.md run one after another, and their executor follows the protocol."""

from __future__ import annotations

import doctest
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from convstudy.run import estimate, event_lines, events, progress
from convstudy.run.executors import Executor, executor
from convstudy.store import Layout
from convstudy.studyfile import load_study
from tests.run.conformance import ExecutorConformance

PAGE = Path(__file__).resolve().parents[2] / "docs" / "running.md"
N_EXAMPLES = 5
SMALL = {"study.subset": 100, "study.seeds": 1, "recipe.epochs": 1}
SMALL |= {f"search.{name}.recipe.epochs": 1 for name in ("kernel-size", "block-size")}


@cache
def examples() -> tuple[str, ...]:
    """Return the Python code of the page."""
    return tuple(re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.M))


def test_examples_of_the_page_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The study has fewer images and epochs, and trains in this process."""
    assert len(examples()) == N_EXAMPLES
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, text in enumerate(examples()):
        text = text.replace('load_study("digits")', f'load_study("digits", {SMALL})')
        # Each example has its own runs folder, so that each one trains.
        text = text.replace('runs="runs"', f'runs="runs-{number}"').replace(", workers=2", ", workers=0")
        exec(compile(text, f"{PAGE}, example {number + 1}", "exec"), names)  # our own page
    out = capsys.readouterr().out
    assert re.search(r"^24 fits, \S+ FLOPs, \d+ s$", out, re.M)
    assert re.search(r"seed 0: epoch 1; \d+ of \d+ fits, \d+ s left", out)
    assert names["results"].complete
    assert names["progress"].n_done == names["progress"].n_fits > 0


class TestThreadExecutor(ExecutorConformance):
    """The executor of the page."""

    def make(self, layout: Layout) -> Executor:
        names: dict[str, Any] = {}
        text = examples()[-1]
        exec(text[: text.index("results = ")], names)  # our own page
        made: Executor = names["ThreadExecutor"](layout)
        return made


@pytest.mark.parametrize("module", [progress, estimate, events, event_lines, executor])
def test_examples_in_docstrings_run(module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 1) == (0, True)
    if module in (progress, estimate):
        assert not any(tmp_path.iterdir())
        assert load_study("digits").name == "digits"
