"""A study as data: the study file, the Study, and everything that is wrong with one, at once.

================  ==========================================================================
``study``         a study as Python objects
``recipe``        how a network is trained
``ranges``        ``{ low = 3, high = 9 }``: what a search draws values from
``part``          what the parts of a study share: names, values, their base
``patterns``      networks and blocks as they are written
``parameters``    whether these have names and parameters that can be
``images``        which images a study is about
``suppress``       checks that a study suppresses, and why
``reading``       a file or document to a Study; the checks of a Study built in Python
``files``         where the text of a study comes from
``changes``       changes from the command line: ``--set recipe.epochs=3``
``draft``         a document section by section, so that one mistake hides no other
``checks``        names that exist, values that can be, images enough
``classes``         images enough of each class, where the labels are at hand
``nesting``       whether searches can be nested as they say
``pairs``         variants of an ablation two at a time
``fitting``       layers that fit each other, for every value and variant
``messages``      what pydantic says, in plain words
``error``       what is wrong at which key
``lines``         in which line of a TOML text a key stands
``writing``       a Study to its document
``schema``        the JSON Schema of a study file
``starter``       the file that ``convstudy init`` writes
================  ==========================================================================

Nothing here loads torch or NumPy.
"""

from convstudy.studyfile.changes import read_change
from convstudy.studyfile.classes import check_classes, check_test_classes
from convstudy.studyfile.files import BUILT_IN_STUDIES
from convstudy.studyfile.pairs import Pair, pairs_of, undersized_pairs
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.reading import check_study, load_study, places, study_of
from convstudy.studyfile.recipe import RECIPE_KEYS, Recipe
from convstudy.studyfile.schema import study_schema
from convstudy.studyfile.starter import starter_file
from convstudy.studyfile.study import BEST, Ablate, Compare, Search, Study, Variant
from convstudy.studyfile.suppress import CHECK_NAMES
from convstudy.studyfile.writing import study_document

__all__ = [
    "BEST",
    "BUILT_IN_STUDIES",
    "CHECK_NAMES",
    "RECIPE_KEYS",
    "Ablate",
    "BlockPattern",
    "Compare",
    "NetworkPattern",
    "Pair",
    "Range",
    "Recipe",
    "Search",
    "Study",
    "Variant",
    "check_classes",
    "check_study",
    "check_test_classes",
    "load_study",
    "pairs_of",
    "places",
    "read_change",
    "starter_file",
    "study_document",
    "study_of",
    "study_schema",
    "undersized_pairs",
]
