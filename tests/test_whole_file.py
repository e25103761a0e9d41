"""Files that are there whole or not at all, and those who write them so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from convstudy.data import image_facts, load_dataset
from convstudy.engine.weights import write_tensors
from convstudy.report.files import write_file
from convstudy.store.facts import write_facts
from convstudy.whole_file import whole_file


def _write_facts(path: Path) -> None:
    data = load_dataset("digits")
    some = data.train.take(np.arange(20))
    write_facts(path, image_facts(data.info, some, some))


WRITERS: dict[str, Callable[[Path], object]] = {
    "report": lambda path: write_file(path, "new"),
    "tensors": lambda path: write_tensors(path, {"w": torch.zeros(2)}, {}),
    "facts": _write_facts,
}


def test_what_was_written_takes_the_place_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "file.txt"
    for content in ("old", "new"):
        with whole_file(path) as partial:
            assert partial.parent == path.parent  # one file system, so that it can be renamed
            partial.write_text(content)
            assert path.exists() == (content == "new")
        assert path.read_text() == content
        assert list(path.parent.iterdir()) == [path]


def test_after_an_error_the_old_file_stays_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        partial.write_text("ne")
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), whole_file(path):
        pass  # whoever writes nothing has made a mistake
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_every_writer_leaves_the_old_file_where_the_disk_fails(
    fails: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync") if fails == "fsync" else (Path, "replace")), fail)
        with pytest.raises(OSError, match="full"):
            WRITERS[name](path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    WRITERS[name](path)
    assert path.read_bytes() != b"old"
