"""A dataset of a few tiny images, for tests that damage its files."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from convstudy.data import Dataset
from convstudy.data.files import PublishedFile
from convstudy.data.sources.idx import IdxSource

N_TRAIN, N_TEST, SIDE = 12, 6, 4


def idx_bytes(shape: tuple[int, ...], values: bytes) -> bytes:
    """Return the bytes of a valid IDX file."""
    return bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape) + values


def _content(name: str, labels: tuple[int, ...]) -> tuple[tuple[int, ...], bytes]:
    n = N_TRAIN if name.startswith("train") else N_TEST
    if "labels" in name:
        return (n,), idx_bytes((n,), bytes(labels[i % len(labels)] for i in range(n)))
    return (n, SIDE, SIDE), idx_bytes((n, SIDE, SIDE), bytes(i % 251 for i in range(n * SIDE * SIDE)))


@dataclass(frozen=True)
class Tiny:
    """A tiny dataset with the content and the archive of each file by name."""

    info: Dataset
    contents: dict[str, bytes]
    archives: dict[str, bytes]

    def write(self, root: Path, *, plain: bool = False, only: str = "") -> Path:
        """Write the files into ``root/tiny`` and return that folder."""
        folder = root / "tiny"
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.contents:
            if name.startswith(only):
                (folder / (name if plain else f"{name}.gz")).write_bytes(
                    self.contents[name] if plain else self.archives[name]
                )
        return folder


@pytest.fixture
def make_tiny() -> Callable[..., Tiny]:
    """Return a function that makes the dataset "tiny" (12 + 6 images, 3 classes) and does not write its files."""

    def make(
        mirrors: tuple[str, ...] = (), content_known: bool = True, labels: tuple[int, ...] = (0, 1, 2)
    ) -> Tiny:
        files, contents, archives = [], {}, {}
        for name in ("train-images", "train-labels", "test-images", "test-labels"):
            shape, content = _content(name, labels)
            contents[name], archives[name] = content, gzip.compress(content, mtime=0)
            files.append(
                PublishedFile(
                    name,
                    shape,
                    archive_digest=hashlib.sha256(archives[name]).hexdigest(),
                    archive_bytes=len(archives[name]),
                    content_digest=hashlib.sha256(content).hexdigest() if content_known else None,
                )
            )
        source = IdxSource("tiny", (files[0], files[1]), (files[2], files[3]), mirrors)
        info = Dataset("tiny", "tiny", (SIDE, SIDE, 1), ("a", "b", "c"), N_TRAIN, N_TEST, source)
        return Tiny(info, contents, archives)

    return make


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Set CONVSTUDY_DATA and CONVSTUDY_CACHE to empty folders and forbid downloads; return both folders."""
    data, cache = tmp_path / "data", tmp_path / "cache"
    monkeypatch.setenv("CONVSTUDY_DATA", str(data))
    monkeypatch.setenv("CONVSTUDY_CACHE", str(cache))
    monkeypatch.setenv("CONVSTUDY_OFFLINE", "1")
    return data, cache
