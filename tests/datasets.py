"""Datasets without images, for tests that read none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from convstudy.data import BUILT_IN_DATASETS, Dataset
from convstudy.data.sources.digits import DigitsSource

DIGITS, MNIST = BUILT_IN_DATASETS["digits"], BUILT_IN_DATASETS["mnist"]


class OfDigest(DigitsSource):
    """A source with a digest and without images."""

    digest = property(lambda self: self.train_digest)  # type: ignore[assignment]


def dataset_of_digest(digest: str, **changes: Any) -> Dataset:
    """Return the digits with another digest and these changes."""
    return replace(DIGITS, source=OfDigest(digest, ""), **changes)
