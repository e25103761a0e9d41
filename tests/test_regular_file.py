"""Only regular files are opened, and opening never blocks."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from convstudy.regular_file import check_regular, open_regular

needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")


def test_file_and_symbolic_link_are_read(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"\r\ntext\x1a more")
    link.symlink_to(path)
    for each in (path, link):
        check_regular(each)
        with open_regular(each) as file:
            assert file.read() == b"\r\ntext\x1a more"


def test_missing_path_raises_file_not_found(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("none", "link"):
        with pytest.raises(FileNotFoundError):
            open_regular(tmp_path / name)


@needs_fifos
def test_path_that_is_not_a_regular_file_is_refused_by_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    kinds = {"fifo": "a FIFO", "folder": "a folder", "link": "a FIFO", "socket": "a socket"}
    with socket.socket(socket.AF_UNIX) as bound:
        before = Path.cwd()
        os.chdir(tmp_path)  # the path of a socket must be short
        try:
            bound.bind("socket")
        finally:
            os.chdir(before)
        paths = {tmp_path / name: kind for name, kind in kinds.items()} | {Path(os.devnull): "a device"}
        assert len(paths) == 5
        for path, kind in paths.items():
            for opens in (open_regular, check_regular):
                with pytest.raises(OSError, match=f"must be a regular file; got {kind}") as caught:
                    opens(path)
                assert caught.value.filename == str(path)


@needs_fifos
def test_file_replaced_by_a_fifo_before_opening_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setattr("convstudy.regular_file.check_regular", lambda path: None)
    with pytest.raises(OSError, match="a FIFO"):
        open_regular(tmp_path / "fifo")
