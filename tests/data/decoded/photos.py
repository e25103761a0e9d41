"""Folders of small pictures, and the call that decodes them into a cache."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from convstudy.data.decoded import DecodedImages, decode_images
from convstudy.data.decoding import DecodeOptions
from convstudy.data.listing import Listing, SourceOptions
from convstudy.data.sources import LISTED_SOURCES

OPTIONS = DecodeOptions(size=(8, 8), channels=3)


def png(seed: int, size: tuple[int, int] = (12, 10)) -> bytes:
    """Return a PNG file of noise, of (width, height) ``size``."""
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def make_folder(path: Path, n_images: int = 12) -> Path:
    """Write ``n_images`` different pictures in two classes."""
    for number in range(n_images):
        file = path / ("cat" if number % 2 else "dog") / f"{number:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(number))
    return path


def list_folder(path: Path) -> Listing:
    return LISTED_SOURCES["folder"].listing(path, SourceOptions())


class Photos:
    """Decodes a folder into a cache, and keeps the calls of ``on_progress`` of the last time."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.progress: list[tuple[int, int]] = []

    def decode(self, path: Path, options: DecodeOptions = OPTIONS, **arguments: Any) -> DecodedImages:
        self.progress = []
        arguments = {"n_workers": 1, "on_progress": lambda *each: self.progress.append(each), **arguments}
        return decode_images(list_folder(path), "folder", path, options, cache=self.cache, **arguments)

    def n_decoded(self, path: Path, options: DecodeOptions = OPTIONS) -> int:
        """Decode the folder, and return how many images were decoded and not found in the cache."""
        with self.decode(path, options) as decoded:
            check(decoded, options)
            return decoded.n_decoded

    @property
    def entries(self) -> list[Path]:
        """The folders of the cache with decoded images."""
        return sorted((self.cache / "decoded").glob("*/*"))


def check(decoded: DecodedImages, options: DecodeOptions = OPTIONS) -> None:
    """Compare all pixels, headers, digests and hashes with a direct computation."""
    import hashlib

    from convstudy.data.audit.perceptual_hashes import perceptual_hashes
    from convstudy.data.decoding import decode
    from convstudy.data.images import Images

    rows = np.array([row for row in range(len(decoded)) if row not in decoded.failures])
    files = [decoded.listing.reader.read(row) for row in rows.tolist()]
    expected = [decode(file, options) for file in files]
    pixels = np.stack([each.pixels for each in expected])
    assert np.array_equal(decoded.pixels(rows), pixels)
    assert [decoded.headers[row] for row in rows.tolist()] == [each.header for each in expected]
    assert [decoded.digests[row].tobytes() for row in rows.tolist()] == [
        hashlib.sha256(file).digest()
        for file in files  # type: ignore[arg-type]  # a folder gives bytes
    ]
    hashes = perceptual_hashes(Images(pixels, np.zeros(len(rows), dtype=np.int64)))
    found = decoded.hashes(rows)
    assert found.exact == hashes.exact and found.constant.tolist() == hashes.constant.tolist()
    assert np.allclose(found.low, hashes.low, atol=1e-6)
