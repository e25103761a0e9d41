"""Read a document section by section, so that an error in one section hides no error in another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import Dataset
from convstudy.errors import DataError, KeyPath, Location, nearest, one_of, unknown
from convstudy.studyfile.ablate import Ablate, Variant
from convstudy.studyfile.file_error import FileError, shown, value_and_kind
from convstudy.studyfile.images import DatasetTable
from convstudy.studyfile.messages import FILLED_IN, NAME_TEXT, errors_of
from convstudy.studyfile.part import NAME_PATTERN
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.recipe import Recipe
from convstudy.studyfile.study import Compare, Head, Search, Study
from convstudy.studyfile.suppress import REASON_TEXT, is_reason

MAX_SECTIONS = 100
"""The maximum number of blocks, networks, searches, comparisons, ablations, and variants of one ablation."""

MAX_VARIANTS = 1_000
"""The maximum number of variants and trained pairs of all ablations together."""

SECTIONS = ("study", "dataset", "recipe", "block", "network", "search", "compare", "ablate", "suppress")
SINGLE_TABLES = ("study", "dataset", "recipe", "suppress")
"""The sections that are one table. The others have named tables, such as ``[network.NAME]``."""
RESERVED = tuple(key for key in Ablate.model_fields if key != "variants")
"""The keys of ``[ablate.NAME]`` that are not variants."""
M = TypeVar("M", bound=BaseModel)
_NONE: Mapping[str, object] = {}


@dataclass
class Draft:
    """The sections of a study that could be read, and the names of all sections.

    Attributes:
        head: the ``[study]`` section without its invalid keys; None if a required key is missing.
        dataset: the dataset; None if it could not be read.
        recipe: the recipe without its invalid keys.
        blocks, networks, searches, compares, ablates: the sections that could be read.
        suppress: check -> reason, without the invalid reasons.
        names: kind of section -> all names, so that a section with errors is not reported as unknown.
        errors: the errors so far.
    """

    head: Head | None = None
    dataset: Dataset | None = None
    recipe: Recipe = field(default_factory=Recipe)
    blocks: dict[str, BlockPattern] = field(default_factory=dict)
    networks: dict[str, NetworkPattern] = field(default_factory=dict)
    searches: dict[str, Search] = field(default_factory=dict)
    compares: dict[str, Compare] = field(default_factory=dict)
    ablates: dict[str, Ablate] = field(default_factory=dict)
    suppress: dict[str, str] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    errors: list[FileError] = field(default_factory=list)

    @property
    def subset(self) -> int | None:
        """The number of training images that the study uses; None if it uses all."""
        return self.head.subset if self.head else None

    def report(self, path: KeyPath, what: str, got: str = "", expected: str = "", hint: str = "") -> None:
        """Add an error."""
        self.errors.append(FileError(path, what, got, expected, hint))

    def report_unknown(self, noun: str, word: str, expected: tuple[str, ...], path: KeyPath) -> None:
        """Add the error of an unknown name, with the most similar known name as the hint."""
        found = unknown(noun, word, expected, Location(key=path))
        self.report(path, found.what, found.got, found.expected, found.hint)


def draft_of_study(study: Study) -> Draft:
    """Return the draft of a study that was built in Python."""
    head = Head.model_construct(**{key: getattr(study, key) for key in Head.model_fields})
    draft = Draft(
        head=head,
        dataset=study.dataset,
        recipe=study.recipe,
        blocks=study.block,
        networks=study.network,
        searches=study.search,
        compares=study.compare,
        ablates=study.ablate,
        suppress=study.suppress,
        names={
            key: tuple(getattr(study, key))
            for key in ("block", "network", "search", "compare", "ablate", "suppress")
        },
    )
    dataset: object = study.dataset
    if not isinstance(dataset, Dataset):  # pydantic does not check what model_copy(update=...) sets
        draft.dataset = None
        hint = "only Study(dataset=NAME) takes a name"
        draft.report(("study", "dataset"), "", value_and_kind(study.dataset), "a Dataset", hint)
    return draft


def draft_of_document(document: Mapping[str, Any], folder: Path) -> Draft:
    """Return the draft of a parsed TOML or JSON document, with its errors.

    Args:
        document: section -> keys.
        folder: the folder of a relative dataset path.
    """
    draft = Draft()
    for key in document:
        if key not in SECTIONS:
            misplaced = [name for name in ("study", "recipe") if key in _KEYS[name]]
            draft.report(
                (key,),
                "unknown section",
                key,
                "one of "
                + ", ".join(f"[{name}]" if name in SINGLE_TABLES else f"[{name}.NAME]" for name in SECTIONS),
                f"put it under [{misplaced[0]}]" if misplaced else nearest(key, SECTIONS),
            )
    if "study" in document:
        _read_head(draft, document, folder)
    else:
        draft.report((), "there is no [study] section", hint="add [study] with name and dataset")
    draft.recipe = _read(draft, Recipe, document.get("recipe", {}), ("recipe",)) or Recipe()
    for name, table in _named(draft, document, "block").items():
        if block := _read(draft, BlockPattern, table, ("block", name), refused=("parameters",)):
            draft.blocks[name] = block
    for name, table in _named(draft, document, "network").items():
        if network := _read(
            draft, NetworkPattern, table, ("network", name), refused=("parameters", "blocks")
        ):
            draft.networks[name] = network.with_blocks(draft.blocks)
    for name, table in _named(draft, document, "search").items():
        if search := _read(draft, Search, table, ("search", name)):
            draft.searches[name] = search
    for name, table in _named(draft, document, "compare").items():
        if compare := _read(draft, Compare, table, ("compare", name)):
            draft.compares[name] = compare
    ablates = _named(draft, document, "ablate")
    n_variants = sum(_n_candidates(table) for table in ablates.values() if isinstance(table, Mapping))
    # Checked before the variants are read, because each pair becomes a variant: 100 variants have 4,950 pairs.
    if n_variants > MAX_VARIANTS:
        draft.report(
            ("ablate",), "there are too many variants", f"{n_variants:,}", f"at most {MAX_VARIANTS:,}"
        )
        ablates = {}
    for name, table in ablates.items():
        if ablate := _read_ablate(draft, name, table):
            draft.ablates[name] = ablate
    draft.suppress = _read_suppress(draft, document.get("suppress", {}))
    return draft


def _read_head(draft: Draft, document: Mapping[str, Any], folder: Path) -> None:
    """Read the ``[study]`` section and the dataset: a key, a ``[dataset]`` table, or (from Python) a ``Dataset``."""
    table, given = document["study"], document.get("dataset")
    if isinstance(table, Mapping):
        if isinstance(given, Dataset):
            table = {**table, "dataset": given}
        elif "dataset" in document:
            if "dataset" in table:
                what = "a study has either this key or a [dataset] table, not both"
                draft.report(("study", "dataset"), what, shown(table["dataset"]))
            table = {**table, "dataset": _read_dataset(draft, given, folder) or _PLACEHOLDER}
        elif isinstance(table.get("dataset"), Mapping):
            got, hint = value_and_kind(table["dataset"]), "put the table under [dataset]"
            draft.report(("study", "dataset"), "", got, one_of(BUILT_IN_DATASETS), hint)
            table = {**table, "dataset": _PLACEHOLDER}
        elif "dataset" not in table:
            expected = f"{one_of(BUILT_IN_DATASETS)}, or a [dataset] table"
            draft.report(("study",), "dataset is missing", expected=expected)
            table = {**table, "dataset": _PLACEHOLDER}
    placeholders = {"name": "unnamed", "dataset": _PLACEHOLDER}
    draft.head = _read(draft, Head, table, ("study",), placeholders=placeholders)
    if draft.head is not None and draft.head.dataset is not _PLACEHOLDER:
        draft.dataset = draft.head.dataset


def _read_dataset(draft: Draft, table: object, folder: Path) -> Dataset | None:
    """Return the dataset of a ``[dataset]`` table; None if it cannot be read."""
    n_errors = len(draft.errors)
    read = _read(draft, DatasetTable, table, ("dataset",))
    if read is None or len(draft.errors) > n_errors:
        return None
    try:
        return read.dataset(folder)
    except DataError as error:
        for problem in error.problems:
            draft.report(problem.where.key, problem.what, problem.got, problem.expected, problem.hint)
        return None


# Replaces a missing or invalid dataset, so that the other keys of [study] are still checked.
_PLACEHOLDER = replace(BUILT_IN_DATASETS["digits"])
_KEYS: Mapping[str, Mapping[str, Any]] = {"study": Head.model_fields, "recipe": Recipe.model_fields}

# Keys of ``[section.NAME]`` whose values are strings or lists. Directly in ``[section]``, they show that NAME is
# missing.
_UNNAMED: Mapping[str, tuple[str, ...]] = {
    "block": ("layers",),
    "network": ("layers",),
    "search": ("network",),
    "compare": ("networks",),
    "ablate": ("network",),
}


def _named(draft: Draft, document: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    """Return the tables ``[section.NAME]`` with valid names; store all names in the draft."""
    tables = document.get(section, {})
    if not isinstance(tables, Mapping):
        draft.report((section,), "", value_and_kind(tables), f"a table with a name: [{section}.NAME]")
        return {}
    for key in _UNNAMED[section]:
        # Without this, each key of a section without a name would be reported as a wrong table.
        if isinstance(tables.get(key), str | list):
            got = f'"{key}" directly in [{section}]'
            draft.report((section,), "", got, f"a table with a name: [{section}.NAME]")
            return {}
    draft.names[section] = tuple(tables)
    return _with_valid_names(draft, tables, (section,))


def _with_valid_names(draft: Draft, tables: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
    """Return the entries with valid names; report invalid names, and report and drop too many entries."""
    for name in tables:
        if not re.fullmatch(NAME_PATTERN, name):
            draft.report((*path, name), "invalid name", shown(name), NAME_TEXT)
    if len(tables) > MAX_SECTIONS:
        draft.report(path, "there are too many entries", f"{len(tables):,}", f"at most {MAX_SECTIONS}")
        return {}
    return {name: table for name, table in tables.items() if re.fullmatch(NAME_PATTERN, name)}


def _read_ablate(draft: Draft, name: str, table: object) -> Ablate | None:
    """Return an ``[ablate.NAME]`` section with the variants that can be read."""
    path: KeyPath = ("ablate", name)
    if not isinstance(table, Mapping):
        draft.report(path, "", value_and_kind(table), "a table of variants")
        return None
    network = table.get("network", name)
    if not isinstance(network, str):
        draft.report((*path, "network"), "", value_and_kind(network), "the name of a network")
    interactions = table.get("interactions", False)
    if not isinstance(interactions, bool):
        draft.report(
            (*path, "interactions"),
            "",
            value_and_kind(interactions),
            "true or false",
            'a variant cannot be called "interactions"' if isinstance(interactions, Mapping) else "",
        )
    tables = {key: value for key, value in table.items() if key not in RESERVED}
    if not tables:
        draft.report(path, "there is no variant", hint='add one: plain = { without = ["dropout"] }')
    variants = {
        key: variant
        for key, value in _with_valid_names(draft, tables, path).items()
        if (variant := _read(draft, Variant, value, (*path, key), refused=("recipe",)))
    }
    if not isinstance(network, str):
        return None
    return Ablate.model_construct(network=network, interactions=interactions is True, variants=variants)


def _n_candidates(table: Mapping[str, Any]) -> int:
    """Return the maximum number of variants of a section ``[ablate.NAME]``, with their pairs if it has interactions."""
    n = sum(key not in RESERVED for key in table)
    return n + (n * (n - 1) // 2 if table.get("interactions") is True else 0)


def _read_suppress(draft: Draft, table: object) -> dict[str, str]:
    """Return the ``[suppress]`` section without invalid reasons; store all names in the draft."""
    if not isinstance(table, Mapping):
        draft.report(("suppress",), "", value_and_kind(table), "a table of checks and reasons")
        return {}
    draft.names["suppress"] = tuple(table)
    for name, reason in table.items():
        if not is_reason(reason):
            got = shown(reason) if isinstance(reason, str) else value_and_kind(reason)
            draft.report(("suppress", name), "", got, REASON_TEXT)
    return {name: reason for name, reason in table.items() if is_reason(reason)}


def _read(
    draft: Draft,
    model: type[M],
    values: object,
    path: KeyPath,
    refused: tuple[str, ...] = (),
    placeholders: Mapping[str, object] = _NONE,
) -> M | None:
    """Read one table as a ``model``. Report and drop invalid keys. Return None if a required key is missing.

    Args:
        draft: receives the errors.
        model: the class of the result, such as ``Search``.
        values: the table.
        path: the path of the table.
        refused: fields that are filled from other keys, so that a file cannot set them.
        placeholders: values for required keys that are missing or invalid, so that the others can be checked.
    """
    if not isinstance(values, Mapping):
        draft.report(path, "", value_and_kind(values), "a table")
        return None
    for key in refused:
        if key in values:
            hint = f"write the keys of {key} directly into the table"
            if key in FILLED_IN:
                hint = "write each block as [block.NAME]"
            draft.report((*path, key), "unknown key", key, hint=hint)
    values = {key: value for key, value in values.items() if key not in refused}
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        errors = errors_of(error, model, values, path)
        draft.errors += errors
    # Without the invalid keys, the rest can be checked against the other sections.
    invalid = {error.path[len(path)] for error in errors if len(error.path) > len(path)}
    try:
        return model.model_validate(
            {**placeholders, **{key: value for key, value in values.items() if key not in invalid}}
        )
    except ValidationError:
        return None
