"""The tests that all listed sources share. The test of a source is a subclass with an example."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from convstudy.data.class_names import class_name_problems
from convstudy.data.detect import detect
from convstudy.data.listing import ListedSource, Listing, SourceOptions
from convstudy.data.sources import LISTED_SOURCES
from convstudy.errors import DataError

READ_ELSEWHERE = """
import hashlib, json, sys
from convstudy.data.sources import LISTED_SOURCES
name, values, n = json.loads(sys.stdin.read())
reader = LISTED_SOURCES[name].reader(values)
for position in reversed(range(n)):
    image = reader.read(position)
    print(hashlib.sha256(image if isinstance(image, bytes) else image.tobytes()).hexdigest())
"""


@dataclass(frozen=True)
class ListedExample:
    """Images at a path.

    Args:
        path: the path of the source.
        images: name -> the bytes of the image file, or its pixels.
        labels: name -> class name.
        options: the options with which it is read.
        change: changes the images; the stamps must then differ.
        remove: name -> makes this image impossible to read; ``None`` if all images are in one file.
    """

    path: Path
    images: dict[str, bytes | np.ndarray]
    labels: dict[str, str]
    change: Callable[[], object]
    remove: Callable[[str], object] | None = None
    options: SourceOptions = field(default_factory=SourceOptions)

    @property
    def kind(self) -> ListedSource:
        return detect(self.path)

    def listed(self) -> Listing:
        return self.kind.listing(self.path, self.options)


class ListedSourceConformance:
    """The tests that all listed sources share; a subclass has a fixture ``listed_example``."""

    def test_images_have_their_names_labels_and_content(self, listed_example: ListedExample) -> None:
        listing = listed_example.listed()
        assert len(set(listing.names)) == len(listing) >= 4
        assert dict(zip(listing.names, listing.labels, strict=True)) == listed_example.labels
        assert len(set(listed_example.labels.values())) >= 2
        for position, name in enumerate(listing.names):
            assert _equal(listing.reader.read(position), listed_example.images[name])
        assert class_name_problems({label for label in listing.labels if label is not None}) == ()

    def test_source_is_detected_and_can_be_named(self, listed_example: ListedExample) -> None:
        kind = listed_example.kind
        assert LISTED_SOURCES[kind.name] is kind
        assert detect(listed_example.path, kind.name) is kind
        assert kind.path_form.startswith(("a ", "an ", "one "))

    def test_recognise_of_any_path_does_not_raise(
        self, listed_example: ListedExample, tmp_path: Path
    ) -> None:
        empty, text, folder = tmp_path / "an-empty-file", tmp_path / "text", tmp_path / "an-empty-folder"
        empty.touch()
        text.write_bytes(b"\xff\x00text\n" * 100)
        folder.mkdir()
        for path in (empty, text, tmp_path / "nowhere", tmp_path / ("a" * 300), tmp_path / "a\0b"):
            assert listed_example.kind.recognise(path) is False
        assert listed_example.kind.recognise(folder) in (True, False)

    def test_listing_again_gives_the_same(self, listed_example: ListedExample) -> None:
        first, second = listed_example.listed(), listed_example.listed()
        assert list(first.names) == list(second.names)
        assert list(first.labels) == list(second.labels)
        assert first.reader.as_json() == second.reader.as_json()

    def test_reader_from_json_reads_the_same_in_another_process(self, listed_example: ListedExample) -> None:
        listing, kind = listed_example.listed(), listed_example.kind
        text = json.dumps([kind.name, listing.reader.as_json(), len(listing)])
        copy = kind.reader(json.loads(text)[1])
        assert copy.as_json() == listing.reader.as_json()
        command = [sys.executable, "-c", READ_ELSEWHERE]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        expected = [_digest(listing.reader.read(position)) for position in reversed(range(len(listing)))]
        assert done.stdout.split() == expected

    def test_threads_read_the_same(self, listed_example: ListedExample) -> None:
        listing = listed_example.listed()
        positions = list(range(len(listing))) * 20
        with ThreadPoolExecutor(8) as threads:
            for position, image in zip(positions, threads.map(listing.reader.read, positions), strict=True):
                assert _equal(image, listed_example.images[listing.names[position]])

    def test_stamps_change_with_the_images_and_not_otherwise(self, listed_example: ListedExample) -> None:
        reader = listed_example.listed().reader
        positions = range(len(listed_example.images))
        before = [reader.stamp(position) for position in positions]
        assert before == [listed_example.listed().reader.stamp(position) for position in positions]
        assert reader.stamps().tolist() == [list(stamp) for stamp in before]
        listed_example.change()
        assert before != [listed_example.listed().reader.stamp(position) for position in positions]

    def test_missing_image_raises_when_it_is_read_and_others_are_read(
        self, listed_example: ListedExample
    ) -> None:
        if listed_example.remove is None:
            pytest.skip("all images are in one file")
        listing = listed_example.listed()
        listed_example.remove(listing.names[1])
        for position, name in enumerate(listing.names):
            if position == 1:
                with pytest.raises(DataError):
                    listing.reader.read(position)
            else:
                assert _equal(listing.reader.read(position), listed_example.images[name])
        assert (listing.reader.stamps() == -1).all(axis=1).tolist() == [
            position == 1 for position in range(len(listing))
        ]

    def test_each_option_of_the_source_exists(self, listed_example: ListedExample) -> None:
        options = listed_example.kind.options
        assert replace(SourceOptions(), **dict.fromkeys(options, None)) is not None


def _equal(image: bytes | np.ndarray, other: bytes | np.ndarray) -> bool:
    if isinstance(image, bytes):
        return image == other
    return isinstance(other, np.ndarray) and image.dtype == other.dtype and np.array_equal(image, other)


def _digest(image: bytes | np.ndarray) -> str:
    return hashlib.sha256(image if isinstance(image, bytes) else image.tobytes()).hexdigest()
