"""Sources of arrays refuse a FIFO, a device or a folder instead of a file, without blocking, also after the listing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from convstudy.data.listing import SourceOptions
from convstudy.data.sources import LISTED_SOURCES
from convstudy.errors import DataError
from tests.data.sources.conformance import X_TRAIN, Y_TRAIN
from tests.data.test_idx_files import save as save_idx
from tests.waiting import no_longer_than

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")
SECONDS = 60
TABLE = pa.table({"image": [b"0", b"1", b"2"], "label": [0, 1, 2]})


def _stream(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as stream:
        stream.write_table(TABLE)


def _npy(folder: Path) -> None:
    np.save(folder / "X.npy", X_TRAIN)
    np.save(folder / "y.npy", Y_TRAIN)


def _stl10(folder: Path) -> None:
    (folder / "train_X.bin").write_bytes(bytes(2 * 3 * 96 * 96))
    (folder / "train_y.bin").write_bytes(b"\x01\x02")


# (kind, file that is replaced, whether it is the path, writer)
SOURCES: dict[str, tuple[str, str, bool, Callable[[Path], object]]] = {
    "npz": ("npz", "a.npz", True, lambda folder: np.savez(folder / "a.npz", X=X_TRAIN, y=Y_TRAIN)),
    "compressed npz": (
        "npz",
        "a.npz",
        True,
        lambda folder: np.savez_compressed(folder / "a.npz", X=X_TRAIN, y=Y_TRAIN),
    ),
    "Fortran npz": (
        "npz",
        "a.npz",
        True,
        lambda folder: np.savez(folder / "a.npz", X=np.asfortranarray(X_TRAIN), y=Y_TRAIN),
    ),
    "npy images": ("npy", "X.npy", False, _npy),
    "npy labels": ("npy", "y.npy", False, _npy),
    "IDX": ("idx", "train-images-idx3-ubyte", False, save_idx),
    "IDX, gzip": ("idx", "train-images-idx3-ubyte.gz", False, lambda folder: save_idx(folder, end=".gz")),
    "CIFAR": (
        "cifar",
        "data_batch_1.bin",
        False,
        lambda folder: (folder / "data_batch_1.bin").write_bytes(bytes(2 * 3073)),
    ),
    "STL-10 images": ("stl10", "train_X.bin", False, _stl10),
    "STL-10 labels": ("stl10", "train_y.bin", False, _stl10),
    "CSV": (
        "pixels",
        "a.csv",
        True,
        lambda folder: np.savetxt(folder / "a.csv", np.c_[Y_TRAIN, np.zeros((9, 16))], "%d", ","),
    ),
    "CSV, gzip": (
        "pixels",
        "a.csv.gz",
        True,
        lambda folder: np.savetxt(folder / "a.csv.gz", np.c_[Y_TRAIN, np.zeros((9, 16))], "%d", ","),
    ),
    "Parquet": ("huggingface", "a.parquet", True, lambda folder: pq.write_table(TABLE, folder / "a.parquet")),
    "Arrow": ("huggingface", "a.arrow", True, lambda folder: _stream(folder / "a.arrow")),
}


@pytest.fixture(autouse=True)
def no_wait() -> Iterator[None]:
    """Fail if a reader blocks on a FIFO."""
    with no_longer_than(SECONDS):
        yield


PUTS: dict[str, Callable[[Path], None]] = {
    "FIFO": lambda path: os.mkfifo(path),
    "folder": lambda path: path.mkdir(),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("what", PUTS)
@pytest.mark.parametrize("name", SOURCES)
def test_path_that_is_not_a_file_raises(tmp_path: Path, name: str, what: str) -> None:
    kind, file, is_path, write = SOURCES[name]
    source = LISTED_SOURCES[kind]
    path = tmp_path / file if is_path else tmp_path
    write(tmp_path)
    listing = source.listing(path, SourceOptions(label="first" if kind == "pixels" else None))
    assert listing.reader.read(0) is not None
    (tmp_path / file).unlink()
    PUTS[what](tmp_path / file)
    source.recognise(path)
    with pytest.raises(DataError):
        source.listing(path, SourceOptions())
    again = source.reader(listing.reader.as_json())
    if "labels" not in name:
        with pytest.raises(DataError):
            again.read(0)
