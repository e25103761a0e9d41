"""A damaged archive or table is read, or is one DataError. Nothing else is raised."""

from __future__ import annotations

import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from convstudy.data.listing import Listing, SourceOptions
from convstudy.data.sources import LISTED_SOURCES
from convstudy.errors import DataError

N_QUICK, N_SLOW = 30, 1000
MAX_MESSAGE = 5000


def _photos(root: Path) -> Path:
    for name in ("cat/1.png", "cat/2.png", "dog/ü.png", "dog/" + "long" * 30 + ".png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode() * 20)
    return root


def _frame(root: Path) -> pd.DataFrame:
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))]
    return pd.DataFrame({"path": names, "label": ["a", "b,c", "a", "é"], "split": "train", "weight": 1.5})


def _zip(root: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for each in root.rglob("*.png"):
            file.write(each, each.relative_to(root))


def _made(kind: str) -> Callable[[Path, Path], object]:
    return lambda root, path: shutil.move(shutil.make_archive(str(path) + "-made", kind, root), path)


KINDS: dict[str, tuple[str, Callable[[Path, Path], object]]] = {
    "t.zip": ("archive", _zip),
    "t.tar": ("archive", _made("tar")),
    "t.tar.gz": ("archive", _made("gztar")),
    "t.tar.xz": ("archive", _made("xztar")),
    "t.csv": ("table", lambda root, path: _frame(root).to_csv(path, index=False)),
    "t.jsonl": ("table", lambda root, path: _frame(root).to_json(path, orient="records", lines=True)),
    "t.parquet": ("table", lambda root, path: _frame(root).to_parquet(path)),
}


def _damaged(data: bytes, number: int) -> bytes:
    """Return the bytes of a file with a few changes: other bytes, or a part removed, repeated or moved."""
    chance, changed = random.Random(number), bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, n = chance.randrange(len(changed) + 1), chance.choice((1, 2, 4, 8, 100))
        part = changed[at : at + n]
        changed[at : at + n] = chance.choice(
            (b"", chance.randbytes(n), b"\xff" * n, bytes(n), part * 3, bytes(each ^ 1 for each in part))
        )
    return bytes(changed if chance.random() < 0.8 else changed[: chance.randrange(len(changed) + 1)])


def _is_read_or_refused(name: str, number: int, folder: Path) -> bool:
    """Return whether a damaged file could be listed; fail if anything but a DataError is raised."""
    kind, write = KINDS[name]
    root = _photos(folder)
    whole = folder / name
    if not whole.exists():
        write(root, whole)
    path = folder / f"damaged-{name}"
    content = whole.read_bytes()
    damaged = _damaged(content, number)
    # Zeros can replace zeros, and some formats allow zeros after their end.
    if damaged.rstrip(b"\0") == content.rstrip(b"\0"):
        return False
    path.write_bytes(damaged)
    LISTED_SOURCES[kind].recognise(path)
    try:
        listing: Listing = LISTED_SOURCES[kind].listing(path, SourceOptions())
    except DataError as error:
        assert 0 < len(str(error)) < MAX_MESSAGE, number
        return False
    for position in range(len(listing)):
        try:
            assert isinstance(listing.reader.read(position), bytes)
        except DataError as error:
            assert len(str(error)) < MAX_MESSAGE, number
    return True


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "the-cache"))


@pytest.mark.parametrize("name", KINDS)
def test_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    n_listed = sum(_is_read_or_refused(name, number, tmp_path / "photos") for number in range(N_QUICK))
    assert n_listed < N_QUICK


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_thousands_of_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    n_listed = sum(
        _is_read_or_refused(name, number, tmp_path / "photos") for number in range(N_QUICK, N_SLOW)
    )
    assert (n_listed > 0) == (name != "t.tar.xz")  # xz has checksums
