"""The study file and its objects. Reading a file reports all of its errors at once.

====================  =================================================================================
``study``             ``Study``, ``Search``, ``Compare``
``ablate``            ``Ablate``, ``Variant``
``recipe``            ``Recipe``: how a network is trained
``augment``           the recipe key ``augment``
``transforms``        the transforms that it can name, and the presets
``class_weights``     the recipe key ``class_weights``
``margins``           the key ``equivalence_margin``
``ranges``            ``Range``: ``{ low = 3, high = 9 }``, which a search draws values from
``part``              the base class of these classes, and their field types
``patterns``          networks and blocks with parameters
``images``            the dataset of a study
``suppress``          the checks that a study suppresses, and why
``reading``           a file or document to a ``Study``; the checks of a ``Study`` built in Python
``files``             the text of a study file
``lines``             the line of each key in a TOML text
``changes``           changes from the command line: ``--set recipe.epochs=3``
``draft``             a document section by section, so that one error hides no other
``checks``            names and values
``data_checks``       numbers of images
``duplicates``        values and variants that are listed twice
``parameters``        the names and parameters of networks and blocks
``nesting``           nested searches
``pairs``             the pairs of variants of an ablation
``fitting``           the shapes of all networks, for every value and variant
``classes``           the number of images of each class, which needs the labels
``resampling``        the key ``resample``
``margin_checks``     the key ``equivalence_margin`` and the metric of the study
``added_seeds``       the key ``max_seeds``
``weighted_classes``  the names in tables of ``class_weights``
``messages``          errors of pydantic as errors of a study file
``file_error``        an error at a key, before its file and line are known
``writing``           a ``Study`` to its document
``schema``            the JSON Schema of a study file
``starter``           the file that ``convstudy init`` writes
``first_study``       the file that ``convstudy run photos/`` writes
``first_networks``    its networks, for images of any shape
``first_size``        its epochs, seeds and images, from the time of an epoch
====================  =================================================================================

Nothing here loads torch or NumPy.
"""

from convstudy.studyfile.ablate import Ablate, Variant
from convstudy.studyfile.changes import read_change
from convstudy.studyfile.classes import check_classes, check_test_classes
from convstudy.studyfile.files import BUILT_IN_STUDIES
from convstudy.studyfile.pairs import Pair, conflicting_pairs, pairs_of
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.ranges import Range
from convstudy.studyfile.reading import StudyText, check_study, load_study, places, study_of
from convstudy.studyfile.recipe import RECIPE_KEYS, Recipe
from convstudy.studyfile.schema import study_schema
from convstudy.studyfile.starter import starter_file
from convstudy.studyfile.study import BEST, Compare, Search, Study
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
    "StudyText",
    "Variant",
    "check_classes",
    "check_study",
    "check_test_classes",
    "conflicting_pairs",
    "load_study",
    "pairs_of",
    "places",
    "read_change",
    "starter_file",
    "study_document",
    "study_of",
    "study_schema",
]
