"""Remembers which prepared arrays answer a request, so that a second start decodes, compares and hashes nothing.

All files are in ``CACHE/requests/``:

=======================  =============================================================================
``KEY.json``             the dataset that answers a request. KEY is a hash of the request, the columns and notes of
                         its listing, and the stamps of its files
``NAME.summary.json``    what was found. NAME is a hash of the request and the content of the dataset
``NAME.parts.csv``       which images were set aside as test images; a run writes it next to the study file
=======================  =============================================================================

A changed stamp means another answer; the cache of decoded images then recognises files whose content is the same.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from convstudy.atomic_write import atomic_write
from convstudy.data.dataset import Dataset
from convstudy.data.decoded import hold
from convstudy.data.decoding.options import DECODER_VERSION
from convstudy.data.listing import Listing
from convstudy.data.preparing.request import DatasetRequest
from convstudy.data.sources.prepared import PreparedSource, requests_folder
from convstudy.errors import ConvstudyError
from convstudy.regular_file import open_regular

VERSION = 5
"""The version of the preparation. It grows with every change that gives a request other images, groups, parts or
another summary, or its arrays another file."""
MAX_BYTES = 1 << 28
"""The largest file that is read, in bytes."""


def answer_key(request: DatasetRequest, kind: str, listing: Listing) -> str:
    """Return the key of a request's answer: SHA-256 (hex).

    Args:
        request: the request.
        kind: the kind of its source.
        listing: its images.
    """
    whole = hashlib.sha256(f"{VERSION} {DECODER_VERSION} {kind}\n{request.text()}\n".encode())
    # With the notes: they are shown again, and say what was skipped this time.
    for column in ("names", "labels", "class_names", "parts", "groups", "times", "weights", "notes"):
        values = getattr(listing, column)
        # JSON marks where each value ends.
        whole.update(json.dumps(None if values is None else list(values)).encode())
    whole.update(listing.reader.stamps().astype("<i8").tobytes())
    return whole.hexdigest()


def read_answer(key: str, request: DatasetRequest) -> Dataset | None:
    """Return the dataset of a key, or ``None`` if there is none, or its arrays or its test part are not the same."""
    try:
        values = json.loads(_content(requests_folder() / f"{key}.json"))
        dataset = Dataset.from_json(values["dataset"], Path("/"))
        source = dataset.source
        if (
            not isinstance(source, PreparedSource)
            or _digest_of(request.assignment) not in values["assignments"]
        ):
            return None
        if not source.is_complete:
            return None
        hold(Path(source.arrays.path))
    except (OSError, ValueError, KeyError, TypeError, ConvstudyError):
        return None  # an answer that cannot be used is made again
    return dataset


def write_answer(key: str, request: DatasetRequest, dataset: Dataset) -> None:
    """Write the dataset of a key. A cache that cannot be written is no error: the next start takes longer.

    Args:
        key: the key.
        request: the request.
        dataset: the dataset.
    """
    source = dataset.source
    assert isinstance(source, PreparedSource)
    # The assignment file can be as it was, or as a run of this dataset writes it.
    assignments = {_digest_of(request.assignment), _digest_of(source.assignment_copy)}
    with suppress(OSError), atomic_write(requests_folder() / f"{key}.json") as partial:
        values = {"dataset": dataset.as_json(), "assignments": sorted(assignments)}
        partial.write_text(json.dumps(values), encoding="utf-8")


def forget_answer(request: DatasetRequest, kind: str, listing: Listing) -> None:
    """Forget the dataset that answers a request, so that the next start prepares it again.

    Args:
        request: the request.
        kind: the kind of its source.
        listing: its images.
    """
    with suppress(OSError):
        (requests_folder() / f"{answer_key(request, kind, listing)}.json").unlink()


def _digest_of(path: Path | None) -> str:
    """Return the SHA-256 (hex) of a file; empty if there is no such file."""
    try:
        return "" if path is None else hashlib.sha256(_content(path)).hexdigest()
    except OSError:
        return ""


def _content(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(MAX_BYTES)
