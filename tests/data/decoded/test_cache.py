"""What is decoded, and what comes from the cache."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convstudy.data.decoded import decode_images, probe_images
from convstudy.data.decoded import state as states
from convstudy.data.decoded.index import read_index, write_index
from convstudy.data.decoding import DecodeOptions, probe
from convstudy.data.listing import SourceOptions
from convstudy.errors import DataError
from tests.data.decoded.photos import OPTIONS, Photos, check, list_folder, make_folder, png


def test_first_call_decodes_all_images_and_second_call_none(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    with photos.decode(folder) as decoded:
        assert decoded.n_decoded == 12
        assert photos.progress[0] == (0, 12) and photos.progress[-1] == (12, 12)
        check(decoded)
        assert decoded.headers[0] == probe(png(1))  # the listing is sorted: cat/001.png is first
    with photos.decode(folder) as decoded:
        assert decoded.n_decoded == 0 and photos.progress == []
        check(decoded)


def test_two_processes_give_the_results_of_one(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 40)
    with photos.decode(folder, n_workers=2) as decoded:
        assert decoded.n_decoded == 40
        check(decoded)


def test_only_a_changed_file_is_decoded_again(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    (folder / "dog" / "004.png").write_bytes(png(100, (20, 30)))
    assert photos.n_decoded(folder) == 1
    assert photos.progress[-1] == (1, 1)
    assert photos.n_decoded(folder) == 0


def test_new_files_are_decoded_and_vanished_files_are_dropped(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    (folder / "dog" / "004.png").unlink()
    (folder / "dog" / "zebra.png").write_bytes(png(101))
    assert photos.n_decoded(folder) == 1
    with photos.decode(folder) as decoded:
        assert len(decoded) == 12 and "dog/004.png" not in decoded.listing.names


def test_file_with_new_time_and_equal_content_is_read_but_not_decoded(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    os.utime(folder / "dog" / "004.png", ns=(1, 1))
    assert photos.n_decoded(folder) == 0
    assert photos.progress[-1] == (1, 1)


def test_renamed_files_and_moved_folder_decode_nothing(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    (folder / "dog" / "bad.png").write_bytes(b"no image")
    photos.n_decoded(folder)
    (folder / "dog").rename(folder / "wolf")
    assert photos.n_decoded(folder) == 0
    moved = folder.rename(tmp_path / "moved")
    with photos.decode(moved) as decoded:
        assert decoded.n_decoded == 0 and len(photos.progress) > 1
        assert list(decoded.failures) == [decoded.listing.names.index("wolf/bad.png")]
        check(decoded)
    # The copy does not need the first entry.
    shutil.rmtree(next(each for each in photos.entries if str(folder) in (each / "entry.json").read_text()))
    assert photos.n_decoded(moved) == 0 and photos.progress == []


def test_other_options_decode_all_images_and_keep_the_first_ones(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    for options in (
        replace(OPTIONS, size=(6, 9)),
        replace(OPTIONS, channels=1),
        replace(OPTIONS, fit="pad"),
        replace(OPTIONS, invert=True),
    ):
        assert photos.n_decoded(folder, options) == 12
    assert photos.n_decoded(folder) == 0


def test_other_decoder_version_decodes_all_images(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    monkeypatch.setattr("convstudy.data.decoding.DECODER_VERSION", 1_000)
    assert photos.n_decoded(folder) == 12


def test_other_source_options_do_not_trust_the_stamps(photos: Photos, tmp_path: Path) -> None:
    # Another column of images has other images under the same names and stamps.
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    photos.decode(folder, source_options=SourceOptions(image="left")).close()
    assert photos.progress[-1] == (12, 12)


def test_failures_are_kept_and_tried_again_when_the_file_changes(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 4)
    bad = folder / "cat" / "bad.png"
    bad.write_bytes(png(5)[:100])
    with photos.decode(folder) as decoded:
        position = decoded.listing.names.index("cat/bad.png")
        assert list(decoded.failures) == [position]
        reason = decoded.failures[position]
        assert decoded.headers[position] is None
        with pytest.raises(DataError, match=r"cat/bad\.png"):
            decoded.pixels(np.array([0, position]))
    with photos.decode(folder) as decoded:
        assert decoded.failures == {position: reason} and photos.progress == []
    bad.write_bytes(png(5))
    with photos.decode(folder) as decoded:
        assert decoded.failures == {} and decoded.n_decoded == 1


def test_failures_are_tried_again_with_other_libraries(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "photos", 4)
    (folder / "cat" / "bad.png").write_bytes(b"no image")
    photos.n_decoded(folder)
    path = photos.entries[0] / "index"
    index = read_index(path)
    assert index is not None
    write_index(replace(index, failures=("needs another library",)), path)
    with photos.decode(folder) as decoded:
        assert list(decoded.failures.values()) == ["needs another library"]
    monkeypatch.setattr(states, "LIBRARIES", ("pillow", "pytest"))
    with photos.decode(folder) as decoded:
        assert photos.progress[-1] == (1, 1)
        assert list(decoded.failures.values()) == list(index.failures)


def test_file_that_cannot_be_read_is_a_failure_of_this_call_only(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 4)
    link = folder / "cat" / "link.png"
    link.symlink_to(tmp_path / "target.png")
    listing = list_folder(folder)
    with decode_images(listing, "folder", folder, OPTIONS, cache=photos.cache, n_workers=1) as decoded:
        (reason,) = decoded.failures.values()
        assert reason == "cannot be read: this symbolic link leads to no file"
    (tmp_path / "target.png").write_bytes(png(9))
    with decode_images(listing, "folder", folder, OPTIONS, cache=photos.cache, n_workers=1) as decoded:
        assert decoded.failures == {} and decoded.n_decoded == 1


def test_headers_are_kept_without_pixels(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 5)
    (folder / "cat" / "bad.png").write_bytes(b"no image")
    listing = list_folder(folder)
    for n_read in (5, 0):
        with probe_images(listing, "folder", folder, cache=photos.cache, n_workers=1) as probed:
            assert probed.n_decoded == n_read
            assert len(probed.failures) == 1
            bad = listing.names.index("cat/bad.png")
            found = [header for position, header in enumerate(probed.headers) if position != bad]
            assert found == [probe(png(0))] * 5
    # Another number of channels or size needs no header again.
    assert photos.n_decoded(folder) == 5


def test_headers_of_more_images_than_unused_rows_are_kept(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convstudy.data.decoded.decode.MIN_UNUSED_ROWS", 2)
    folder = make_folder(tmp_path / "photos", 6)
    for n_read in (6, 1, 0):
        with probe_images(list_folder(folder), "folder", folder, cache=photos.cache, n_workers=1) as probed:
            assert probed.n_decoded == n_read and len(probed.headers) == 6
        if n_read == 6:
            (folder / "dog" / "004.png").write_bytes(png(100))


def test_equal_files_have_equal_pixels_and_digests(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 4)
    (folder / "cat" / "copy.png").write_bytes(png(0))
    assert photos.n_decoded(folder) == 5
    (folder / "cat" / "another.png").write_bytes(png(0))
    assert photos.n_decoded(folder) == 0


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "missing", "not an index"])
def test_damaged_index_is_rebuilt(photos: Photos, tmp_path: Path, damage: str) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    index = photos.entries[0] / "index"
    content = bytearray(index.read_bytes())
    content[-40] ^= 1
    index.write_bytes(
        {"cut": content[:-1], "changed": content, "empty": b"", "missing": b"", "not an index": b"x" * 99}[
            damage
        ]
    )
    if damage == "missing":
        index.unlink()
    assert photos.n_decoded(folder) == 12
    assert photos.n_decoded(folder) == 0


def test_missing_or_short_pixel_file_is_rebuilt(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    pixels = photos.entries[0] / "pixels-0"
    pixels.unlink()
    assert photos.n_decoded(folder) == 12
    os.truncate(pixels, 500)
    assert photos.n_decoded(folder) == 12
    (photos.entries[0] / "hashes-0").unlink()
    assert photos.n_decoded(folder) == 12


def test_damaged_pixels_are_decoded_again_when_they_are_read(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    for name, row_bytes, rows in (("pixels-0", 192, (3, 5)), ("hashes-0", 256, (5, 6))):
        with (photos.entries[0] / name).open("rb+") as file:
            for row in rows:
                file.seek(row * row_bytes + 7)
                file.write(b"\0\1\2\3\4\5\6\7")
    with photos.decode(folder) as decoded:
        assert decoded.n_decoded == 0
        check(decoded)
        assert decoded.n_decoded == 3
    assert photos.n_decoded(folder) == 0


def test_damaged_pixels_of_a_moved_folder_are_decoded_again(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    with (photos.entries[0] / "pixels-0").open("rb+") as file:
        file.write(b"\0\1\2\3\4\5\6\7")
    assert photos.n_decoded(folder.rename(tmp_path / "moved")) == 1
    assert photos.progress[-1] == (12, 12)


def test_pixel_file_is_written_again_when_most_rows_are_unused(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convstudy.data.decoded.decode.MIN_UNUSED_ROWS", 2)
    folder = make_folder(tmp_path / "photos", 4)
    with photos.decode(folder) as reader:
        for number in range(3):
            for place, file in enumerate(sorted(folder.rglob("*.png"))):
                file.write_bytes(png(100 + 4 * number + place))
            assert photos.n_decoded(folder) == 4
        n_rows = [path.stat().st_size / 192 for path in photos.entries[0].glob("pixels-*")]
        assert len(n_rows) == 1 and n_rows[0] < 12
        # A process that has the old file open still reads the old pixels.
        assert reader.pixels(np.arange(4)).shape == (4, 8, 8, 3)


def test_order_of_positions_and_repeats_are_kept(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    with photos.decode(folder) as decoded:
        rows = np.array([5, 5, 0, 1, 2, 11])
        whole = decoded.pixels(np.arange(12))
        assert np.array_equal(decoded.pixels(rows), whole[rows])
        pieces = list(decoded.pieces(rows, n_bytes=2 * 192))
        assert [len(piece) for piece in pieces] == [2, 2, 2]
        assert np.array_equal(np.concatenate(pieces), whole[rows])
        assert decoded.pixels(np.array([], dtype=np.int64)).shape == (0, 8, 8, 3)


def test_disk_without_space_is_one_error_before_decoding(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "photos")
    usage = type("Usage", (), {"total": 10**12, "free": 100})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(DataError, match=r"too little free space.*0\.0 MB") as caught:
        photos.decode(folder)
    assert "CONVSTUDY_CACHE" in str(caught.value) and photos.progress == []


def test_cache_that_cannot_be_written_is_one_error(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 2)
    photos.cache.write_text("a file")
    with pytest.raises(DataError, match="the cache cannot be written") as caught:
        photos.decode(folder)
    assert "hint: " in str(caught.value)


def test_large_images_and_wide_hashes(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos", 3)
    assert photos.n_decoded(folder, DecodeOptions(size=(1024, 700), channels=3)) == 3
    assert photos.n_decoded(folder, DecodeOptions(size=(1, 3), channels=1)) == 3
