"""convstudy: ask a question about convolutional networks, get an answer that the runs support.

A *study* names a dataset, networks, a recipe and questions (search, compare, ablate). convstudy plans all
the fits that the questions need, trains them, resumes after any stop, keeps the test images sealed until a
choice is made, and ends in a report whose every sentence stands on a figure.

The names below are loaded when they are first used, so that ``import convstudy`` stays cheap::

    from convstudy import load_study, run_study

    study = load_study("digits")   # a built-in study, or the path of a study file
    run_study(study)               # trains what is missing, goes on where it stopped

Contents, by layer (imports point down only):

- ``cli``: words in, words out
- ``report``: verdicts and records -> tables, charts, one HTML file
- ``checks``: plans and results -> what to be warned of
- ``analysis``: results -> stage results, verdicts, protocol
- ``run``: plan -> fits done
- ``history``: what a runs folder means: runs, results, choices that stay
- ``store``: tables and files
- ``engine``: one fit: data + network + recipe -> record
- ``plan``: study -> stages of fits
- ``studyfile``: study file -> Study
- ``data``: images, labels, splits, the sealed test set
- ``networks``: layers -> shapes, parameter counts, modules
- ``metrics``: labels and probabilities -> one number
- ``record``: what a fit left
- ``stats``: arrays -> intervals, tests, verdicts
- ``errors``: everything that is raised on purpose
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from convstudy._version import __version__

if TYPE_CHECKING:
    from convstudy.data import Dataset
    from convstudy.errors import ConvstudyError
    from convstudy.history import Results
    from convstudy.metrics import Metric
    from convstudy.networks import Block, Network
    from convstudy.run import run_study
    from convstudy.stats import Verdict, verdict_on_counts
    from convstudy.studyfile import Ablate, Compare, Recipe, Search, Study, Variant, load_study

# To export a name: a line here, one above for type checkers, and one in __all__ (a test compares the three).
_HOME_OF = {
    "Ablate": "convstudy.studyfile",
    "Block": "convstudy.networks",
    "Compare": "convstudy.studyfile",
    "ConvstudyError": "convstudy.errors",
    "Dataset": "convstudy.data",
    "Metric": "convstudy.metrics",
    "Network": "convstudy.networks",
    "Recipe": "convstudy.studyfile",
    "Results": "convstudy.history",
    "Search": "convstudy.studyfile",
    "Study": "convstudy.studyfile",
    "Variant": "convstudy.studyfile",
    "Verdict": "convstudy.stats",
    "load_study": "convstudy.studyfile",
    "run_study": "convstudy.run",
    "verdict_on_counts": "convstudy.stats",
}

__all__ = [
    "Ablate",
    "Block",
    "Compare",
    "ConvstudyError",
    "Dataset",
    "Metric",
    "Network",
    "Recipe",
    "Results",
    "Search",
    "Study",
    "Variant",
    "Verdict",
    "__version__",
    "load_study",
    "run_study",
    "verdict_on_counts",
]


def __getattr__(name: str) -> object:
    """Import the module that holds a public name when the name is first asked for (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not, besides what is loaded."""
    return sorted({*globals(), *__all__})
