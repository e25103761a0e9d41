"""The kinds of sources of datasets.

To add a kind, add one module here with a ``SOURCE``, and a test. There is no list to extend.
"""

from __future__ import annotations

from convstudy.data.source import SourceKind
from convstudy.discovery import members

SOURCES: dict[str, SourceKind] = {
    module.SOURCE.name: module.SOURCE for module in members(__name__) if hasattr(module, "SOURCE")
}
"""The kinds of sources by name."""

__all__ = ["SOURCES"]
