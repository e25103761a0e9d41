"""``convstudy data verify``: files with other content under the same stamp, and damaged pixels."""

from __future__ import annotations

import os
from pathlib import Path

from convstudy.data.decoded import Difference, Verified, verify_images
from tests.data.decoded.photos import OPTIONS, Photos, list_folder, make_folder, png


def _verify(photos: Photos, folder: Path) -> Verified:
    return verify_images(list_folder(folder), "folder", folder, OPTIONS, cache=photos.cache, n_workers=1)


def test_unchanged_images_have_no_differences(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    assert _verify(photos, folder) == Verified(0, 12, ())
    (folder / "cat" / "bad.png").write_bytes(b"no image")
    photos.n_decoded(folder)
    (folder / "cat" / "new.png").write_bytes(png(99))
    assert _verify(photos, folder) == Verified(13, 1, ())
    (folder / "cat" / "new.png").unlink()
    assert photos.n_decoded(folder) == 0


def test_differences_are_found_and_decoded_at_the_next_start(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    changed = folder / "dog" / "004.png"
    status, content = changed.stat(), bytearray(changed.read_bytes())
    content[60] ^= 1  # the file keeps its size, time and inode
    with changed.open("rb+") as file:
        file.write(content)
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    with (photos.entries[0] / "pixels-0").open("rb+") as file:
        file.write(b"\0\1\2\3\4\5\6\7")
    assert photos.progress[-1] == (12, 12)
    found = _verify(photos, folder)
    names = list_folder(folder).names
    place = names.index("dog/004.png")
    assert found == Verified(
        12, 0, (Difference(0, names[0], "pixels"), Difference(place, "dog/004.png", "content"))
    )
    with photos.decode(folder) as decoded:
        assert photos.progress[-1] == (2, 2)
        assert decoded.n_decoded + len(decoded.failures) == 2
    assert _verify(photos, folder).differences == ()


def test_file_that_can_no_longer_be_read_is_a_difference(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    photos.n_decoded(folder)
    listing = list_folder(folder)
    stamps = listing.reader.stamps()
    (folder / "dog" / "004.png").unlink()
    object.__setattr__(listing.reader, "stamps", lambda: stamps)
    found = verify_images(listing, "folder", folder, OPTIONS, cache=photos.cache, n_workers=1)
    assert [(each.name, each.what) for each in found.differences] == [("dog/004.png", "unreadable")]
