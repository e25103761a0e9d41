"""Check the names and parameters of networks and blocks."""

from __future__ import annotations

from convstudy.errors import KeyPath
from convstudy.networks.layers.layer import arguments_of
from convstudy.networks.layers.residual import Residual
from convstudy.networks.parameters import parameter_names
from convstudy.networks.uses import IDENTITY, REPEATS
from convstudy.studyfile.draft import Draft
from convstudy.studyfile.messages import keys_of
from convstudy.studyfile.patterns import BlockPattern, NetworkPattern
from convstudy.studyfile.recipe import RECIPE_KEYS
from convstudy.studyfile.study import BEST


def check_network(draft: Draft, name: str, pattern: NetworkPattern) -> None:
    """Check the name, the initialiser and the parameters of a network."""
    path: KeyPath = ("network", name)
    if name == BEST:
        draft.report(path, f'"{BEST}" is reserved for the winner of a comparison; rename the network', BEST)
    for key in pattern.parameters:
        if key in RECIPE_KEYS:
            what = f'"{key}" is a recipe key; rename the parameter, or move it to [recipe]'
            draft.report((*path, key), what, key)
    _check_parameters(draft, pattern, path, tuple(NetworkPattern.model_fields), RECIPE_KEYS)


def check_block(draft: Draft, name: str, pattern: BlockPattern) -> None:
    """Check the name and the parameters of a block."""
    path: KeyPath = ("block", name)
    if name == IDENTITY:
        what = f'"{IDENTITY}" is reserved for the input of a concat; rename the block'
        draft.report(path, what, IDENTITY)
    elif REPEATS.fullmatch(name):
        draft.report(path, f'"{name}" is reserved for a number of repeats; rename the block', name)
    own = (*BlockPattern.model_fields, *arguments_of(Residual))
    _check_parameters(draft, pattern, path, own, ())


def _check_parameters(
    draft: Draft,
    pattern: BlockPattern | NetworkPattern,
    path: KeyPath,
    reserved: tuple[str, ...],
    reported: tuple[str, ...],
) -> None:
    """Check that no parameter has a reserved name, and that the layers use each one that is not in ``reported``."""
    used = parameter_names(pattern.layers)
    fields = keys_of(type(pattern))
    for key in pattern.parameters:
        if key in reserved:
            draft.report((*path, key), f'"{key}" is a reserved name; rename the parameter', key)
        elif key not in used and key not in reported:
            near = tuple(name for name in (*fields, *sorted(used)) if name not in pattern.parameters)
            draft.report_unknown("key or unused parameter", key, near, (*path, key))
