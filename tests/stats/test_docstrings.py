"""The examples in the docstrings of the statistics run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import convstudy.stats

MODULES = sorted(path.stem for path in Path(convstudy.stats.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(f"convstudy.stats.{name}")
    assert doctest.testmod(module).failed == 0


def test_most_statistics_have_an_example() -> None:
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(f"convstudy.stats.{name}") for name in MODULES]
    examples = [test for module in modules for test in finder.find(module) if test.examples]
    assert len(MODULES) >= 13
    assert len(examples) >= 28
