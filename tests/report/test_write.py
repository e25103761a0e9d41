from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from convstudy.errors import UsageError
from convstudy.report import FORMATS, write_report
from convstudy.report import bundle as bundle_module
from convstudy.report.files import write_file
from convstudy.studyfile import study_of
from tests.report.synthetic import analysed, synthetic_results
from tests.three_questions import three_questions

STARTS = {".html": b"<!doctype html>", ".svg": b"<svg", ".pdf": b"%PDF", ".png": b"\x89PNG", ".json": b"{"}


def test_every_format_writes_its_files(tmp_path: Path) -> None:
    study = three_questions().model_copy(update={"search": {}, "ablate": {}})
    files = write_report(*analysed(synthetic_results(study)), tmp_path, FORMATS)
    assert FORMATS == ("html", "csv", "markdown", "json", "svg", "pdf", "png")
    assert files[0] == tmp_path / "report.html"
    assert {path.suffix for path in files} == {".html", ".csv", ".md", ".json", ".svg", ".pdf", ".png"}
    for path in files:
        content = path.read_bytes()
        assert content.lstrip().startswith(STARTS.get(path.suffix, b"")) and len(content) > 20
    assert sorted(files) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len([path for path in files if path.suffix == ".svg"]) == 5 + 2 * 3 + 4


def test_default_format_is_html(tmp_path: Path) -> None:
    assert write_report(*analysed(synthetic_results(stop_after=1)), tmp_path) == (tmp_path / "report.html",)


def test_unknown_format_is_rejected_before_writing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='did you mean "html"'):
        write_report(*analysed(synthetic_results(stop_after=1)), tmp_path, ["htm"])
    assert list(tmp_path.iterdir()) == []


def test_json_has_all_tables_and_records(tmp_path: Path) -> None:
    results = synthetic_results(fails=["plain"])
    (path,) = write_report(*analysed(results), tmp_path, ["json"])
    document = json.loads(path.read_text("utf-8"))
    assert document["schema_version"] == 4
    assert study_of(document["study"]) == results.study
    assert set(document["records"]) == set(results.records)
    assert len(document["answer"]) == 4
    assert {
        "verdicts",
        "results",
        "costs",
        "search-kernel-size",
        "compare-architectures",
        "ablate-best",
    } <= set(document["tables"])
    assert len(document["test_set"]["test_evaluations"]) == 17
    misclassified = document["tables"]["misclassified"]["rows"]
    assert len(misclassified) >= 12 and all(row["true"] != row["predicted"] for row in misclassified)
    assert [row["confidence"] for row in misclassified] == sorted(
        (r["confidence"] for r in misclassified), reverse=True
    )
    assert len(document["tables"]["results"]["rows"]) == 30


@pytest.mark.parametrize("stop_after", [0, 3, 12])
def test_unfinished_run_has_a_report_in_each_text_format(tmp_path: Path, stop_after: int) -> None:
    files = write_report(
        *analysed(synthetic_results(stop_after=stop_after)), tmp_path, ["html", "csv", "markdown", "json"]
    )
    assert {path.suffix for path in files} == {".html", ".csv", ".md", ".json"}


def test_same_results_give_identical_bytes(tmp_path: Path) -> None:
    formats = ("html", "csv", "markdown", "json")
    first = [
        path.read_bytes() for path in write_report(*analysed(synthetic_results()), tmp_path / "a", formats)
    ]
    assert [
        path.read_bytes() for path in write_report(*analysed(synthetic_results()), tmp_path / "b", formats)
    ] == first


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_file(tmp_path / "report.md", "old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="full"):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_chart_library_is_cached_and_a_damaged_cache_is_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vl_convert

    made = []

    def make(**_: object) -> str:
        made.append(1)
        return "window.vegaEmbed=1;"

    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path))
    monkeypatch.setattr(vl_convert, "javascript_bundle", make)
    assert bundle_module.chart_library() == bundle_module.chart_library() == "window.vegaEmbed=1;"
    assert len(made) == 1
    (kept,) = tmp_path.iterdir()
    kept.write_text(kept.read_text() + "alert(1)")
    assert bundle_module.chart_library() == "window.vegaEmbed=1;"
    assert len(made) == 2


def test_report_does_not_import_torch() -> None:
    code = (
        "import sys, tempfile; from pathlib import Path\n"
        "from tests.report.synthetic import analysed, synthetic_results\n"
        "from convstudy.report import write_report\n"
        "write_report(*analysed(synthetic_results()), Path(tempfile.mkdtemp()), ('html', 'csv', 'json'))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.strip() == "False"
