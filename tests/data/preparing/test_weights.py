"""Weights of a table's images reach the training images, and only those."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convstudy.data.listing import SourceOptions
from convstudy.data.preparing.prepare import prepare
from convstudy.data.preparing.request import DatasetRequest
from convstudy.errors import DataError

N = 30


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a CSV of 30 images of two classes whose weights are 1, 2, 3, …"""
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    lines = ["path,label,weight"]
    for number in range(N):
        Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'ab'[number % 2]},{number + 1}")
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def request(path: Path, **changes: Any) -> DatasetRequest:
    return DatasetRequest(path=path, name="table", **changes)


def test_each_training_image_has_its_weight_and_test_images_have_none(table: Path) -> None:
    dataset = prepare(request(table))
    train, test = dataset.load().train, dataset.source.read("test")
    assert train.weights is not None and test.weights is None
    for pixels, weight in zip(train.pixels, train.weights.tolist(), strict=True):
        stored = np.asarray(Image.open(table.parent / f"{int(weight) - 1}.png"))
        assert np.array_equal(pixels[..., 0], stored)
    assert dataset.digest != prepare(request(table, options=SourceOptions(weight=""))).digest


@pytest.mark.parametrize("weight", ["1e60", "1e-60"])
def test_weight_that_float32_cannot_hold_is_an_error_of_the_key(table: Path, weight: str) -> None:
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("4.png,a,5\n", f"4.png,a,{weight}\n"), encoding="utf-8")
    with pytest.raises(DataError, match="weights must be positive and finite") as caught:
        prepare(request(table))
    (problem,) = caught.value.problems
    assert problem.where.key == ("dataset", "weight")
    assert problem.got == f"{float(weight)} for image 4"
