"""The examples in the docstrings of datasets run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

from convstudy import data


def test_examples_in_docstrings_of_data_run() -> None:
    modules = [each.name for each in pkgutil.walk_packages(data.__path__, "convstudy.data.")]
    found = [doctest.testmod(importlib.import_module(name)) for name in modules]
    assert sum(each.failed for each in found) == 0
    assert sum(each.attempted for each in found) >= 15
