"""``init``, ``schema`` and ``datasets``."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.studyfile import load_study
from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]


@pytest.mark.parametrize("dataset", ["digits", "mnist", "kmnist"])
def test_init_writes_a_valid_study(convstudy: Call, tmp_path: Path, dataset: str) -> None:
    path = tmp_path / "mine.toml"
    result = convstudy("init", path, "--dataset", dataset)
    assert result.status == 0
    assert f"convstudy plan {path}" in result.out
    assert load_study(path).dataset.name == dataset


def test_init_without_a_path_writes_study_toml(
    convstudy: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert convstudy("init").status == 0
    assert load_study(tmp_path / "study.toml").dataset.name == "mnist"


def test_init_overwrites_a_file_only_with_force(convstudy: Call, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("precious", "utf-8")
    result = convstudy("init", path)
    assert result.status == 2
    assert "--force" in result.err
    assert path.read_text("utf-8") == "precious"
    assert convstudy("init", path, "--force").status == 0
    assert path.read_text("utf-8") != "precious"


def test_init_rejects_a_folder(convstudy: Call, tmp_path: Path) -> None:
    for arguments in ([], ["--force"]):
        result = convstudy("init", tmp_path, *arguments)
        assert result.status == 2
        assert "PATH is a folder" in result.err and "--force" not in result.err


def test_the_suggested_command_quotes_its_path(convstudy: Call, tmp_path: Path) -> None:
    result = convstudy("init", tmp_path / "my study.toml")
    assert f"convstudy plan '{tmp_path / 'my study.toml'}'" in result.out


def test_schema_is_json(convstudy: Call) -> None:
    schema = convstudy("schema").json
    assert schema["properties"].keys() >= {"study", "recipe", "network", "search", "compare", "ablate"}


def test_datasets_downloads_nothing(convstudy: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSTUDY_DATA", str(tmp_path))
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path))
    monkeypatch.delenv("CONVSTUDY_OFFLINE", raising=False)
    monkeypatch.setattr("convstudy.data.files._download", lambda *_: pytest.fail("a download"))
    here = {each["name"]: each["here"] for each in convstudy("datasets", "--json").json}
    assert here == {"digits": True, "mnist": False, "fashion-mnist": False, "kmnist": False}
    assert "CONVSTUDY_OFFLINE" not in os.environ
    result = convstudy("datasets")
    assert result.status == 0
    assert "60,000" in result.out


def test_init_on_a_full_disk_leaves_no_file(
    convstudy: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = Path.open

    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(self: Path, *args: object, **options: object) -> object:
        file = real_open(self, *args, **options)  # type: ignore[call-overload]
        if self.name != "study.toml":
            return file
        file.close()
        return Full()

    path = tmp_path / "study.toml"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        result = convstudy("init", path)
    assert result.status == 2
    assert f"{path}: the study file cannot be written: no space left on device" in result.err
    assert convstudy("init", path).status == 0
