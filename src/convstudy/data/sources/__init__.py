"""The kinds of sources of datasets.

To add a kind, add one module here with a ``SOURCE`` or a ``LISTED_SOURCE``, and a test. There is no list to extend.
"""

from __future__ import annotations

from convstudy.data.listing import ListedSource
from convstudy.data.source import SourceKind
from convstudy.discovery import members

SOURCES: dict[str, SourceKind] = {
    module.SOURCE.name: module.SOURCE for module in members(__name__) if hasattr(module, "SOURCE")
}
"""The kinds of sources by name."""
LISTED_SOURCES: dict[str, ListedSource] = {
    module.LISTED_SOURCE.name: module.LISTED_SOURCE
    for module in members(__name__)
    if hasattr(module, "LISTED_SOURCE")
}
"""The kinds of sources that list their images, by name."""
NAMED_SOURCES: dict[str, ListedSource] = {
    name: kind for name, kind in LISTED_SOURCES.items() if kind.path_form
}
"""Those that a study file can name."""

__all__ = ["LISTED_SOURCES", "NAMED_SOURCES", "SOURCES"]
