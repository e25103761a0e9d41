"""convstudy: compare image classifiers, and get answers that the results support.

A *study* has a dataset, networks, a recipe and questions (searches, comparisons, ablations). convstudy plans the fits
that the questions need, trains them, resumes after an interruption, keeps the test images locked until
all candidates are selected, and writes a report.

The names below are imported on first use, so that ``import convstudy`` is fast::

    from convstudy import load_study, run_study

    study = load_study("digits")   # a built-in study, or the path of a study file
    run_study(study)               # trains the missing fits; run it again to resume

Packages, by layer (imports point down only):

- ``cli``: the command line
- ``report``: analysis -> HTML, Markdown, JSON
- ``checks``: plan and results -> warnings
- ``analysis``: results -> stage results, verdicts, protocol
- ``run``: plan -> finished fits
- ``history``: the runs, results and choices of a runs folder
- ``store``: tables and files
- ``engine``: one fit: data + network + recipe -> record
- ``plan``: study -> stages of fits
- ``studyfile``: study file -> Study
- ``data``: images, labels, splits, the locked test set
- ``networks``: layers -> shapes, parameter counts, modules
- ``metrics``: labels and probabilities -> one number
- ``record``: the result of a fit
- ``stats``: arrays -> intervals, tests, verdicts
- ``errors``: exceptions
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

# To export a name, add it here, above for type checkers, and in __all__. A test compares the three.
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
    """Import the module of a public name on first use (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not, and the other loaded names."""
    return sorted({*globals(), *__all__})
