"""A dataset of arrays in memory, which a run writes as four ``.npy`` files into its runs folder."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from convstudy.atomic_write import atomic_write
from convstudy.data.images import Images, Part
from convstudy.data.parts import checked_images, checked_n_classes
from convstudy.data.source import Found, PartDigests
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.sources.npy import NpySource


@dataclass(frozen=True)
class MemorySource(PartDigests):
    """Arrays in the memory of this process. Two sources are equal if their digests are equal.

    JSON cannot describe this source; :meth:`write` writes files that other processes can read.
    """

    train_digest: str
    test_digest: str
    train: Images = field(compare=False, repr=False)
    test: Images = field(compare=False, repr=False)

    @property
    def path(self) -> str:
        return ""

    def fetch(self, download: bool = True) -> None:
        """Do nothing, because the images are in memory."""

    def read(self, part: Part) -> Images:
        """Return the training or test images; raise :class:`DataError` if their arrays have been changed."""
        images = self.train if part == "train" else self.test
        hint = "do not change the arrays after from_arrays"
        return self.verified(images, part, Location(subject="arrays"), hint)

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        return (self.train if part == "train" else self.test).labels

    def as_json(self, folder: Path | None = None) -> NoReturn:
        """Raise :class:`DataError`."""
        what = "arrays in memory cannot be described in JSON"
        raise DataError(Problem(what, hint="run_study writes them into the runs folder first"))

    @classmethod
    def from_json(cls, values: object, folder: Path) -> NoReturn:
        """Raise ``ValueError``."""
        raise ValueError("arrays in memory cannot be described in JSON")

    def write(self, folder: Path) -> NpySource:
        """Write the arrays into a folder and return the source that reads them from there.

        Existing files with this content are verified and kept. Each file is written atomically.

        Raises:
            DataError: if the arrays have been changed since ``from_arrays``.
            OSError: if the folder cannot be written.
        """
        import numpy as np
        from numpy.lib import format as npy

        from convstudy.data.sources.npy import NpySource

        digests = self.train_digest, self.test_digest
        counts = len(self.train), len(self.test)
        source = NpySource(str(folder.absolute()), self.train.image_shape, *counts, *digests)
        parts: tuple[tuple[Part, Images], ...] = (("train", self.train), ("test", self.test))
        for part, images in parts:
            # Files of an earlier run are kept if their digest is right, and written again if it is not.
            with suppress(DataError):
                source.read(part)
                continue
            self.read(part)  # raises if the arrays have been changed since from_arrays
            for kind, array in (("images", images.pixels), ("labels", images.labels.astype("<i8"))):
                # C order, because PixelFile reads single images from consecutive bytes.
                with atomic_write(folder / f"{part}-{kind}.npy") as partial, partial.open("wb") as file:
                    npy.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        return source


def found_in_arrays(x_train: object, y_train: object, x_test: object, y_test: object) -> Found:
    """Return the source of four arrays and its sizes; see :meth:`convstudy.data.dataset.Dataset.from_arrays`."""
    train = checked_images(
        _array(x_train, "x_train"), _array(y_train, "y_train"), _places("x_train", "y_train")
    )
    test = checked_images(_array(x_test, "x_test"), _array(y_test, "y_test"), _places("x_test", "y_test"))
    n_classes = checked_n_classes(train, test, Location(subject="arrays"))
    source = MemorySource(train.digest(), test.digest(), train, test)
    return Found(source, train.image_shape, len(train), len(test), n_classes)


def _places(pixels: str, labels: str) -> tuple[Location, Location]:
    return Location(key=(pixels,)), Location(key=(labels,))


def _array(values: object, name: str) -> npt.NDArray[Any]:
    """Convert an argument, such as a list of lists, to a NumPy array; raise :class:`DataError` if this fails."""
    import numpy as np

    where = Location(key=(name,))
    # A torch tensor is recognised by the name of its module, so that torch is not imported here.
    if type(values).__module__.partition(".")[0] == "torch":
        hint = f"use {name}.numpy(force=True)"
        raise DataError(Problem(where=where, expected="a NumPy array", got="a torch tensor", hint=hint))
    try:
        array = np.asarray(values)
    except Exception as error:  # an object of another library can raise any exception here
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(Problem(f"this cannot become a NumPy array: {reason}", where)) from None
    if array.dtype == object and not array.ndim:
        raise DataError(Problem(where=where, expected="a NumPy array", got=type(values).__name__))
    # asarray would drop the mask and use the masked values.
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(Problem(where=where, expected="an array without a mask", got="a masked array"))
    return array
