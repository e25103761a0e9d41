"""What a study file lists twice: values of a search, and variants of an ablation with the same changes."""

from __future__ import annotations

from convstudy.errors import KeyPath
from convstudy.studyfile.draft import Draft
from convstudy.studyfile.file_error import shown
from convstudy.studyfile.part import Tried
from convstudy.studyfile.study import Ablate, candidate_name


class ListedValues:
    """The values of one key of a search so far, each of which makes a candidate."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._values: set[tuple[bool, Tried]] = set()
        self._names: dict[str, Tried] = {}

    def repeats(self, value: Tried) -> str:
        """Add a value; return what it repeats, as a message, or "".

        3 and 3.0 are equal. 3 and "3" are not, but their candidates would have one name. True is not 1 here, although
        Python calls them equal.
        """
        same = (isinstance(value, bool), value)
        name = candidate_name({self._key: value})
        other = self._names.setdefault(name, value)
        if same in self._values:
            return f"{shown(value)} is listed twice"
        self._values.add(same)
        if type(other) is not type(value):
            return f"{shown(other)} and {shown(value)} would be two candidates with the name {name}"
        return ""


def check_equal_variants(draft: Draft, name: str, ablate: Ablate) -> None:
    """Report variants that change the same as another one before them."""
    seen: list[tuple[str, tuple[object, ...]]] = []
    for variant_name, variant in ablate.variants.items():
        changes = (set(variant.without), variant.activation, variant.init, dict(variant.recipe))
        other = next((before for before, known in seen if known == changes), None)
        path: KeyPath = ("ablate", name, variant_name)
        if other is not None:
            what = f'variants "{other}" and "{variant_name}" change the same'
            draft.report(path, what, variant_name, "each change once", "take one of them out")
        seen.append((variant_name, changes))
