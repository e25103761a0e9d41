"""The size limit, the list and the removal of the cache."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.data.decoded import clear_cache, list_cache, probe_images
from convstudy.data.decoded.limit import disk_bytes, keep_limit, limit_bytes
from convstudy.errors import DataError
from tests.data.decoded.photos import OPTIONS, Photos, list_folder, make_folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500 MB", 5e8), ("20GB", 2e10), ("1.5 tb", 1.5e12), ("123", 123), ("7 k", 7000), ("2000 b", 2000)],
)
def test_limit_is_a_size_with_a_unit(
    text: str, expected: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE_LIMIT", text)
    assert limit_bytes(tmp_path) == expected


@pytest.mark.parametrize("text", ["much", "-1", "10 PB", "1e9", "20 GB or so"])
def test_limit_that_is_no_size_is_an_error(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE_LIMIT", text)
    with pytest.raises(DataError, match="CONVSTUDY_CACHE_LIMIT must be a size such as 500 MB or 20 GB; got"):
        limit_bytes(tmp_path)


def test_default_limit_is_20_gb_or_a_tenth_of_the_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for total, expected in ((10**12, 20 * 10**9), (10**10, 10**9)):
        monkeypatch.setattr(
            "shutil.disk_usage", lambda path, total=total: type("Usage", (), {"total": total})
        )
        assert limit_bytes(tmp_path / "no" / "folder") == expected


def test_what_was_not_used_for_the_longest_time_is_removed_first(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [make_folder(tmp_path / f"photos-{number}", 4) for number in range(4)]
    for number, folder in enumerate(folders):
        photos.n_decoded(folder, replace(OPTIONS, size=(64, 64 + number)))
    # The second becomes the latest.
    times = {1: 2, 2: 0, 3: 1, 0: 9}
    for entry in list_cache(photos.cache):
        number = int(entry.root[-1])
        os.utime(entry.folder / "used", (times[number] + 1e9, times[number] + 1e9))
    sizes = sum(entry.n_bytes for entry in list_cache(photos.cache))
    monkeypatch.setenv("CONVSTUDY_CACHE_LIMIT", str(sizes - 1))
    keep_limit(photos.cache)
    assert [entry.root[-1] for entry in list_cache(photos.cache)] == ["0", "1", "3"]
    keep_limit(photos.cache, needed=sizes * 6 // 10)
    assert [entry.root[-1] for entry in list_cache(photos.cache)] == ["0"]


def test_folders_in_use_are_not_removed(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_folder(tmp_path / "a", 4), make_folder(tmp_path / "b", 3)
    monkeypatch.setenv("CONVSTUDY_CACHE_LIMIT", "1 kB")
    with photos.decode(first) as decoded:
        # This call removes the least recently used entries, but the first one is in use.
        assert photos.n_decoded(second, replace(OPTIONS, channels=1)) == 3
        assert str(first) in {entry.root for entry in list_cache(photos.cache)}
        assert clear_cache(photos.cache, first) == (0, 0)
        assert decoded.pixels(decoded.digests[:, 0].nonzero()[0][:2]).shape == (2, 8, 8, 3)
    assert clear_cache(photos.cache, first)[0] == 1


def test_list_has_the_root_and_numbers_of_each_entry(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 4)
    assert list_cache(photos.cache) == ()
    with photos.decode(folder):
        (entry,) = list_cache(photos.cache)
        assert (entry.kind, entry.root, entry.n_images, entry.in_use) == ("decoded", str(folder), 4, True)
        assert entry.n_bytes == disk_bytes(entry.folder) > 4 * 192
    probe_images(list_folder(folder), "folder", folder, cache=photos.cache).close()
    kinds = {entry.kind: entry for entry in list_cache(photos.cache)}
    assert set(kinds) == {"decoded", "headers"} and kinds["headers"].n_images == 4
    assert not kinds["headers"].in_use


def test_clear_removes_everything_or_one_root(photos: Photos, tmp_path: Path) -> None:
    first, second = make_folder(tmp_path / "a", 4), make_folder(tmp_path / "b", 3)
    for folder in (first, second):
        photos.n_decoded(folder)
    n_removed, n_bytes = clear_cache(photos.cache, first)
    assert n_removed == 1 and n_bytes > 0
    assert [entry.root for entry in list_cache(photos.cache)] == [str(second)]
    assert clear_cache(photos.cache)[0] == 1
    assert list_cache(photos.cache) == () and clear_cache(photos.cache) == (0, 0)
    assert photos.n_decoded(second) == 3


def test_remains_of_a_killed_removal_are_removed(photos: Photos, tmp_path: Path) -> None:
    photos.n_decoded(make_folder(tmp_path / "photos", 2))
    (entry,) = photos.entries
    entry.rename(entry.with_name(f"{entry.name}.123.removed"))
    assert clear_cache(photos.cache)[0] == 1
    assert list(photos.cache.glob("decoded/*/*")) == []


def test_requests_are_limited_by_their_number(
    photos: Photos, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("convstudy.data.decoded.limit.MAX_REQUESTS", 3)
    requests = photos.cache / "requests"
    requests.mkdir(parents=True)
    for number in range(6):
        (requests / f"{number}.json").write_text("{}")
        os.utime(requests / f"{number}.json", (1e9 + number, 1e9 + number))
    keep_limit(photos.cache)
    assert sorted(path.name for path in requests.iterdir()) == ["3.json", "4.json", "5.json"]


def test_copies_of_archives_count_and_are_removed_when_they_were_not_used_recently(photos: Photos) -> None:
    copies = photos.cache / "tar-copies"
    copies.mkdir(parents=True)
    for name, age in (("old", 9_000), ("new", 10)):
        (copies / f"{name}.tar").write_bytes(bytes(10_000))
        os.utime(copies / f"{name}.tar", (time.time() - age, 1e9))
    assert [(entry.kind, entry.in_use) for entry in list_cache(photos.cache)] == [
        ("archive copy", True),
        ("archive copy", False),
    ]
    assert clear_cache(photos.cache)[0] == 1
    assert [path.name for path in copies.iterdir()] == ["new.tar"]
