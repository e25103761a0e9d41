"""The examples of docs/datasets.md run, and it lists each kind of source."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convstudy.studyfile import load_study
from convstudy.studyfile.images import TABLE_SOURCES, DatasetTable

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "datasets.md").read_text("utf-8")


def block(language: str) -> str:
    """Return the only code block of the page in a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.M)
    return str(text)


def test_study_file_reads_its_arrays(tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    for part, n in (("train", 60), ("test", 30)):
        np.save(tmp_path / "arrays" / f"{part}-images.npy", np.zeros((n, 8, 8, 3), np.uint8))
        np.save(tmp_path / "arrays" / f"{part}-labels.npy", np.arange(n) % 3)
    (tmp_path / "pets.toml").write_text(block("toml"), encoding="utf-8")
    dataset = load_study(tmp_path / "pets.toml").dataset
    assert (dataset.name, dataset.class_names) == ("arrays", ("cat", "dog", "cow"))


@pytest.mark.slow
def test_python_code_runs(tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(block("python"), encoding="utf-8")
    command = [sys.executable, "study.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "small-digits"


def test_page_lists_each_source_and_each_key() -> None:
    assert re.findall(r'^\| `"([a-z0-9]+)"` \|', PAGE, re.M) == list(TABLE_SOURCES)
    assert re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.M) == list(DatasetTable.model_fields)
