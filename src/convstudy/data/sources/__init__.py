"""The kinds of sources that a dataset can come from.

A new kind is one file here and its test: a module with a name ``SOURCE`` is found without a list.
"""

from __future__ import annotations

from convstudy.data.source import SourceKind
from convstudy.discovery import members

SOURCES: dict[str, SourceKind] = {
    module.SOURCE.name: module.SOURCE for module in members(__name__) if hasattr(module, "SOURCE")
}
"""Every kind of source by its name."""

__all__ = ["SOURCES"]
