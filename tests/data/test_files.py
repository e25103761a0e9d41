"""Files are found in a fixed order, downloaded from one mirror after the other, and always verified."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from convstudy.data.files import cache_folder
from convstudy.errors import DataError

from .conftest import Tiny

MakeTiny = Callable[..., Tiny]
Folders = tuple[Path, Path]


@dataclass
class Mirror:
    """A local web server: its pages by path, and the paths that were requested."""

    url: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    mirror = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            mirror.requested.append(self.path)
            page = mirror.pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    mirror.url = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield mirror
    server.shutdown()
    server.server_close()
    thread.join()


def _damage(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"damaged")


def test_data_folder_is_used_before_the_cache(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    _damage(tiny.write(folders[1]))
    assert len(tiny.info.load().train) == 12


def test_cache_is_used_if_the_data_folder_has_no_file(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[1])
    assert len(tiny.info.load().train) == 12


def test_damaged_file_in_the_data_folder_raises_although_the_cache_has_it(
    make_tiny: MakeTiny, folders: Folders
) -> None:
    tiny = make_tiny()
    _damage(tiny.write(folders[0]))
    tiny.write(folders[1])
    with pytest.raises(DataError, match="not a valid gzip file"):
        tiny.info.load()


@pytest.mark.parametrize("variable", ["CONVSTUDY_DATA", "CONVSTUDY_CACHE"])
def test_uncompressed_files_are_accepted(make_tiny: MakeTiny, folders: Folders, variable: str) -> None:
    tiny = make_tiny()
    tiny.write(folders[0] if variable == "CONVSTUDY_DATA" else folders[1], plain=True)
    assert len(tiny.info.load().train) == 12


def test_file_compressed_again_is_accepted_if_its_content_is_known(
    make_tiny: MakeTiny, folders: Folders
) -> None:
    tiny = make_tiny()
    folder = tiny.write(folders[0])
    for name, content in tiny.contents.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1, mtime=7))
    assert len(tiny.info.load().train) == 12


def test_other_content_raises_with_both_digests(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    folder = tiny.write(folders[0])
    other = tiny.contents["train-images"][:-1] + b"\xff"
    (folder / "train-images.gz").write_bytes(gzip.compress(other))
    with pytest.raises(DataError, match="content is not the published one") as caught:
        tiny.info.load()
    (problem,) = caught.value.problems
    assert str(problem.where) == str(folder / "train-images.gz")
    assert problem.got.startswith("SHA-256 ")
    assert problem.expected == f"SHA-256 {tiny.info.source.train[0].content_digest}"
    assert problem.got != problem.expected


def test_archive_compressed_again_raises_if_its_content_is_unknown(
    make_tiny: MakeTiny, folders: Folders
) -> None:
    tiny = make_tiny(content_known=False)
    folder = tiny.write(folders[0])
    assert len(tiny.info.load().train) == 12
    recompressed = gzip.compress(tiny.contents["train-images"], mtime=7)
    (folder / "train-images.gz").write_bytes(recompressed)
    with pytest.raises(DataError, match=r"\.gz file is not the published one"):
        tiny.info.load()
    (folder / "train-images.gz").unlink()
    tiny.write(folders[0], plain=True, only="train-images")
    with pytest.raises(DataError, match="cannot be verified"):
        tiny.info.load()


def test_missing_files_offline_raise_one_error_with_urls_and_folders(
    make_tiny: MakeTiny, folders: Folders
) -> None:
    tiny = make_tiny(mirrors=("https://one.invalid/a/", "https://two.invalid/b/"))
    tiny.write(folders[0], only="train-images")
    with pytest.raises(DataError) as caught:
        tiny.info.load()
    (problem,) = caught.value.problems
    text = str(caught.value)
    assert "3 files" in problem.what
    assert "train-images" not in text  # this file exists
    for part in (
        "https://one.invalid/a/train-labels.gz",
        "https://one.invalid/a/test-images.gz",
        "https://two.invalid/b/",
        "CONVSTUDY_OFFLINE",
        str(folders[0] / "tiny"),
        str(folders[1] / "tiny"),
        '"digits", which needs no download',
    ):
        assert part in text


def test_missing_files_error_names_the_variable_if_it_is_not_set(
    make_tiny: MakeTiny, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONVSTUDY_DATA")
    tiny = make_tiny(mirrors=("https://one.invalid/",))
    with pytest.raises(DataError, match="set CONVSTUDY_DATA=FOLDER"):
        tiny.info.load()


def test_missing_files_are_downloaded_once(
    make_tiny: MakeTiny, folders: Folders, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONVSTUDY_OFFLINE")
    tiny = make_tiny(mirrors=(f"{mirror.url}gone/", f"{mirror.url}good/"))
    mirror.pages = {f"/good/{name}.gz": archive for name, archive in tiny.archives.items()}
    assert len(tiny.info.load().train) == 12
    assert mirror.requested == [f"/{place}/{name}.gz" for name in tiny.archives for place in ("gone", "good")]
    assert sorted(path.name for path in (folders[1] / "tiny").iterdir()) == sorted(
        f"{name}.gz" for name in tiny.archives
    )
    tiny.info.load()
    assert len(mirror.requested) == 8


def test_convstudy_offline_requests_no_mirror(make_tiny: MakeTiny, folders: Folders, mirror: Mirror) -> None:
    tiny = make_tiny(mirrors=(mirror.url,))
    mirror.pages = {f"/{name}.gz": archive for name, archive in tiny.archives.items()}
    with pytest.raises(DataError, match="CONVSTUDY_OFFLINE"):
        tiny.info.load()
    assert mirror.requested == []


def test_download_of_other_bytes_raises_and_leaves_no_file(
    make_tiny: MakeTiny, folders: Folders, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONVSTUDY_OFFLINE")
    tiny = make_tiny(mirrors=(f"{mirror.url}wrong/", f"{mirror.url}long/"))
    archive = tiny.archives["train-images"]
    mirror.pages = {
        "/wrong/train-images.gz": archive[:-1] + b"?",
        "/long/train-images.gz": archive + b"?",
    }
    with pytest.raises(DataError) as caught:
        tiny.info.load()
    assert f"{mirror.url}wrong/train-images.gz: " in caught.value.problems[0].what
    assert "longer than the published file" in caught.value.problems[0].what
    assert list((folders[1] / "tiny").iterdir()) == []


def test_cache_folder_is_that_of_pooch_unless_the_variable_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONVSTUDY_CACHE", raising=False)
    assert cache_folder().name == "convstudy"
    monkeypatch.setenv("CONVSTUDY_CACHE", "/somewhere/else")
    assert cache_folder() == Path("/somewhere/else")
