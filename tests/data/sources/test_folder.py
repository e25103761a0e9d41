from __future__ import annotations

import os
from pathlib import Path

import pytest

from convstudy.data import class_names
from convstudy.data.detect import detect
from convstudy.data.listing import Listing, SourceOptions
from convstudy.data.preparing.labels import labels_of
from convstudy.data.sources import folder
from convstudy.errors import DataError, Location
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance

needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows needs a right to create symbolic links")


def write(root: Path, *names: str) -> Path:
    """Write files whose content is their name; a name that ends with ``/`` is a folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def listed(root: Path, **options: str) -> Listing:
    return detect(root).listing(root, SourceOptions(**options))  # type: ignore[arg-type]


def labels(listing: Listing) -> dict[str, str | None]:
    return dict(zip(listing.names, listing.labels, strict=True))


def parts(listing: Listing) -> dict[str, str]:
    assert listing.parts is not None
    return dict(zip(listing.names, listing.parts, strict=True))


def fault(root: Path, **options: str) -> str:
    with pytest.raises(DataError) as caught:
        listed(root, **options)
    return str(caught.value)


class TestFolder(ListedSourceConformance):
    @pytest.fixture
    def listed_example(self, tmp_path: Path) -> ListedExample:
        names = {
            "cat/b.png": "cat",
            "cat/deep/er/a.png": "cat",
            "cat/a": "cat",
            "dog/a.png": "dog",
            "10/a.jpg": "10",
        }
        root = write(tmp_path / "photos", *names)
        return ListedExample(
            path=root,
            images={name: name.encode() for name in names},
            labels=names,
            change=lambda: (root / "dog/a.png").write_bytes(b"other content"),
            remove=lambda name: (root / name).unlink(),
        )


def test_order_of_creation_does_not_change_the_listing(tmp_path: Path) -> None:
    names = [
        f"{kind}/{sub}{number}.png"
        for kind in ("a", "a-b", "b")
        for sub in ("", "c/", "c-")
        for number in range(9)
    ]
    first, second = write(tmp_path / "first", *names), write(tmp_path / "second", *reversed(names))
    assert labels(listed(first)) == labels(listed(second)) == {name: name.split("/")[0] for name in names}
    assert list(listed(first).names) == list(listed(second).names) == sorted(names)


def test_folders_named_as_parts_are_parts_and_the_class_is_the_folder_below(tmp_path: Path) -> None:
    names = ("train/cat/1.png", "train/dog/x/2.png", "Valid/dog/3.png", "test/cat/train/4.png")
    listing = listed(write(tmp_path, *names))
    assert labels(listing) == dict(zip(sorted(names), ("dog", "cat", "cat", "dog"), strict=True))
    assert parts(listing) == {
        "train/cat/1.png": "train",
        "train/dog/x/2.png": "train",
        "Valid/dog/3.png": "validation",
        "test/cat/train/4.png": "test",
    }
    (note,) = listing.notes
    assert note == (
        'The top-level folders are parts, not classes: "Valid" (validation), "test" (test) and "train" (train). '
        'To change this, put parts = "ignore" under [dataset] if these folders are classes.'
    )


@pytest.mark.parametrize("word", ["val", "valid", "validation", "dev", "VAL", "Validation"])
def test_each_word_for_validation_is_understood(word: str, tmp_path: Path) -> None:
    listing = listed(
        write(tmp_path, "Training/a/1.png", "Training/b/1.png", f"{word}/a/1.png", "Testing/a/1.png")
    )
    assert sorted(parts(listing).values()) == ["test", "train", "train", "validation"]


def test_parts_ignore_makes_the_folders_classes(tmp_path: Path) -> None:
    root = write(tmp_path, "train/steam/1.png", "train/diesel/2.png", "test/steam/3.png")
    listing = listed(root, parts="ignore")
    assert labels(listing) == {
        "train/steam/1.png": "train",
        "train/diesel/2.png": "train",
        "test/steam/3.png": "test",
    }
    assert listing.parts is None
    assert listing.notes == ()


@pytest.mark.parametrize(
    "names",
    [
        ("bus/car/train/1.png", "train/1.png"),
        ("train/cat/1.png", "test-positive/cat/2.png"),
        ("training_shoe/1.png", "test/1.png", "val/1.png"),
        ("train/1.png", "test/2.png", "plane/3.png"),
        ("train/test_001.png", "bus/training_shoe/2.png"),
    ],
)
def test_class_whose_name_contains_the_word_of_a_part_does_not_vanish(
    names: tuple[str, ...], tmp_path: Path
) -> None:
    listing = listed(write(tmp_path, *names))
    assert labels(listing) == {name: name.split("/")[0] for name in sorted(names)}
    assert listing.parts is None


def test_flat_folders_named_as_parts_are_classes_and_this_is_noted(tmp_path: Path) -> None:
    listing = listed(write(tmp_path, "train/1.png", "test/2.png"))
    assert set(labels(listing).values()) == {"train", "test"}
    assert listing.notes == (
        'The folders "test" and "train" are classes, not parts, because they contain no folders.',
    )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train/a/1.png", "train/b/1.png", "test/1.png"), '"test" contains no class folders'),
        (("val/a/1.png", "test/a/1.png"), 'the folders "test" and "val" contain no training images'),
        (
            ("train/a/1.png", "test/b/1.png"),
            "the test folder has no class in common with the training folder",
        ),
    ],
)
def test_folders_that_are_neither_clearly_parts_nor_classes_are_an_error_that_names_the_switch(
    names: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    found = fault(write(tmp_path, *names))
    assert message in found
    assert 'parts = "ignore"' in found
    assert set(labels(listed(tmp_path, parts="ignore")).values()) == {name.split("/")[0] for name in names}


def test_classes_that_differ_only_in_case_are_two_and_noted(tmp_path: Path) -> None:
    listing = listed(
        write(tmp_path, "train/Cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png")
    )
    assert set(labels(listing).values()) == {"Cat", "cat", "dog"}
    assert listing.notes[1:] == ('The classes "Cat" and "cat" differ only in upper and lower case.',)


def test_class_missing_in_a_part_keeps_the_labels_of_the_others(tmp_path: Path) -> None:
    listing = listed(
        write(tmp_path, "train/a/1.png", "train/b/1.png", "train/c/1.png", "test/c/2.png", "test/a/")
    )
    assert labels(listing)["test/c/2.png"] == "c"


def test_single_folder_around_the_class_folders_is_looked_through_and_noted(tmp_path: Path) -> None:
    listing = listed(write(tmp_path, "a/b/cat/1.png", "a/b/dog/2.png", "README.md", ".git/x"))
    assert labels(listing) == {"a/b/cat/1.png": "cat", "a/b/dog/2.png": "dog"}
    assert listing.notes[0] == 'The classes are the folders in "a/b", which is the only folder.'
    wrapped = listed(
        write(tmp_path / "wrapped", "data/train/cat/1.png", "data/train/dog/2.png", "data/test/dog/3.png")
    )
    assert parts(wrapped) == {
        "data/train/cat/1.png": "train",
        "data/train/dog/2.png": "train",
        "data/test/dog/3.png": "test",
    }


def test_training_folder_alone_is_a_part(tmp_path: Path) -> None:
    listing = listed(write(tmp_path, "train/cat/1.png", "train/dog/2.png"))
    assert labels(listing) == {"train/cat/1.png": "cat", "train/dog/2.png": "dog"}
    assert set(parts(listing).values()) == {"train"}


def test_what_is_skipped_is_counted_by_kind(tmp_path: Path) -> None:
    listing = listed(
        write(
            tmp_path,
            *("cat.v2/1.png", "cat.v2/txt", "dog/2.PNG"),
            *("README", "dog/License", "cat.v2/notes.txt", "dog/more.TXT", "labels.csv", "cover.png"),
            *(
                "cat.v2/Thumbs.db",
                "cat.v2/.DS_Store",
                "dog/._2.png",
                "__MACOSX/cat/1.png",
                ".git/objects/1.png",
            ),
            "dog/desktop.ini",
        )
    )
    assert labels(listing) == {"cat.v2/1.png": "cat.v2", "cat.v2/txt": "cat.v2", "dog/2.PNG": "dog"}
    assert listing.notes == (
        "Skipped 5 files that cannot be images: 2 .txt, 1 .csv, 1 License and 1 README.",
        'Skipped 1 file outside of class folders, such as "cover.png".',
        'Skipped 6 hidden files or folders: ".git", "__MACOSX", ".DS_Store" and 3 more.',
    )


def test_file_of_an_unknown_format_is_an_image_that_a_decoder_must_refuse(tmp_path: Path) -> None:
    names = ["cat/1.heic", "cat/2", "cat/3.cr2", "dog/4.npy", "dog/5.dcm", "dog/6."]
    assert list(listed(write(tmp_path, *names)).names) == names


@pytest.mark.parametrize(
    ("names", "messages"),
    [
        ((), ("there is no image and no folder",)),
        ((".hidden/1.png",), ("there is no image and no folder", "Skipped 1 hidden file or folder")),
        (
            ("1.png", "2.png"),
            ("there are no class folders", '2 images such as "1.png"', "one folder per class"),
        ),
        (("1.png", "labels.csv"), ('use the path of the table "labels.csv"',)),
        (
            ("cat/1.png", "dog/", "xml/a.xml"),
            ('"dog" contains no image; got no file', '"xml" contains no image; got 1 file'),
        ),
        (("cat/1.png", "dog/.2.png"), ('"dog" contains no image',)),
    ],
)
def test_folder_without_usable_classes_is_an_error(
    names: tuple[str, ...], messages: tuple[str, ...], tmp_path: Path
) -> None:
    found = fault(write(tmp_path, *names))
    for message in messages:
        assert message in found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("  ", 'the class name "  " is empty'),
        ("two\nlines", 'the name "two\\nlines" has more than one line'),
        ("bell\a", 'the name "bell\\x07" contains a control character'),
        ("a ", '"a" and "a " look the same'),
        ("01", '"01" and "1" look the same'),
        ("e\u0301", "look the same"),
    ],
)
@needs_links
def test_class_folder_with_a_bad_name_is_an_error(name: str, message: str, tmp_path: Path) -> None:
    found = fault(write(tmp_path, "a/1.png", "1/1.png", "\u00e9/1.png", f"{name}/1.png"))
    assert message in found
    assert len(found.splitlines()) <= 2


def test_too_many_classes_or_files_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *(f"{number}/1.png" for number in range(8)))
    monkeypatch.setattr(class_names, "MAX_CLASSES", 7)
    assert "there are too many classes; expected at most 7; got 8" in fault(tmp_path)
    monkeypatch.setattr(folder, "MAX_FILES", 10)
    assert "there are more than 10 files" in fault(tmp_path)


def test_single_class_is_listed_and_refused_for_a_study(tmp_path: Path) -> None:
    listing = listed(write(tmp_path, "cat/1.png", "cat/2.png"))
    assert listing.labels == ["cat", "cat"]
    with pytest.raises(DataError, match='there must be at least two classes; got only "cat"'):
        labels_of(listing, None, Location("photos"))


def test_error_lists_twenty_empty_classes_and_the_number_of_the_others(tmp_path: Path) -> None:
    found = fault(write(tmp_path, "a/1.png", *(f"empty{number:02}/" for number in range(25))))
    assert found.count("contains no image") == 20
    assert found.endswith("and 5 more problems.")


@needs_links
class TestLinks:
    def test_linked_files_and_folders_are_read_and_counted(self, tmp_path: Path) -> None:
        outside = write(tmp_path / "outside", "more/3.png", "4.png")
        root = write(tmp_path / "photos", "cat/1.png", "dog/2.png")
        (root / "dog/link.png").symlink_to(outside / "4.png")
        (root / "cat/same.png").symlink_to("1.png")
        (root / "cow").symlink_to(outside / "more")
        listing = listed(root)
        assert labels(listing) == {
            "cat/1.png": "cat",
            "cat/same.png": "cat",
            "cow/3.png": "cow",
            "dog/2.png": "dog",
            "dog/link.png": "dog",
        }
        assert [listing.reader.read(position) for position in (1, 2, 4)] == [
            b"cat/1.png",
            b"more/3.png",
            b"4.png",
        ]
        assert listing.notes == (
            "3 images are reached by symbolic links. Of these, 2 files are outside this folder. "
            "Of these, 1 image is in this folder more than once.",
        )

    def test_link_to_the_root_itself_is_followed(self, tmp_path: Path) -> None:
        write(tmp_path / "photos", "cat/1.png", "dog/2.png")
        (tmp_path / "link").symlink_to("photos")
        listing = listed(tmp_path / "link")
        assert labels(listing) == {"cat/1.png": "cat", "dog/2.png": "dog"}
        assert listing.notes == ()

    def test_file_linked_under_two_classes_is_an_error(self, tmp_path: Path) -> None:
        root = write(tmp_path / "photos", "cat/1.png", "dog/2.png")
        outside = write(tmp_path / "outside", "3.png")
        (root / "cat/2.png").symlink_to("../dog/2.png")
        for name in ("cat", "dog"):
            (root / name / "3.png").symlink_to(outside / "3.png")
        found = fault(root)
        assert 'cat/2.png: this is the same file as "dog/2.png", with another class' in found
        assert 'dog/3.png: this is the same file as "cat/3.png", with another class' in found

    def test_link_to_a_folder_above_is_one_error(self, tmp_path: Path) -> None:
        root = write(tmp_path / "photos", "cat/1.png", "dog/2.png")
        for name, target in (("self", "."), ("above", ".."), ("far", tmp_path), ("root", "/")):
            (root / "cat" / name).symlink_to(target)
        found = fault(root)
        assert found.count("this symbolic link leads back to") == 4

    def test_links_of_two_folders_to_each_other_are_an_error(self, tmp_path: Path) -> None:
        root = write(tmp_path / "photos", "a/1.png", "b/2.png")
        (root / "a/b").symlink_to("../b")
        (root / "b/a").symlink_to("../a")
        assert "this symbolic link leads back to" in fault(root)

    def test_two_links_to_one_folder_are_an_error(self, tmp_path: Path) -> None:
        root = write(tmp_path / "photos", "cat/1.png", "dog/2.png")
        outside = write(tmp_path / "outside", "x/3.png")
        (root / "cat/x").symlink_to(outside / "x")
        (root / "dog/x").symlink_to(outside / "x")
        assert 'this symbolic link leads to the same folder as "' in fault(root)

    def test_links_that_multiply_folders_end_in_bounded_time(self, tmp_path: Path) -> None:
        root = write(
            tmp_path / "photos", "cat/1.png", "dog/2.png", *(f"dog/{number}/1.png" for number in range(40))
        )
        for number in range(39):
            for name in ("left", "right"):
                (root / f"dog/{number}/{name}").symlink_to(f"../{number + 1}")
        assert "leads to the same folder as" in fault(root)

    def test_broken_link_is_an_image_that_cannot_be_read(self, tmp_path: Path) -> None:
        root = write(tmp_path / "photos", "cat/1.png", "dog/2.png")
        (root / "cat/broken.png").symlink_to("nowhere.png")
        (root / "dog/loop.png").symlink_to("loop.png")
        listing = listed(root)
        with pytest.raises(DataError, match=r"broken\.png: this symbolic link leads to no file"):
            listing.reader.read(1)
        with pytest.raises(DataError, match=r"loop\.png: cannot read the file"):
            listing.reader.read(3)
        assert listing.reader.read(2) == b"dog/2.png"

    def test_fifo_is_an_image_that_cannot_be_read_and_does_not_block(self, tmp_path: Path) -> None:
        root = write(tmp_path / "photos", "cat/1.png", "dog/2.png")
        os.mkfifo(root / "cat/2.png")
        with pytest.raises(DataError, match="must be a regular file; got a FIFO"):
            listed(root).reader.read(1)

    def test_file_name_that_is_not_utf_8_is_an_error(self, tmp_path: Path) -> None:
        root = write(tmp_path / "photos", "cat/1.png", "dog/2.png")
        try:
            (root / "cat" / os.fsdecode(b"\xff.png")).write_bytes(b"")
        except OSError:
            pytest.skip("this file system refuses such names")
        found = fault(root)
        assert 'photos/cat: the name "\\udcff.png" is not valid UTF-8' in found

    def test_file_name_with_a_control_character_is_an_error(self, tmp_path: Path) -> None:
        found = fault(write(tmp_path / "photos", "cat/1.png", "dog/2.png", "dog/3\x1b[31m.png"))
        assert 'photos/dog: the name "3\\x1b[31m.png" contains a control character' in found


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator can read every file")
def test_folder_without_permission_is_an_error_and_such_a_file_fails_when_it_is_read(tmp_path: Path) -> None:
    root = write(tmp_path / "photos", "cat/1.png", "dog/2.png", "cow/3.png")
    (root / "cat/1.png").chmod(0)
    listing = listed(root)
    with pytest.raises(DataError, match="cannot read the file: Permission denied"):
        listing.reader.read(0)
    assert listing.reader.read(1) == b"cow/3.png"
    (root / "cow").chmod(0)
    try:
        assert "cow: cannot read this folder: Permission denied" in fault(root)
    finally:
        (root / "cow").chmod(0o700)


def test_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, scandir = write(tmp_path / "photos", "cat/1.png", "dog/2.png"), os.scandir

    def refused(path: Path) -> object:
        if path.name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(folder.os, "scandir", refused)
    assert "dog: cannot read this folder: Permission denied" in fault(root)


def test_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    root = write(tmp_path / "photos", "cat/1.png", "dog/2.png")
    with (root / "cat/1.png").open("wb") as file:
        file.truncate(1 << 41)  # a sparse file
    with pytest.raises(DataError, match=r"cat/1\.png: the file is larger than 1,073,741,824 bytes"):
        listed(root).reader.read(0)
