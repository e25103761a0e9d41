"""The docstring of each layer starts with its text and has an example that runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from convstudy import networks
from convstudy.networks import LAYERS
from convstudy.networks.layers import Layer


def test_there_are_at_least_19_layers() -> None:
    assert len(LAYERS) >= 19


@pytest.mark.parametrize("layer", LAYERS.values(), ids=list(LAYERS))
def test_docstring_starts_with_the_text_of_the_layer_and_has_an_example(layer: type[Layer]) -> None:
    assert layer.__doc__ is not None
    assert layer.__doc__.startswith(f"``{layer.word}")
    assert layer.summary()
    finder = doctest.DocTestFinder(recurse=False)
    module = importlib.import_module(layer.__module__)
    (found,) = finder.find(layer, layer.word, globs={**vars(module)})
    shown = " ".join(example.source for example in found.examples)
    assert (
        "(8, 8, 16)" in shown or "(9, 12, 16)" in shown or "output_shape" in shown or "n_parameters" in shown
    )
    failures: list[str] = []
    doctest.DocTestRunner().run(found, out=failures.append)
    assert not failures, "".join(failures)


def test_examples_in_docstrings_of_networks_run() -> None:
    modules = [each.name for each in pkgutil.walk_packages(networks.__path__, "convstudy.networks.")]
    found = [doctest.testmod(importlib.import_module(name)) for name in modules]
    assert sum(each.failed for each in found) == 0
    assert sum(each.attempted for each in found) >= 35
