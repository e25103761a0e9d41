"""Whether two datasets have the same test set: they share images, whatever their digests are.

Each question to a test set makes later results on these images less reliable, also if the images are decoded at another
size, or if a few of them are added or removed. Therefore the identity of a test set is its images
(:mod:`convstudy.data.audit.fingerprints`), not the digest of its dataset.

Two test sets are the same if they share at least :data:`SHARED` of the images of the smaller one. A tenth is enough:
results on a part of the images are correlated with results on all of them. It is not a single image: blank images and
other accidental copies are in unrelated datasets too. The comparison is with the current dataset only, not a chain: a
test set of which all images were replaced, a few at a time, is a new one.

Without fingerprints (older runs folders, or an inspection of the images that failed) two datasets have the same test
set if their files are at the same path.
"""

from __future__ import annotations

from convstudy.data import Dataset
from convstudy.data.audit.fingerprints import Fingerprints
from convstudy.data.source import PartDigests
from convstudy.data.sources.prepared import PreparedSource

SHARED = 0.1
"""The proportion of the smaller test set's images that two forms of one test set share at least."""


def is_same_test_set(first: Fingerprints | None, second: Fingerprints | None) -> bool:
    """Return whether two test sets share enough images; ``False`` if the images of one are not known."""
    if first is None or second is None:
        return False
    return first.n_shared(second) >= SHARED * min(len(first), len(second))


def file_fingerprints(dataset: Dataset) -> Fingerprints | None:
    """Return the fingerprints of a dataset's test images that are known before any of them is read."""
    files = dataset.source.test_file_keys() if isinstance(dataset.source, PreparedSource) else None
    return None if files is None else Fingerprints(None, files)


def has_same_path(first: Dataset, second: Dataset) -> bool:
    """Return whether two datasets were prepared from the images at the same paths, in whatever form."""
    one, other = first.source, second.source
    if not isinstance(one, PreparedSource) or not isinstance(other, PreparedSource):
        return False
    return (one.request.path, one.request.test_path) == (other.request.path, other.request.test_path)


def train_digest_of(dataset: Dataset) -> str:
    """Return the digest of a dataset's training images; empty if only that of the whole dataset is known."""
    source = dataset.source.arrays if isinstance(dataset.source, PreparedSource) else dataset.source
    return source.train_digest if isinstance(source, PartDigests) else ""
