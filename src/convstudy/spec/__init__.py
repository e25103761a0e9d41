"""A study as data: the study file, the Study, and everything that is wrong with one, at once."""

from convstudy.spec.reading import BUILT_IN_STUDIES, load_study
from convstudy.spec.recipe import Recipe
from convstudy.spec.study import Ablate, Compare, NetworkPattern, Search, Study, Variant
