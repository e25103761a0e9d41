"""Fingerprints of test images."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from convstudy.data.audit.fingerprints import Fingerprints, file_keys, fingerprints_of


def keys(*values: int) -> Any:
    return np.array(values, dtype=np.uint64)


def test_images_are_shared_by_pixels_or_by_file() -> None:
    first = Fingerprints(keys(1, 2, 3, 4), keys(11, 12, 13, 14))
    assert first.n_shared(Fingerprints(keys(4, 3, 99), None)) == 2  # arrays with the same pixels
    assert first.n_shared(Fingerprints(keys(90, 91), keys(11, 12))) == 2  # another size of the same files
    assert first.n_shared(Fingerprints(keys(1, 91), keys(80, 12))) == 2
    assert first.n_shared(Fingerprints(None, keys(14))) == 1  # before the images are read
    assert first.n_shared(Fingerprints(keys(11), keys(1))) == 0  # pixels are never compared with files


def test_copies_of_one_image_count_once() -> None:
    blank = Fingerprints(keys(7, 7, 7, 7, 1), None)
    assert blank.n_shared(Fingerprints(keys(7, 7, 7, 2, 3), None)) == 1


def test_fingerprints_survive_json_and_wrong_values_are_refused() -> None:
    for made in (Fingerprints(keys(1, 2**64 - 1), keys(3, 4)), Fingerprints(keys(5), None)):
        assert Fingerprints.from_json(made.as_json()) == made
    wrong: list[Any] = [
        None,
        {"pixels": None},
        {"pixels": None, "files": None},
        {"pixels": "00" * 8, "files": "00" * 16},
        {"pixels": "zz" * 8, "files": None},
        {"pixels": "00" * 7, "files": None},
        {"pixels": 3, "files": None},
    ]
    for values in wrong:
        with pytest.raises(ValueError):
            Fingerprints.from_json(values)


def test_keys_are_the_first_bytes_of_hashes() -> None:
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(3)]
    table = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(3, 32)
    assert fingerprints_of(digests, file_keys(table)) == Fingerprints(file_keys(table), file_keys(table))
    assert int(file_keys(table)[1]) == int.from_bytes(digests[1][:8], "little")
    assert fingerprints_of(digests, file_keys(table)[:2]).files is None  # of another listing
