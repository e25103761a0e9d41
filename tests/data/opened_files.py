"""Lists the files that Python opens, from the audit events of the interpreter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_watching: list[tuple[Path, list[str]]] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watching and isinstance(arguments[0], (str, Path)):
        path = Path(arguments[0])
        for folder, names in _watching:
            if folder in path.parents and path.is_file():
                names.append(path.name)


sys.addaudithook(_note)  # a hook cannot be removed, so there is one for all uses


@contextmanager
def opened_files(folder: Path) -> Iterator[list[str]]:
    """Yield a list that collects the names of the files in a folder as they are opened."""
    names: list[str] = []
    _watching.append((folder, names))
    try:
        yield names
    finally:
        _watching.remove((folder, names))
