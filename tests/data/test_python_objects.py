"""Datasets of objects of torch, pandas, polars and Pillow, and of values that need a conversion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image

from convstudy.data import Dataset
from convstudy.data.decoding import DecodeOptions, decode
from convstudy.data.parts import numbered
from convstudy.errors import DataError
from tests.data.sources.conformance import ARRAYS, X_TEST, X_TRAIN, Y_TEST, Y_TRAIN

GREY, GREY_TEST = X_TRAIN[..., 0], X_TEST[..., 0]
NAMES = np.array(["cat", "ant", "émeu"])
DIGEST = Dataset.from_arrays(*ARRAYS).digest


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32, torch.float64])
def test_tensors_of_torch_give_the_dataset_of_their_arrays(dtype: torch.dtype) -> None:
    pixels = [torch.tensor(images).to(dtype) for images in (X_TRAIN, X_TEST)]
    if dtype.is_floating_point:
        pixels = [(images / 255).requires_grad_() for images in pixels]
    labels = [torch.tensor(each) for each in (Y_TRAIN, Y_TEST)]
    assert Dataset.from_arrays(pixels[0], labels[0], pixels[1], labels[1]).digest == DIGEST
    assert Dataset.from_arrays(list(pixels[0]), labels[0], list(pixels[1]), labels[1]).digest == DIGEST


def test_tensors_with_channels_first_raise_with_the_transpose() -> None:
    pixels = torch.zeros(9, 3, 8, 8)
    with pytest.raises(DataError, match="must be of shape") as caught:
        Dataset.from_arrays(pixels, Y_TRAIN, pixels[:5], Y_TEST)
    assert caught.value.problems[0].hint == "use x.transpose(0, 2, 3, 1)"


LABELS: dict[str, Callable[[Any], Any]] = {
    "list": list,
    "tuple": tuple,
    "NumPy": np.asarray,
    "NumPy column": lambda labels: np.asarray(labels)[:, None],
    "NumPy objects": lambda labels: np.array(labels, dtype=object),
    "pandas": lambda labels: pd.Series(labels, index=range(7, 7 + len(labels))),
    "pandas categories": lambda labels: pd.Series(labels, dtype="category"),
    "pandas index": pd.Index,
    "pandas table": lambda labels: pd.DataFrame({"label": labels}),
    "polars": pl.Series,
    "polars table": lambda labels: pl.DataFrame({"label": labels}),
    "polars categories": lambda labels: pl.Series(labels, dtype=pl.Categorical),
}


@pytest.mark.parametrize("name", LABELS)
def test_text_labels_become_classes_sorted_by_name(name: str) -> None:
    make = LABELS[name]
    dataset = Dataset.from_arrays(
        X_TRAIN, make(NAMES[Y_TRAIN].tolist()), X_TEST, make(NAMES[Y_TEST].tolist())
    )
    assert dataset.class_names == ("ant", "cat", "émeu")
    expected = np.array([1, 0, 2])[Y_TRAIN]
    assert dataset.load_labels("train").tolist() == expected.tolist()
    assert dataset.load_labels("test").tolist() == np.array([1, 0, 2])[Y_TEST].tolist()


@pytest.mark.parametrize("make", [pd.Series, pl.Series, lambda labels: pd.Series(labels, dtype="Int64")])
def test_columns_of_integers_give_the_dataset_of_their_arrays(make: Any) -> None:
    dataset = Dataset.from_arrays(X_TRAIN, make(Y_TRAIN.tolist()), X_TEST, make(Y_TEST.tolist()))
    assert dataset.digest == DIGEST


def test_numeric_text_labels_sort_as_numbers_and_class_names_give_another_order() -> None:
    texts = np.array(["10", "9", "1"])
    columns = (X_TRAIN, texts[Y_TRAIN], X_TEST, texts[Y_TEST])
    assert Dataset.from_arrays(*columns).class_names == ("1", "9", "10")
    dataset = Dataset.from_arrays(*columns, class_names=["10", "9", "1"])
    assert dataset.class_names == ("10", "9", "1") and dataset.digest == DIGEST


def test_booleans_are_two_classes() -> None:
    dataset = Dataset.from_arrays(X_TRAIN, Y_TRAIN == 1, X_TEST, pd.Series(Y_TEST == 1))
    assert dataset.class_names == ("False", "True")
    assert dataset.load_labels("train").tolist() == (Y_TRAIN == 1).astype(int).tolist()


CONVERTED: dict[str, tuple[Any, Any]] = {
    "float64 to 1": (X_TRAIN / 255, X_TEST / 255),
    "float32 to 1": ((X_TRAIN / 255).astype(np.float32), (X_TEST / 255).astype(np.float32)),
    "two widths of floats": ((X_TRAIN / 255).astype(np.float32), X_TEST / 255),
    "floats to 255": (X_TRAIN.astype(np.float32), X_TEST.astype(np.float32)),
    "int64": (X_TRAIN.astype(np.int64), X_TEST.astype(np.int64)),
    "int64 and uint8": (X_TRAIN.astype(np.int64), X_TEST),
    "uint16 to 255": (X_TRAIN.astype(np.uint16), X_TEST.astype(np.uint16)),
    "uint16": (X_TRAIN.astype(np.uint16) * 257, X_TEST.astype(np.uint16) * 257),
    "big-endian uint16": (X_TRAIN.astype(">u2") * 257, X_TEST.astype(">u2") * 257),
    "lists": (X_TRAIN.tolist(), X_TEST.tolist()),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_values_with_one_reading_are_converted(name: str) -> None:
    x_train, x_test = CONVERTED[name]
    assert Dataset.from_arrays(x_train, Y_TRAIN, x_test, Y_TEST).digest == DIGEST


@pytest.mark.parametrize("dtype", ["bool", "uint16", "float32"])
def test_conversion_gives_the_pixels_of_the_decoder(dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = {
        "bool": rng.integers(0, 2, (9, 4, 3)).astype(bool),
        "uint16": rng.integers(0, 65_536, (9, 4, 3), dtype=np.uint16),
        "float32": rng.random((9, 4, 3), dtype=np.float32),
    }[dtype]
    images = Dataset.from_arrays(values, Y_TRAIN, values[:5], Y_TEST).load().train.pixels
    expected = [decode(image, DecodeOptions((4, 3), 1)).pixels for image in values]
    assert np.array_equal(images, np.stack(expected))


def test_rows_of_pixels_become_square_images() -> None:
    """scikit-learn's ``fetch_openml("mnist_784")`` returns a table of 784 columns and labels as categories of text."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.integers(0, 256, (14, 784)), columns=[f"pixel{i + 1}" for i in range(784)])
    labels = pd.Series(np.array(["5", "0", "4"])[np.concatenate([Y_TRAIN, Y_TEST])], dtype="category")
    dataset = Dataset.from_arrays(rows[:9], labels[:9], rows[9:], labels[9:])
    assert dataset.image_shape == (28, 28, 1) and dataset.class_names == ("0", "4", "5")
    assert np.array_equal(dataset.load().train.pixels.reshape(9, 784), rows[:9].to_numpy())


@pytest.mark.parametrize("mode", ["L", "RGB", "1", "I;16"])
def test_lists_of_pillow_images_are_stacked(mode: str) -> None:
    pixels = {
        "L": GREY,
        "RGB": np.random.default_rng(0).integers(0, 256, (9, 4, 3, 3), dtype=np.uint8),
        "1": GREY > 127,
        "I;16": GREY.astype(np.uint16) * 257,
    }[mode]
    images = [Image.fromarray(image) for image in pixels]
    assert {image.mode for image in images} == {mode}
    dataset = Dataset.from_arrays(images, Y_TRAIN, images[:5], Y_TEST)
    assert dataset.digest == Dataset.from_arrays(pixels, Y_TRAIN, pixels[:5], Y_TEST).digest


def test_pillow_images_of_other_modes_or_sizes_raise_with_a_hint() -> None:
    images = [Image.fromarray(image) for image in GREY]
    for other, what, hint in (
        (images[0].convert("P"), "x_train must be images of the modes", 'image.convert("RGB")'),
        (images[0].convert("RGBA"), "got mode RGBA", 'image.convert("RGB")'),
        (images[0].resize((5, 5)), "all images must have the same shape", "save them as files"),
    ):
        with pytest.raises(DataError, match=what) as caught:
            Dataset.from_arrays([*images[:8], other], Y_TRAIN, images[:5], Y_TEST)
        assert hint in caught.value.problems[0].hint


def test_range_of_values_is_decided_by_the_training_images_alone() -> None:
    """A brighter test image must not change the training images."""
    dark = X_TRAIN.astype(np.float32) / 16
    with pytest.raises(DataError, match="x_train: images must be uint8"):
        Dataset.from_arrays(dark, Y_TRAIN, X_TEST.astype(np.float32), Y_TEST)
    with pytest.raises(DataError, match="x_test: test images must be from 0 to 1"):
        Dataset.from_arrays(X_TRAIN / 255, Y_TRAIN, X_TEST.astype(float), Y_TEST)
    with pytest.raises(DataError, match="x_test: test images must be from 0 to 1"):
        Dataset.from_arrays(X_TRAIN / 255, Y_TRAIN, X_TEST * np.nan, Y_TEST)


def many(n: int = 60, n_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.random.default_rng(1).integers(0, 256, (n, 6, 5), dtype=np.uint8)
    return pixels, np.arange(n) % n_classes


def parts_of(dataset: Dataset) -> tuple[list[bytes], list[bytes]]:
    loaded = dataset.load()
    parts = loaded.train, loaded.test.open(lambda: None)
    return [image.tobytes() for image in parts[0].pixels], [image.tobytes() for image in parts[1].pixels]


def test_without_test_images_a_stratified_part_is_set_aside_and_stays() -> None:
    pixels, labels = many()
    dataset = Dataset.from_arrays(pixels, labels, test=0.25)
    assert (dataset.n_train, dataset.n_test, dataset.n_groups) == (45, 15, 0)
    assert np.bincount(dataset.load_labels("test")).tolist() == [5, 5, 5]
    train, test = parts_of(dataset)
    assert sorted(train + test) == sorted(image.tobytes() for image in pixels)
    assert Dataset.from_arrays(pixels, labels, test=0.25).digest == dataset.digest
    names = np.array(["b", "a", "c"])
    named = Dataset.from_arrays(pixels, names[labels], test=0.25)
    assert named.class_names == ("a", "b", "c") and (named.n_train, named.n_test) == (45, 15)


def test_groups_and_near_duplicates_stay_whole_when_a_test_part_is_set_aside() -> None:
    pixels, labels = many()
    patients = [f"p{row // 3}" for row in range(60)]
    weights = 1 + np.arange(60) / 60
    dataset = Dataset.from_arrays(pixels, labels, groups=patients, sample_weight=weights)
    train, test = parts_of(dataset)
    of = {image.tobytes(): row for row, image in enumerate(pixels)}
    assert not {patients[of[image]] for image in train} & {patients[of[image]] for image in test}
    found = dataset.load_groups("train")
    assert found is not None and dataset.n_groups == len(set(found.tolist())) == dataset.n_train // 3
    assert np.array_equal(found, numbered(found))
    used = dataset.load().train.weights
    assert used is not None and np.allclose(used, [weights[of[image]] for image in train])
    pixels[30:] = pixels[:30]
    pixels[30:, 0, 0] ^= 1
    dataset = Dataset.from_arrays(pixels, np.tile(labels[:30], 2))
    train, test = parts_of(dataset)
    of = {image.tobytes(): row % 30 for row, image in enumerate(pixels)}
    assert not {of[image] for image in train} & {of[image] for image in test}
    assert dataset.n_groups == dataset.n_train // 2


def test_range_is_that_of_the_training_images_also_if_the_test_part_is_set_aside() -> None:
    pixels, labels = many()
    dataset = Dataset.from_arrays(pixels, labels)
    assert Dataset.from_arrays(pixels / 255, labels).digest == dataset.digest
    _, test = parts_of(dataset)
    is_test = np.array([image.tobytes() in set(test) for image in pixels])
    dark = pixels.astype(np.float32)
    dark[~is_test] //= 4
    with pytest.raises(DataError, match="the range of the training images is in doubt"):
        Dataset.from_arrays(dark, labels)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"test": 0}, r"test must be a number in \(0, 1\); got 0"),
        ({"test": "0.2"}, r"test must be a number in \(0, 1\)"),
        ({"x_test": X_TEST}, "y_test: test images and test labels must be given together"),
        ({"y_test": Y_TEST}, "x_test: test images and test labels must be given together"),
        ({"y_train": [*range(59), 0]}, "class"),
        ({"groups": ["all"] * 60}, "group"),
    ],
)
def test_part_that_cannot_be_set_aside_is_an_error(changes: dict[str, Any], what: str) -> None:
    pixels, labels = many()
    with pytest.raises(DataError, match=what):
        Dataset.from_arrays(**{"x_train": pixels, "y_train": labels, **changes})
