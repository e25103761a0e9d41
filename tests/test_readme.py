"""What README shows works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from convstudy.plan import make_plan
from convstudy.studyfile import check_study, load_study

ROOT = Path(__file__).resolve().parents[1]


def blocks(language: str) -> list[str]:
    """Return the code blocks of README that are written in a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.M
    )


def test_the_study_file_can_be_planned(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    file = tmp_path / "my-first.toml"
    file.write_text(text, encoding="utf-8")
    study = load_study(file)
    check_study(study)
    assert [stage.key for stage in make_plan(study).stages] == [
        "search.kernel-size",
        "compare.architectures",
        "ablate.best",
    ]


def test_python_code_runs_and_its_study_equals_its_document(tmp_path: Path) -> None:
    text, _ = blocks("python")
    imported = [line for line in text.splitlines() if "import" in line]
    assert len(imported) == 1 and imported[0].startswith("from convstudy import ")
    text += "from convstudy.studyfile import study_document, study_of\n"
    text += "assert study_of(study_document(study)) == study\n"
    script = tmp_path / "study.py"
    script.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("one-conv", "dense")


def test_the_python_code_with_arrays_runs(tmp_path: Path) -> None:
    _, text = blocks("python")
    (tmp_path / "arrays.py").write_text(text, encoding="utf-8")
    words = [sys.executable, "arrays.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "4"
