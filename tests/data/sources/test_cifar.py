"""The listing of CIFAR-10 and CIFAR-100, in the layout that their page documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convstudy.data.listing import SourceOptions
from convstudy.data.sources.cifar import LISTED_SOURCE
from convstudy.errors import DataError
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance
from tests.data.sources.listed import assert_lists, example_of, listed

N = 7
PIXELS = np.random.default_rng(0).integers(0, 256, (4 * N, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(4 * N, dtype=np.uint8) % 3
NAMES = ("airplane", "automobile", "bird")


def records(rows: slice, *labels: np.ndarray) -> bytes:
    """Return the records of some images: labels, then the planes of red, green and blue, row by row."""
    out = bytearray()
    for row in range(*rows.indices(len(PIXELS))):
        out += bytes(int(values[row]) for values in labels)
        for colour in range(3):
            out += PIXELS[row, :, :, colour].tobytes()
    return bytes(out)


@pytest.fixture
def cifar_10(tmp_path: Path) -> Path:
    for number, batch in enumerate(
        ("data_batch_2.bin", "data_batch_9.bin", "data_batch_10.bin", "test_batch.bin")
    ):
        (tmp_path / batch).write_bytes(records(slice(number * N, number * N + N), LABELS))
    (tmp_path / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    return tmp_path


@pytest.fixture
def cifar_100(tmp_path: Path) -> Path:
    coarse = LABELS % 2
    (tmp_path / "train.bin").write_bytes(records(slice(0, 3 * N), coarse, LABELS))
    (tmp_path / "test.bin").write_bytes(records(slice(3 * N, 4 * N), coarse, LABELS))
    (tmp_path / "fine_label_names.txt").write_text("\n".join(NAMES) + "\n")
    (tmp_path / "coarse_label_names.txt").write_text("vehicles\nanimals\n")
    return tmp_path


def parts(
    names: tuple[str, ...] = NAMES, labels: np.ndarray = LABELS
) -> dict[str, tuple[np.ndarray, list[str]]]:
    texts = [names[label] for label in labels.tolist()]
    return {"train": (PIXELS[: 3 * N], texts[: 3 * N]), "test": (PIXELS[3 * N :], texts[3 * N :])}


class TestCifar(ListedSourceConformance):
    """The files of CIFAR-10 pass the tests of all listed sources."""

    @pytest.fixture
    def listed_example(self, cifar_10: Path) -> ListedExample:
        return example_of(cifar_10, parts(), cifar_10 / "data_batch_2.bin")


def test_batches_are_in_the_order_of_their_numbers(cifar_10: Path) -> None:
    found = listed("cifar", cifar_10)
    assert_lists(found, "cifar", parts())
    missing = ", ".join(f"data_batch_{number}.bin" for number in (1, 3, 4, 5, 6))
    assert found.notes == (f"Missing files, whose images are not used: {missing} and 2 more.",)
    assert found.class_names == NAMES


def test_without_class_names_labels_are_numbers(cifar_10: Path) -> None:
    (cifar_10 / "batches.meta.txt").unlink()
    found = listed("cifar", cifar_10)
    assert_lists(found, "cifar", parts(("0", "1", "2")))
    assert found.class_names is None


def test_fine_labels_of_cifar_100_are_the_default_and_coarse_ones_an_option(cifar_100: Path) -> None:
    found = listed("cifar", cifar_100)
    assert_lists(found, "cifar", parts())
    assert found.notes == ('The fine labels of CIFAR-100 are used; label = "coarse" uses the coarse labels.',)
    found = listed("cifar", cifar_100, label="coarse")
    assert_lists(found, "cifar", parts(("vehicles", "animals"), LABELS % 2))
    with pytest.raises(DataError, match=r'dataset\.label must be one of "coarse", "fine"; got "course"'):
        listed("cifar", cifar_100, label="course")


@pytest.mark.parametrize("names", [("data_batch_1", "batches.meta", "test_batch"), ("train", "test", "meta")])
def test_pickled_version_is_refused_with_the_file_to_download(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"\x80\x02}q\x01.")
    assert LISTED_SOURCE.recognise(tmp_path)
    with pytest.raises(DataError, match="the Python version of CIFAR") as caught:
        listed("cifar", tmp_path)
    assert "binary version" in caught.value.problems[0].hint


def test_folders_called_train_test_and_meta_are_not_recognised(tmp_path: Path) -> None:
    for name in ("train", "test", "meta"):
        (tmp_path / name).mkdir()
    assert not LISTED_SOURCE.recognise(tmp_path)
    with pytest.raises(DataError, match="there are no files of CIFAR"):
        LISTED_SOURCE.listing(tmp_path, SourceOptions())


def test_damaged_files_raise_one_error_with_their_path(cifar_10: Path) -> None:
    path = cifar_10 / "data_batch_9.bin"
    content = path.read_bytes()
    for changed, what in (
        (content[:-1], "expected a multiple of 3,073 bytes; got 21,510 bytes"),
        (content + b"\0", "a multiple of 3,073 bytes"),
        (b"", "a wrong size"),
        (b"\x03" + content[1:], "a label has no class name; expected labels from 0 to 2"),
    ):
        path.write_bytes(changed)
        with pytest.raises(DataError, match=what) as caught:
            listed("cifar", cifar_10)
        (problem,) = caught.value.problems
        assert problem.where.file == str(path)
    (cifar_10 / "batches.meta.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="cannot read the class names"):
        listed("cifar", cifar_10)
