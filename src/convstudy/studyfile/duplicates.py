"""Find what a study file lists twice: values of a search, and variants of an ablation."""

from __future__ import annotations

from convstudy.errors import KeyPath
from convstudy.studyfile.ablate import Ablate
from convstudy.studyfile.draft import Draft
from convstudy.studyfile.file_error import shown
from convstudy.studyfile.part import SearchValue
from convstudy.studyfile.study import candidate_name


class ListedValues:
    """The values of one key of a search, collected one by one. Each value gives one candidate."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._values: set[tuple[bool, SearchValue]] = set()
        self._names: dict[str, SearchValue] = {}

    def repeats(self, value: SearchValue) -> str:
        """Add a value; return an error message if it repeats an earlier value, else an empty string.

        3 and 3.0 are equal. 3 and "3" are not, but their candidates would have the same name. True and 1 are not
        equal here, unlike in Python.
        """
        same = (isinstance(value, bool), value)
        name = candidate_name({self._key: value})
        other = self._names.setdefault(name, value)
        if same in self._values:
            return "a value is listed twice"
        self._values.add(same)
        if type(other) is not type(value):
            return f"{shown(other)} and {shown(value)} give two candidates the same name, {name}"
        return ""


def check_equal_variants(draft: Draft, name: str, ablate: Ablate) -> None:
    """Report variants that make the same changes as an earlier one."""
    seen: list[tuple[str, tuple[object, ...]]] = []
    for variant_name, variant in ablate.variants.items():
        changes = (set(variant.without), variant.activation, variant.init, dict(variant.recipe))
        other = next((before for before, known in seen if known == changes), None)
        path: KeyPath = ("ablate", name, variant_name)
        if other is not None:
            what = f'variants "{other}" and "{variant_name}" make the same changes'
            draft.report(path, what, variant_name, hint="remove one of them")
        seen.append((variant_name, changes))
