"""``convstudy data verify`` and ``convstudy data cache``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.data.draw_shapes import draw_folder
from convstudy.data.decoded import parts
from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CONVSTUDY_CACHE_LIMIT", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def shapes(cache: Path) -> Path:
    """Draw a folder of 8 training and 4 test images."""
    for part, seed, count in (("train", 0, 4), ("test", 1, 2)):
        draw_folder(Path("shapes") / part, {"circle": count, "star": count}, seed, (20, 40), suffix=".bmp")
    return Path("shapes").absolute()


def _let_go() -> None:
    """Do what the end of the process does: stop using the prepared arrays."""
    for use in parts._HELD.values():
        use.close()
    parts._HELD.clear()


def test_verify_finds_nothing_in_unchanged_images(convstudy: Call, shapes: Path) -> None:
    found = convstudy("data", "verify", "shapes")
    assert found.status == 0, found.err
    assert found.out == "12 images: files, decoded pixels and arrays are those that were recorded\n"
    assert convstudy("data", "verify", "shapes", "--json").json["differences"] == []


def test_verify_finds_changed_files_and_the_next_command_prepares_them_again(
    convstudy: Call, shapes: Path
) -> None:
    digest = convstudy("data", "verify", "shapes", "--json").json["digest"]
    changed = sorted((shapes / "train" / "circle").iterdir())[1]
    status = changed.stat()
    with changed.open("rb+") as file:  # the pixels of a BMP file have no checksum
        file.seek(status.st_size // 2)
        file.write(bytes(range(250)))
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    found = convstudy("data", "verify", "shapes")
    assert found.status == 1, found.err
    name = changed.relative_to(shapes).as_posix()
    assert f"1 difference in 12 images:\n  {name}: the file has other content" in found.out
    again = convstudy("data", "verify", "shapes", "--json")
    assert again.status == 0 and again.json["digest"] != digest


def test_verify_finds_damaged_arrays(convstudy: Call, cache: Path, shapes: Path) -> None:
    convstudy("data", "verify", "shapes")
    (arrays,) = cache.glob("prepared/*/train-images.npy")
    status = arrays.stat()
    with arrays.open("rb+") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"\0\1\2\3\4")
    os.utime(arrays, ns=(status.st_atime_ns, status.st_mtime_ns))
    found = convstudy("data", "verify", "shapes")
    assert found.status == 1 and "the train arrays in the cache are damaged" in found.out
    assert convstudy("data", "verify", "shapes").status == 0


def test_verify_checks_the_digests_of_built_in_datasets(convstudy: Call, cache: Path) -> None:
    found = convstudy("data", "verify", "digits")
    assert found.status == 0 and found.out == "1,797 images: the digests are right\n"


def test_cache_is_listed_and_cleared(convstudy: Call, cache: Path, shapes: Path) -> None:
    assert convstudy("data", "cache").out.startswith("0.0 MB of at most ")
    convstudy("data", "verify", "shapes")
    listed = convstudy("data", "cache")
    rows = [line.split() for line in listed.out.splitlines()[2:-1]]
    assert sorted(row[0] for row in rows) == ["decoded", "headers", "prepared"]
    assert all(row[1] == str(shapes) and row[2] == "12" for row in rows)
    assert listed.out.splitlines()[-1].endswith(f" in {cache}")
    values = convstudy("data", "cache", "--json").json
    assert len(values["entries"]) == 3 and values["n_bytes"] > 0 and values["limit_bytes"] > 0
    _let_go()
    assert convstudy("data", "cache", "clear", "elsewhere").out.startswith("removed 0 entries")
    assert convstudy("data", "cache", "clear", "shapes", "--json").json["n_removed"] == 3
    assert convstudy("data", "cache", "--json").json["entries"] == []
    assert convstudy("data", "verify", "shapes").status == 0


def test_wrong_limit_is_an_error(convstudy: Call, shapes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE_LIMIT", "plenty")
    found = convstudy("data", "verify", "shapes")
    assert found.status == 2
    assert "CONVSTUDY_CACHE_LIMIT must be a size such as 500 MB or 20 GB" in found.err
