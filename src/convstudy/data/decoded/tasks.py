"""The messages between the driver and a decode process: lines of JSON in pipes."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy.typing as npt

Mode = Literal["reuse", "decode", "digest"]

MARK = struct.Struct("<qq")
"""What a decode process writes to its mark file: the position of its image, or -1, and a counter."""


@dataclass(frozen=True)
class Setup:
    """What a decode process needs for all its tasks; a JSON file, because the reader can have many names.

    Attributes:
        source: the name of the kind of source.
        reader: the JSON values of the reader.
        options: the JSON values of the decode options; ``None`` if only headers are read.
        pixels: the path of the pixel file.
        hashes: the path of the file of perceptual hashes.
        hash_bytes: the size of a perceptual hash with its checksum in bytes.
        known: the path of the sorted digests of images that need no decoding; empty if there are none.
        seconds_per_image: the time limit of one image.
    """

    source: str
    reader: dict[str, Any]
    options: dict[str, Any] | None
    pixels: str
    hashes: str
    hash_bytes: int
    known: str
    seconds_per_image: int

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="ascii")

    @classmethod
    def read(cls, path: Path) -> Setup:
        return cls(**json.loads(path.read_text(encoding="ascii")))


@dataclass(frozen=True)
class Task:
    """Images to decode.

    Attributes:
        number: the number of the task.
        positions: the positions of the images in the listing.
        row: the first row of the pixel file for them.
        mode: ``"reuse"`` decodes images whose content is not known, ``"decode"`` all images, ``"digest"`` none.
        n_deaths: the number of decode processes that ended during this task.
    """

    number: int
    positions: tuple[int, ...]
    row: int
    mode: Mode = "reuse"
    n_deaths: int = 0

    def as_line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Task:
        return cls(**{**values, "positions": tuple(values["positions"])})


@dataclass
class Done:
    """The result of a task. Decoded images fill the rows from ``task.row`` on, in the order of the task.

    Attributes:
        number: the number of the task.
        digests: the SHA-256 of the content of each image in hex; empty if the image cannot be read.
        decoded: the numbers of the images of the task that were decoded.
        exact: the hash of the pixels of each decoded image, in hex.
        constant: whether all pixels are equal, for each decoded image.
        headers: the different headers of the decoded images, as JSON text.
        header_ids: the number in ``headers`` for each decoded image.
        failures: number of the image in the task -> the reason, and whether it depends on the content alone.
    """

    number: int
    digests: list[str] = field(default_factory=list)
    decoded: list[int] = field(default_factory=list)
    exact: list[str] = field(default_factory=list)
    constant: list[bool] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    header_ids: list[int] = field(default_factory=list)
    failures: dict[int, tuple[str, bool]] = field(default_factory=dict)

    def as_line(self) -> str:
        return json.dumps(vars(self)) + "\n"  # asdict would copy each value

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Done:
        failures = {
            int(number): (reason, of_content) for number, (reason, of_content) in values["failures"].items()
        }
        return cls(**{**values, "failures": failures})


def content_digest(data: bytes | npt.NDArray[Any]) -> bytes:
    """Return the SHA-256 of the bytes of an image file, or of the dtype, shape and values of an array."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).digest()
    import numpy as np

    digest = hashlib.sha256(f"array {data.dtype.str} {data.shape}\n".encode("ascii"))
    digest.update(np.ascontiguousarray(data).reshape(-1).view(np.uint8).data)
    return digest.digest()
