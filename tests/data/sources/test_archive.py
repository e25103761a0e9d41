"""Archives are written by shutil, zipfile, tarfile and the tar program."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import subprocess
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.data.archives import members, tar_copy, tar_members
from convstudy.data.detect import detect
from convstudy.data.listing import Listing, SourceOptions
from convstudy.data.sources import archive
from convstudy.errors import DataError
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance

LONG = "/".join(["a-rather-long-name-of-a-folder"] * 9) + "/" + "b" * 90 + ".png"
NAMES = {
    "cat/a.png": "cat",
    "cat/deep/er/b.png": "cat",
    "dog/ü 猫.png": "dog",
    f"dog/{LONG}": "dog",
    "dog/empty": "dog",
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "the-cache"))


def folder(root: Path) -> Path:
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content(name))
    (root / "__MACOSX/cat").mkdir(parents=True)
    (root / "__MACOSX/cat/._a.png").write_bytes(b"x")
    (root / "cat/notes.txt").write_bytes(b"x")
    return root


def content(name: str) -> bytes:
    return b"" if name == "dog/empty" else (name.encode() * 3000)[: 512 * len(name)]


def listed(path: Path, **options: str) -> Listing:
    return detect(path).listing(path, SourceOptions(**options))  # type: ignore[arg-type]


def fault(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        detect(path, "archive").listing(path, SourceOptions())
    return str(caught.value)


def zip_of(path: Path, *names: str | zipfile.ZipInfo, data: bytes = b"data", **options: int) -> Path:
    with zipfile.ZipFile(path, "w", **options) as file, warnings.catch_warnings():  # type: ignore[call-overload]
        warnings.simplefilter("ignore")  # of duplicate names
        for name in names:
            file.writestr(name, data)
    return path


def tar_of(path: Path, *members: str | tarfile.TarInfo, data: bytes = b"data", mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for member in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if info.isreg():
                info.size = info.size or len(data)
            file.addfile(info, io.BytesIO(data.ljust(info.size)) if info.isreg() else None)
    return path


def _tarfile(kind: int) -> Callable[[Path, Path], object]:
    def write(root: Path, path: Path) -> None:
        with tarfile.open(path, "w", format=kind) as file:
            file.add(root, ".")

    return write


def _zip(method: int) -> Callable[[Path, Path], object]:
    def write(root: Path, path: Path) -> None:
        with zipfile.ZipFile(path, "w", method) as file:
            for each in sorted(root.rglob("*"), reverse=True):
                if each.is_file():
                    with file.open(str(each.relative_to(root)), "w", force_zip64=method == 8) as member:
                        member.write(each.read_bytes())

    return write


def _made(kind: str) -> Callable[[Path, Path], object]:
    return lambda root, path: shutil.move(shutil.make_archive(str(path) + "-made", kind, root), path)


def _command(*options: str) -> Callable[[Path, Path], object]:
    def write(root: Path, path: Path) -> None:
        if shutil.which("tar") is None:
            pytest.skip("there is no tar program")
        subprocess.run(["tar", *options, "-cf", str(path), "-C", str(root.parent), root.name], check=True)

    return write


def _appended_to_a_program(root: Path, path: Path) -> None:
    _zip(zipfile.ZIP_DEFLATED)(root, path)
    path.write_bytes(b"PK\3\4 this is a program" * 10 + path.read_bytes())


def _with_comment(root: Path, path: Path) -> None:
    _zip(zipfile.ZIP_STORED)(root, path)
    with zipfile.ZipFile(path, "a") as file:
        file.comment = b"a comment " * 100


WRITERS: dict[str, Callable[[Path, Path], object]] = {
    "made.zip": _made("zip"),
    "made.tar": _made("tar"),
    "made.tar.gz": _made("gztar"),
    "made.tar.bz2": _made("bztar"),
    "made.tar.xz": _made("xztar"),
    "any-name": _made("gztar"),
    "stored.zip": _zip(zipfile.ZIP_STORED),
    "deflated-zip64.zip": _zip(zipfile.ZIP_DEFLATED),
    "program.zip": _appended_to_a_program,
    "comment.zip": _with_comment,
    "gnu.tar": _tarfile(tarfile.GNU_FORMAT),
    "pax.tar": _tarfile(tarfile.PAX_FORMAT),
    "command.tar": _command(),
    "command-posix.tar": _command("--format=posix"),
    "command.tgz": _command("-z"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_archive_of_each_writer_has_the_images_of_the_folder(name: str, tmp_path: Path) -> None:
    root = folder(tmp_path / "photos")
    WRITERS[name](root, tmp_path / name)
    listing, of_folder = listed(tmp_path / name), listed(root)
    wrapper = "photos/" if name.startswith("command") else ""
    assert (
        list(listing.names)
        == [wrapper + name for name in of_folder.names]
        == [wrapper + each for each in sorted(NAMES)]
    )
    assert list(listing.labels) == list(of_folder.labels) == [NAMES[each] for each in sorted(NAMES)]
    for position, each in enumerate(sorted(NAMES)):
        assert listing.reader.read(position) == content(each)
    assert listing.notes[bool(wrapper) :][:2] == of_folder.notes
    assert {path.name for path in tmp_path.iterdir()} <= {"photos", name, "the-cache"}


class TestZip(ListedSourceConformance):
    @pytest.fixture
    def listed_example(self, tmp_path: Path) -> ListedExample:
        path = tmp_path / "photos.zip"
        _made("zip")(folder(tmp_path / "photos"), path)
        return ListedExample(
            path=path,
            images={name: content(name) for name in NAMES},
            labels=NAMES,
            change=lambda: zip_of(path, "a/1.png", "b/1.png", *(f"b/{n}.png" for n in range(2, 5))),
        )


class TestTar(ListedSourceConformance):
    @pytest.fixture(params=["made.tar", "made.tar.xz"])
    def listed_example(self, request: pytest.FixtureRequest, tmp_path: Path) -> ListedExample:
        path = tmp_path / str(request.param)
        WRITERS[request.param](folder(tmp_path / "photos"), path)
        return ListedExample(
            path=path,
            images={name: content(name) for name in NAMES},
            labels=NAMES,
            change=lambda: tar_of(path, "a/1.png", "b/1.png", *(f"b/{n}.png" for n in range(2, 5))),
        )


def test_parts_of_an_archive_are_those_of_a_folder(tmp_path: Path) -> None:
    names = ("data/train/a/1.png", "data/train/b/2.png", "data/test/a/3.png")
    for path in (zip_of(tmp_path / "t.zip", *names), tar_of(tmp_path / "t.tar", *names)):
        listing = listed(path)
        assert dict(zip(listing.names, listing.parts or (), strict=True)) == {
            "data/train/a/1.png": "train",
            "data/train/b/2.png": "train",
            "data/test/a/3.png": "test",
        }
        assert set(listed(path, parts="ignore").labels) == {"train", "test"}


def test_names_without_the_flag_of_utf_8_are_read_as_utf_8_if_they_are(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "t.zip", "ü/1.png", "b/2.png")
    data = path.read_bytes()
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = data.index(signature) + at
        assert data[start + 1] & 8
        data = data[: start + 1] + b"\0" + data[start + 2 :]
    path.write_bytes(data)
    assert set(listed(path).labels) == {"ü", "b"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../a/1.png", 'the name contains the folder ".."'),
        ("a/../../1.png", 'the name contains the folder ".."'),
        ("/a/1.png", "the name is an absolute path"),
        ("C:/a/1.png", "the name is an absolute path"),
        ("a\\1.png", "the name contains a backslash"),
        ("a" * 5000, "the name is too long"),
        ("a/" * 200 + "1.png", "has too many folders"),
        ("a/1\x1b.png", "the name contains a control character"),
    ],
)
def test_name_that_leaves_the_archive_is_an_error(name: str, message: str, tmp_path: Path) -> None:
    for path in (
        zip_of(tmp_path / "t.zip", "a/1.png", name, "b/1.png"),
        tar_of(tmp_path / "t.tar", "a/1.png", name, "b/1.png"),
    ):
        found = fault(path)
        assert message in found
        assert found.startswith(f'{path}: "{name[:20]}'.replace("\\", "\\")[:40])
        assert len(found) < 1000


def test_all_bad_names_are_listed_up_to_twenty(tmp_path: Path) -> None:
    found = fault(zip_of(tmp_path / "t.zip", *(f"../{number}.png" for number in range(50))))
    assert found.count('the folder ".."') == 20
    assert found.endswith("and 30 more problems.")


def test_folders_with_dots_and_empty_names_are_the_same_folder(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "t.tar", "./a/1.png", "b//2.png", "./b/./3.png")
    assert list(listed(path).names) == ["a/1.png", "b/2.png", "b/3.png"]
    assert "two files have this name" in fault(tar_of(path, "a/1.png", "b/1.png", "./a/1.png"))


def test_two_files_of_one_name_are_an_error(tmp_path: Path) -> None:
    for path in (
        zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png", "a/1.png"),
        tar_of(tmp_path / "t.tar", "a/1.png", "b/1.png", "a/1.png"),
    ):
        assert '"a/1.png": two files have this name' in fault(path)
    assert '"a": a file and a folder have this name' in fault(
        zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png", "a")
    )


def test_links_and_devices_in_a_tar_archive_are_errors(tmp_path: Path) -> None:
    found = []
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        info = tarfile.TarInfo("a/2.png")
        info.type, info.linkname = kind, "1.png"
        found.append(fault(tar_of(tmp_path / "t.tar", "a/1.png", "b/1.png", info)).splitlines()[0])
    assert [text.partition('"a/2.png": ')[2] for text in found] == [
        "this is a symbolic link.",
        "this is a hard link.",
        "this is a device, and no file.",
        "this is a FIFO, and no file.",
    ]


def test_link_in_a_zip_archive_is_an_error(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a/2.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert '"a/2.png": this is a symbolic link' in fault(
        zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png", info)
    )


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar program")
def test_file_with_gaps_in_a_tar_archive_is_an_error(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "t" / name).mkdir(parents=True)
        with (tmp_path / "t" / name / "1.png").open("wb") as file:
            file.truncate(1 << 20)
    for options in ("--format=gnu", "--format=posix"):
        subprocess.run(
            ["tar", "--sparse", options, "-cf", tmp_path / "t.tar", "-C", tmp_path, "t"], check=True
        )
        assert "this file is stored with gaps" in fault(tmp_path / "t.tar")


def test_encrypted_zip_archive_is_an_error(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert "t.zip: the archive is encrypted" in fault(path)


def test_compression_that_is_not_supported_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png", compression=zipfile.ZIP_LZMA)
    assert 'the compression is not supported; expected "deflate" or "store"; got lzma' in fault(path)


def test_too_many_names_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number % 3}/{number}.png" for number in range(60)]
    archives = (zip_of(tmp_path / "t.zip", *names), tar_of(tmp_path / "t.tar", *names))
    monkeypatch.setattr(members, "MAX_NAMES", 60)
    assert [len(listed(path)) for path in archives] == [60, 60]
    monkeypatch.setattr(members, "MAX_NAMES", 59)
    assert "there are too many names in this archive; expected at most 59; got 60" in fault(archives[0])
    assert "there are more than 59 files" in fault(archives[1])


def test_wrong_number_of_names_does_not_avoid_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zip_of(tmp_path / "t.zip", *(f"{number % 3}/{number}.png" for number in range(60)))
    data = bytearray(path.read_bytes())
    struct.pack_into("<2H", data, len(data) - 14, 1, 1)
    path.write_bytes(data)
    monkeypatch.setattr(members, "MAX_NAMES", 3)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # it is not called
    assert "there are too many names" in fault(path)


def test_archive_with_the_end_record_of_large_archives_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number % 3}/{number}.png" for number in range(30)]
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 20)  # as with more than 65,535 files
        path = zip_of(tmp_path / "t.zip", *names)
    assert b"PK\6\6" in path.read_bytes()
    assert listed(path).reader.read(29) == b"data"
    monkeypatch.setattr(members, "MAX_NAMES", 29)
    assert "expected at most 29; got 30" in fault(path)


class TestDamage:
    def test_declared_size_is_the_limit_of_what_is_unpacked(self, tmp_path: Path) -> None:
        path = zip_of(
            tmp_path / "t.zip", "a/1.png", "b/1.png", data=bytes(1 << 20), compression=zipfile.ZIP_DEFLATED
        )
        data = bytearray(path.read_bytes())
        struct.pack_into("<L", data, data.index(b"PK\1\2") + 24, 1000)
        path.write_bytes(data)
        listing = listed(path)
        with pytest.raises(
            DataError, match=r'"a/1\.png": this file in the archive cannot be read: it has another size'
        ):
            listing.reader.read(0)
        assert listing.reader.read(1) == bytes(1 << 20)

    def test_too_large_file_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        archives = (
            zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png"),
            tar_of(tmp_path / "t.tar", "a/1.png", "b/1.png"),
        )
        monkeypatch.setattr(members, "MAX_FILE_BYTES", 3)
        for path in archives:
            assert '"a/1.png": the file is too large; expected at most 3 bytes; got 4 bytes' in fault(path)

    def test_overlapping_files_of_a_zip_archive_are_an_error(self, tmp_path: Path) -> None:
        path = zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png", data=os.urandom(1000))
        data = bytearray(path.read_bytes())
        at = data.index(b"PK\1\2")
        struct.pack_into("<L", data, at + 20, 1500)
        path.write_bytes(data)
        assert "files in this archive overlap" in fault(path)

    def test_damaged_file_in_a_zip_archive_fails_alone(self, tmp_path: Path) -> None:
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            path = zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png", data=os.urandom(1000), compression=method)
            data = bytearray(path.read_bytes())
            data[200] ^= 0xFF
            path.write_bytes(data)
            listing = listed(path)
            with pytest.raises(DataError, match=r'"a/1\.png": this file in the archive cannot be read'):
                listing.reader.read(0)
            assert len(listing.reader.read(1)) == 1000

    @pytest.mark.parametrize("name", ["made.zip", "made.tar", "made.tar.gz", "made.tar.bz2", "made.tar.xz"])
    def test_truncated_archive_is_one_error(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / name
        WRITERS[name](folder(tmp_path / "photos"), path)
        whole = path.read_bytes()
        for n_bytes in (len(whole) // 2, 600, 10):
            path.write_bytes(whole[:n_bytes])
            found = fault(path)
            assert str(path) in found
            assert len(found.splitlines()) <= 2
        assert not list((tmp_path / "the-cache").rglob("*.partial"))

    def test_tar_archive_with_a_damaged_header_is_an_error_with_its_place(self, tmp_path: Path) -> None:
        path = tar_of(tmp_path / "t.tar", "a/1.png", "b/1.png")
        data = bytearray(path.read_bytes())
        data[1024] ^= 1
        path.write_bytes(data)
        assert "there is no file header at byte 1,024" in fault(path)

    def test_huge_extended_header_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        info = tarfile.TarInfo("a/2.png")
        info.pax_headers = {"comment": "x" * 70_000}
        path = tar_of(tmp_path / "t.tar", "a/1.png", info, "b/1.png")
        assert "a header has 70," in fault(path)
        monkeypatch.setattr(tar_members, "MAX_HEADER_BYTES", 1 << 20)
        assert len(listed(path)) == 3

    def test_archive_that_changes_while_it_is_in_use_is_an_error(self, tmp_path: Path) -> None:
        for path in (
            zip_of(tmp_path / "t.zip", "a/1.png", "b/1.png"),
            tar_of(tmp_path / "t.tar", "a/1.png", "b/1.png"),
        ):
            listing = listed(path)
            path.write_bytes(path.read_bytes() + bytes(1000))
            with pytest.raises(DataError, match="the archive was changed while it was in use"):
                listing.reader.read(0)
            path.unlink()
            with pytest.raises(DataError, match="cannot read the archive"):
                listing.reader.read(0)
            assert (listing.reader.stamps() == -1).all()

    def test_archive_without_class_folders_is_an_error(self, tmp_path: Path) -> None:
        assert "there is no image and no folder" in fault(zip_of(tmp_path / "t.zip"))
        found = fault(zip_of(tmp_path / "t.zip", "1.png", "labels.csv"))
        assert "there are no class folders" in found
        assert 'unpack the archive and use the path of the table "labels.csv"' in found
        found = fault(zip_of(tmp_path / "t.zip", "images/1.png", "labels.csv"))
        assert 'unpack the archive and use the path of the table "labels.csv"' in found
        assert "t.zip: this is not a valid zip archive" in fault(
            _written(tmp_path / "t.zip", b"PK\3\4" + bytes(100))
        )


class TestCopy:
    def test_copy_of_a_compressed_archive_is_made_once_and_noted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tar_of(tmp_path / "t.tar.gz", "a/1.png", "b/1.png", mode="w:gz")
        listing = listed(path)
        (copy,) = (tmp_path / "the-cache" / "tar-copies").iterdir()
        assert listing.notes == (
            f"Compressed archives cannot be read in any order; an uncompressed copy is {copy}.",
        )
        before = copy.stat()
        os.utime(copy, ns=(0, before.st_mtime_ns))
        again = listed(path)
        assert (copy.stat().st_ino, copy.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert copy.stat().st_atime > 1e9  # the last use
        assert again.reader.read(0) == listing.reader.read(0) == b"data"
        tar_of(path, "a/1.png", "b/1.png", "c/1.png", mode="w:gz")
        assert len(listed(path)) == 3
        (other,) = (tmp_path / "the-cache" / "tar-copies").iterdir()
        assert other != copy

    def test_content_of_any_size_is_bounded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        paths = [
            tar_of(tmp_path / f"t.{kind}", "a/1.png", "b/1.png", data=bytes(1 << 21), mode=f"w:{kind}")
            for kind in ("gz", "bz2", "xz")
        ]
        monkeypatch.setattr(tar_copy, "MAX_COPY_BYTES", 1 << 21)
        for path in paths:
            assert "the archive has more than 2,097,152 bytes of files" in fault(path)
        assert not list((tmp_path / "the-cache").rglob("*.*"))

    def test_full_disk_is_one_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tar_of(tmp_path / "t.tgz", "a/1.png", "b/1.png", mode="w:gz")
        monkeypatch.setattr(tar_copy, "MIN_FREE_BYTES", 1 << 62)
        assert "has too little space for an uncompressed copy" in fault(path)

    def test_cache_that_cannot_be_written_is_one_error(self, tmp_path: Path) -> None:
        path = tar_of(tmp_path / "t.tgz", "a/1.png", "b/1.png", mode="w:gz")
        (tmp_path / "the-cache").write_bytes(b"")
        assert "cannot write an uncompressed copy to" in fault(path)

    def test_several_compressed_streams_in_one_file_are_read(self, tmp_path: Path) -> None:
        import bz2

        data = tar_of(tmp_path / "t.tar", "a/1.png", "b/1.png", data=os.urandom(5000)).read_bytes()
        for module in (gzip, bz2, lzma):
            path = _written(tmp_path / "t.any", module.compress(data[:3000]) + module.compress(data[3000:]))
            assert len(listed(path).reader.read(1)) == 5000

    def test_decoder_that_needs_too_much_memory_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tar_of(tmp_path / "t.txz", "a/1.png", "b/1.png", mode="w:xz")
        monkeypatch.setattr(tar_copy, "MAX_DECODER_BYTES", 1 << 20)
        assert "the compressed data of this archive is damaged: Memory usage limit exceeded" in fault(path)


def test_compressed_file_that_is_no_archive_is_not_recognised(tmp_path: Path) -> None:
    for data in (b"text", bytes(2000), os.urandom(2000)):
        assert not archive.recognise(_written(tmp_path / "t.gz", gzip.compress(data)))
        assert not archive.recognise(_written(tmp_path / "t.tar", data))
    assert not archive.recognise(_written(tmp_path / "t.gz", gzip.compress(bytes(2000))[:20]))
    assert not archive.recognise(zip_of(tmp_path / "t.npz", "a/1.png"))
    os.mkfifo(tmp_path / "t.zip")
    assert not archive.recognise(tmp_path / "t.zip")


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_tar_archive_that_ends_between_two_files_is_an_error_and_not_a_smaller_dataset(
    mode: str, tmp_path: Path
) -> None:
    path = tar_of(tmp_path / "t.tar", *(f"{name}/{number}.png" for name in "ab" for number in range(4)))
    with tarfile.open(path) as tar:
        n_bytes = tar.getmembers()[-1].offset
    data = path.read_bytes()
    assert len(listed(path).names) == 8
    for end in (n_bytes, n_bytes + 100):
        cut = data[:end]
        if mode != "w":
            cut = {"w:gz": gzip.compress, "w:xz": lzma.compress}[mode](cut)
        name = {"w": "t.tar", "w:gz": "t.tar.gz", "w:xz": "t.tar.xz"}[mode]
        assert "it ends too early" in fault(_written(tmp_path / name, cut))


@pytest.mark.parametrize("name", ["t.tar.gz", "t.tgz", "t.tar.xz", "t.tar.bz2"])
def test_compressed_tar_archive_that_is_cut_is_named_as_damaged(name: str, tmp_path: Path) -> None:
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz", ".bz2": "w:bz2"}[Path(name).suffix]
    path = tar_of(tmp_path / name, "a/1.png", "b/1.png", mode=mode, data=os.urandom(300))
    path.write_bytes(path.read_bytes()[:-20])
    assert archive.recognise(path)
    assert "the compressed data of this archive is damaged: it ends too early" in fault(path)
