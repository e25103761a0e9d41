"""A dataset from arrays of a Python program: checked, and written as four ``.npy`` files where a run keeps it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from convstudy.atomic_write import atomic_write
from convstudy.data.images import Images, Part
from convstudy.data.parts import images_of, n_classes_of
from convstudy.data.source import Found, PartDigests
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.sources.npy import NpySource


@dataclass(frozen=True)
class MemorySource(PartDigests):
    """Arrays in the memory of this process. It is equal to another one of the same digests.

    No file describes it: :meth:`write` makes files of it, which other processes read.
    """

    train_digest: str
    test_digest: str
    train: Images = field(compare=False, repr=False)
    test: Images = field(compare=False, repr=False)

    @property
    def path(self) -> str:
        """Nothing: there is no file."""
        return ""

    def fetch(self, download: bool = True) -> None:
        """Do nothing: the images are in memory."""

    def read(self, part: Part) -> Images:
        """Return one part, after a check that the arrays are what they were."""
        images = self.train if part == "train" else self.test
        hint = "do not change the arrays after from_arrays"
        return self.verified(images, part, Location(subject="arrays"), hint)

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        """Return the labels of one part."""
        return (self.train if part == "train" else self.test).labels

    def as_json(self, folder: Path | None = None) -> NoReturn:
        """Raise :class:`DataError`."""
        what = "arrays in memory cannot be described by a file"
        raise DataError(Problem(what, hint="run_study writes them into the runs folder first"))

    @classmethod
    def from_json(cls, values: object, folder: Path) -> NoReturn:
        """Raise ``ValueError``."""
        raise ValueError("arrays in memory cannot be described by a file")

    def write(self, folder: Path) -> NpySource:
        """Write the arrays into a folder, and return them as the source that reads them there.

        Files that are there already with this content are verified and stay. Each new file is written as a whole: after
        any stop it is either there or not.

        Raises:
            DataError: where the arrays were changed since they became a dataset.
            OSError: where the folder cannot be written.
        """
        import numpy as np
        from numpy.lib import format as npy

        from convstudy.data.sources.npy import NpySource

        digests = self.train_digest, self.test_digest
        counts = len(self.train), len(self.test)
        source = NpySource(str(folder.absolute()), self.train.image_shape, *counts, *digests)
        parts: tuple[tuple[Part, Images], ...] = (("train", self.train), ("test", self.test))
        for part, images in parts:
            with suppress(DataError):
                source.read(part)
                continue
            self.read(part)  # they may have been changed since from_arrays
            for kind, array in (("images", images.pixels), ("labels", images.labels.astype("<i8"))):
                with atomic_write(folder / f"{part}-{kind}.npy") as partial, partial.open("wb") as file:
                    npy.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        return source


def found_in_arrays(x_train: object, y_train: object, x_test: object, y_test: object) -> Found:
    """Return what four arrays hold; see :meth:`convstudy.data.dataset.Dataset.from_arrays`."""
    train = images_of(_array(x_train, "x_train"), _array(y_train, "y_train"), _places("x_train", "y_train"))
    test = images_of(_array(x_test, "x_test"), _array(y_test, "y_test"), _places("x_test", "y_test"))
    n_classes = n_classes_of(train, test, Location(subject="arrays"))
    source = MemorySource(train.digest(), test.digest(), train, test)
    return Found(source, train.image_shape, len(train), len(test), n_classes)


def _places(pixels: str, labels: str) -> tuple[Location, Location]:
    """Return where two arguments are."""
    return Location(key=(pixels,)), Location(key=(labels,))


def _array(values: object, name: str) -> npt.NDArray[Any]:
    """Return an array; a list of lists becomes one."""
    import numpy as np

    where = Location(key=(name,))
    if type(values).__module__.partition(".")[0] == "torch":
        raise DataError(
            Problem("this must be a NumPy array", where, "a torch tensor", hint=f"{name}.numpy(force=True)")
        )
    try:
        array = np.asarray(values)
    except Exception as error:  # what an object of another library raises is not ours to know
        got = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(Problem("this must be a NumPy array", where, got)) from None
    if array.dtype == object and not array.ndim:
        raise DataError(Problem("this must be a NumPy array", where, type(values).__name__))
    # A subclass such as np.ma.MaskedArray may mean something else by its values.
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(Problem("this must be a plain array", where, "a masked array"))
    return array
