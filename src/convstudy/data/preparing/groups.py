"""The groups that a pattern finds in the names of images."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convstudy.data.listing import Listing
from convstudy.data.preparing.request import DatasetRequest
from convstudy.data.problem_list import ProblemList
from convstudy.errors import DataError, Location, Problem


def declared_groups(request: DatasetRequest, listing: Listing, where: Location) -> Sequence[str] | None:
    """Return the group of each image, from a column or a pattern; ``None`` without groups.

    Args:
        request: the request.
        listing: the images.
        where: the place of the pattern in errors.

    Raises:
        DataError: if the pattern does not find a group in each name.
    """
    if request.group is None:
        return listing.groups
    return groups_by_pattern(listing.names, request.group, where)


def _group(match: re.Match[str]) -> str:
    """Return the group that a match finds; empty if all its capture groups are empty."""
    parts = [part or "" for part in match.groups()] or [match[0]]
    return "/".join(parts) if any(parts) else ""


def groups_by_pattern(names: Sequence[str], pattern: str, where: Location) -> list[str]:
    r"""Return the group of each image: what the pattern finds in its name.

    Args:
        names: relative paths with ``/``.
        pattern: a regular expression. Its capture groups, joined by ``/``, are the group; without any, the whole match.
        where: the place of the pattern in errors.

    Raises:
        DataError: if the pattern is not a regular expression, or does not occur in a name.

    >>> groups_by_pattern(["cat/p1_a.png", "dog/p12_b.png"], r"/(p\d+)_", Location())
    ['p1', 'p12']
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        what = f"the pattern is not a regular expression: {error}"
        raise DataError(Problem(what, where, f'"{pattern}"')) from None
    found, problems = [], ProblemList()
    for name in names:
        match = expression.search(name)
        group = "" if match is None else _group(match)
        if group:
            found.append(group)
            continue
        if not len(problems):
            what = "the pattern must find a group in the name of each image"
            problems.add(Problem(what, where, f'"{pattern}"'))
        reason = "does not occur" if match is None else "finds an empty group"
        problems.add(Problem(f"the pattern {reason} in this name", Location(subject=name)))
    problems.raise_if_any()
    return found
