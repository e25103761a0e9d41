"""The IDX reader takes exactly the file that was asked for, and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.data.idx import content_size, read_idx
from convstudy.errors import DataError

SHAPE = (2, 3, 4)
SOUND = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + bytes(range(24))


def _write(folder: Path, content: bytes, name: str = "images") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("archived", [False, True])
def test_a_sound_file_is_read(tmp_path: Path, archived: bool) -> None:
    raw = gzip.compress(SOUND, mtime=0) if archived else SOUND
    found = read_idx(_write(tmp_path, raw, "images.gz" if archived else "images"), SHAPE)
    assert found.values.dtype == np.uint8
    assert found.values.tolist() == np.arange(24).reshape(SHAPE).tolist()
    assert found.values.flags.writeable
    assert found.content_digest == hashlib.sha256(SOUND).hexdigest()
    assert found.archive_digest == (hashlib.sha256(raw).hexdigest() if archived else None)


def test_a_gzip_file_of_several_members_is_one_content(tmp_path: Path) -> None:
    raw = gzip.compress(SOUND[:10], mtime=0) + gzip.compress(SOUND[10:], mtime=0)
    assert read_idx(_write(tmp_path, raw, "images.gz"), SHAPE).values.shape == SHAPE


def test_the_size_counts_the_header() -> None:
    assert content_size((60_000, 28, 28)) == 47_040_016
    assert content_size((60_000,)) == 60_008


SPOILED = {
    "no bytes": (b"", "too short"),
    "three bytes": (SOUND[:3], "too short"),
    "not IDX": (b"PK\x03\x04" + SOUND[4:], "not an IDX file"),
    "signed bytes": (SOUND[:2] + b"\x09" + SOUND[3:], "type 0x09"),
    "floats": (SOUND[:2] + b"\x0d" + SOUND[3:], "type 0x0d"),
    "labels for images": (bytes([0, 0, 8, 1, 0, 0, 0, 24]) + bytes(24), "wrong number of dimensions"),
    "half a header": (SOUND[:9], "within its header"),
    "one image more": (SOUND[:7] + b"\x03" + SOUND[8:], "wrong dimensions"),
    "huge dimensions": (SOUND[:4] + b"\xff" * 12 + SOUND[16:], "wrong dimensions"),
    "one byte less": (SOUND[:-1], "ends too early"),
    "one byte more": (SOUND + b"\0", "too long"),
}


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_file_is_refused(tmp_path: Path, case: str, archived: bool) -> None:
    content, message = SPOILED[case]
    path = _write(
        tmp_path,
        gzip.compress(content, mtime=0) if archived else content,
        "images.gz" if archived else "images",
    )
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, SHAPE)
    (problem,) = caught.value.problems
    assert str(problem.where) == str(path)
    assert problem.got
    assert problem.expected


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (SOUND, "not a sound gzip file"),
        (b"", "too short"),
        (gzip.compress(SOUND, mtime=0)[:-1], "ends too early"),
        (gzip.compress(SOUND, mtime=0)[:-9], "ends too early"),
        (gzip.compress(SOUND, mtime=0) + b"more", "not a sound gzip file"),
        (gzip.compress(SOUND, mtime=0)[:-8] + b"\0" * 8, "not a sound gzip file"),  # a wrong check sum
        (gzip.compress(SOUND, mtime=0)[:10] + b"\xff" * 40, "not a sound gzip file"),
    ],
)
def test_a_spoiled_archive_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_idx(_write(tmp_path, raw, "images.gz"), SHAPE)


def test_a_bomb_is_never_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(SOUND + bytes(50_000_000), mtime=0)
    assert len(bomb) < 65_536  # so the limit on the archive's own size does not stop it
    path = _write(tmp_path, bomb, "images.gz")
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="content is too long"):
            read_idx(path, SHAPE)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_an_archive_far_too_long_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="file is too long"):
        read_idx(_write(tmp_path, gzip.compress(SOUND, mtime=0) * 2_000, "images.gz"), SHAPE)


def test_a_missing_file_and_a_folder_are_data_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.gz", tmp_path):
        with pytest.raises(DataError, match="cannot read the file"):
            read_idx(path, SHAPE)


@settings(deadline=None)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_rightly_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, archived: bool
) -> None:
    name = "images.gz" if archived else "images"
    path = _write(tmp_path_factory.getbasetemp(), content, name)
    with pytest.raises(DataError):  # random bytes are never the 40 bytes that were asked for
        read_idx(path, SHAPE)
