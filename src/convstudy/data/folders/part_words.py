"""The words that name a part of a dataset in names of files, arrays, folders and columns."""

from __future__ import annotations

import re

from convstudy.data.listing import ListedPart

PART_WORDS: dict[str, ListedPart] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "t10k": "test",
}
"""Word in lower case -> part; ``t10k`` is the test part of MNIST's files."""


def part_in_name(name: str) -> tuple[ListedPart, str]:
    """Return the part that a name contains as a whole word, and the rest of the name: words in lower case, with ``_``.

    >>> part_in_name("train_images"), part_in_name("X-test"), part_in_name("training_shoe_test")
    (('train', 'images'), ('test', 'x'), ('', 'training_shoe_test'))
    >>> part_in_name("Labels"), part_in_name("latest")
    (('', 'labels'), ('', 'latest'))
    """
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    parts = [word for word in words if word in PART_WORDS]
    if len(parts) != 1:
        return "", "_".join(words)
    return PART_WORDS[parts[0]], "_".join(word for word in words if word != parts[0])
