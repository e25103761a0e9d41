"""Which files Python opens, by whichever function: the interpreter's own audit events say so."""

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


sys.addaudithook(_note)  # a hook stays for the life of the process, so there is one


@contextmanager
def opened_files(folder: Path) -> Iterator[list[str]]:
    """Yield a list of the names of the files in a folder that are opened meanwhile, in order."""
    names: list[str] = []
    _watching.append((folder, names))
    try:
        yield names
    finally:
        _watching.remove((folder, names))
