"""The source of four published IDX files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convstudy.data.images import Part
from convstudy.data.sources.idx import IdxSource
from tests.data.conftest import Tiny
from tests.data.sources.conformance import X_TRAIN, Y_TRAIN, Example, SourceConformance
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance
from tests.data.sources.listed import example_of
from tests.data.test_idx_files import write_idx


class TestIdx(SourceConformance):
    """An IDX source passes the tests of all sources."""

    @pytest.fixture
    def example(self, make_tiny: Callable[..., Tiny], folders: tuple[Path, Path]) -> Example:
        tiny = make_tiny()
        folder = tiny.write(folders[0], plain=True)

        def damage(part: Part) -> None:
            path = folder / f"{part}-images"
            path.write_bytes(path.read_bytes()[:-1] + b"\xff")

        return Example(tiny.info, folder, damage, labels_are_apart=True)


class TestListedIdx(ListedSourceConformance):
    """IDX files of a user pass the tests of all listed sources."""

    @pytest.fixture(params=["", ".gz"])
    def listed_example(self, tmp_path: Path, request: pytest.FixtureRequest) -> ListedExample:
        write_idx(tmp_path / f"train-images-idx3-ubyte{request.param}", X_TRAIN[..., 0])
        write_idx(tmp_path / f"train-labels-idx1-ubyte{request.param}", Y_TRAIN.astype(np.uint8))
        parts = {"train": (X_TRAIN[..., 0], Y_TRAIN)}
        return example_of(tmp_path, parts, tmp_path / f"train-images-idx3-ubyte{request.param}")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "c:d"])
def test_folder_name_with_a_path_raises(
    make_tiny: Callable[..., Tiny], folders: tuple[Path, Path], name: str
) -> None:
    source = make_tiny().info.source
    with pytest.raises(ValueError, match="must have a plain name"):
        IdxSource(name, source.train, source.test, source.mirrors)
