"""The source of four published IDX files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.data.images import Part
from convstudy.data.sources.idx import IdxSource
from tests.data.conftest import Tiny
from tests.data.sources.conformance import Example, SourceConformance


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


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "c:d"])
def test_folder_name_with_a_path_raises(
    make_tiny: Callable[..., Tiny], folders: tuple[Path, Path], name: str
) -> None:
    source = make_tiny().info.source
    with pytest.raises(ValueError, match="must have a plain name"):
        IdxSource(name, source.train, source.test, source.mirrors)
