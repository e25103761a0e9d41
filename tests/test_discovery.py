"""The modules of a package are found in name order."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import convstudy
from convstudy.discovery import members


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Add a package with two modules and a subpackage to convstudy, and remove it afterwards."""
    folder = tmp_path / "made"
    (folder / "inner").mkdir(parents=True)
    for name in ("__init__", "second", "first", "inner/__init__"):
        (folder / f"{name}.py").write_text(f"MEMBER = {name!r}\n", encoding="utf-8")
    (folder / "notes.txt").write_text("no module", encoding="utf-8")
    monkeypatch.setattr(convstudy, "__path__", [*convstudy.__path__, str(tmp_path)])
    yield "convstudy.made"
    for name in [name for name in sys.modules if name.startswith("convstudy.made")]:
        del sys.modules[name]


def test_members_are_in_name_order(package: str) -> None:
    found = members(package)
    assert [module.__name__ for module in found] == [
        f"{package}.{name}" for name in ("first", "inner", "second")
    ]
    assert [module.MEMBER for module in found] == ["first", "inner/__init__", "second"]


def test_members_are_the_modules_that_an_import_gives(package: str) -> None:
    assert all(module is sys.modules[module.__name__] for module in members(package))
    assert members(package) == members(package)


@pytest.mark.parametrize("name", ["json", "convstudy", "convstudystats"])
def test_package_outside_convstudy_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be a package of convstudy; got"):
        members(name)


def test_missing_package_raises_import_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        members("convstudy.nothing_here")
