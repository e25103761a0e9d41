"""Fingerprints of test images, by which two forms of one test set are recognised.

An image has up to two fingerprints: of its pixels as they were decoded, and of the content of its file. The second does
not depend on size, crop or any other option of decoding. Arrays have pixels only. Both are computed anyway (the pixels
for the search for duplicates, the files for the cache of decoded images), so no image is read again.

A fingerprint is the first 8 bytes of a hash. With 100,000 images in each of two test sets, two different images have
the same fingerprint with a probability of about 1e-9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Keys = npt.NDArray[np.uint64]

N_BYTES = 8


@dataclass(frozen=True, eq=False)
class Fingerprints:
    """The fingerprints of n test images.

    Attributes:
        pixels: uint64, shape (n,), of the decoded pixels; ``None`` if they are not known.
        files: uint64, shape (n,), of the contents of the files; ``None`` for arrays.

    >>> import numpy as np
    >>> first = Fingerprints(np.array([1, 2, 3], dtype="u8"), None)
    >>> first.n_shared(Fingerprints(np.array([3, 2, 9, 9], dtype="u8"), None))
    2
    """

    pixels: Keys | None
    files: Keys | None

    def __len__(self) -> int:
        """Return the number of images."""
        return max(0 if keys is None else len(keys) for keys in (self.pixels, self.files))

    def __eq__(self, other: object) -> bool:
        """Return whether both have the same fingerprints in the same order."""
        return isinstance(other, Fingerprints) and self.as_json() == other.as_json()

    def __hash__(self) -> int:
        return hash((len(self), str(self.as_json())))

    def n_shared(self, other: Fingerprints) -> int:
        """Return the number of images that are also in the other test set, by pixels or by file.

        Images that occur several times count once: many copies of a blank image are one image.
        """
        import numpy as np

        is_shared = np.zeros(len(self), dtype=bool)
        for mine, theirs in ((self.pixels, other.pixels), (self.files, other.files)):
            if mine is not None and theirs is not None:
                is_shared |= np.isin(mine, theirs)
        own = self.files if self.pixels is None else self.pixels
        return 0 if own is None else len(np.unique(own[is_shared]))

    def as_json(self) -> dict[str, str | None]:
        """Return JSON values for :meth:`from_json`: all fingerprints of a kind as one hexadecimal text."""
        return {
            name: None if keys is None else keys.astype("<u8").tobytes().hex()
            for name, keys in (("pixels", self.pixels), ("files", self.files))
        }

    @classmethod
    def from_json(cls, values: Any) -> Fingerprints:
        """Create the fingerprints from the values of :meth:`as_json`.

        Raises:
            ValueError: if the values are not fingerprints.
        """
        if not isinstance(values, dict) or set(values) != {"pixels", "files"}:
            raise ValueError("expected pixels and files")
        keys = [None if text is None else _keys(text) for text in (values["pixels"], values["files"])]
        if len({len(each) for each in keys if each is not None}) != 1:
            raise ValueError("expected one fingerprint per image")
        return cls(*keys)


def fingerprints_of(hashes: Sequence[bytes], files: Keys | None) -> Fingerprints:
    """Return fingerprints of images.

    Args:
        hashes: a hash of the pixels of each image.
        files: the fingerprint of each file, in the same order; ``None`` for arrays.
    """
    import numpy as np

    keys = np.frombuffer(b"".join(each[:N_BYTES] for each in hashes), dtype="<u8").astype(np.uint64)
    return Fingerprints(keys, files if files is not None and len(files) == len(keys) else None)


def file_keys(digests: npt.NDArray[np.uint8]) -> Keys:
    """Return the fingerprints of files from the digests of their content, uint8 of shape (n, 32)."""
    import numpy as np

    first = np.ascontiguousarray(digests[:, :N_BYTES])
    return first.view("<u8").reshape(-1).astype(np.uint64)


def _keys(text: object) -> Keys:
    import numpy as np

    if not isinstance(text, str) or len(text) % (2 * N_BYTES):
        raise ValueError("expected hexadecimal digits")
    return np.frombuffer(bytes.fromhex(text), dtype="<u8").astype(np.uint64)
