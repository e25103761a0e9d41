"""A table with a column of times: the latest images are the test part, and folds train on the past."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from convstudy import load_study, run_study
from convstudy.analysis import analyse
from convstudy.cli import main
from convstudy.data.sources.prepared import PreparedSource
from convstudy.errors import ConvstudyError
from convstudy.report import answer
from tests.data.preparing.test_test_images import drawn, write

STUDY = """\
[study]
name = "timed"
seeds = 2
validation = 0.25
[dataset]
path = "data/table.csv"
time = "when"
KEYS
[recipe]
epochs = 1
[network.a]
kernel = 3
layers = ["conv 2 {kernel}", "flatten"]
[search.kernel]
network = "a"
parameters = { kernel = [1, 3] }
folds = 3
[network.b]
layers = ["flatten"]
[compare.c]
networks = ["a", "b"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    lines = ["path,label,when,patient"]
    for number in np.random.RandomState(0).permutation(30).tolist():
        write(tmp_path / "data", f"{number}.png", drawn(number, 16))
        lines.append(f"{number}.png,{'ab'[number % 2]},2026-01-{number + 1:02d},p{number % 5}")
    (tmp_path / "data" / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "timed.toml").write_text(STUDY.replace("KEYS", ""), encoding="utf-8")
    return tmp_path


def test_study_in_order_of_time_trains_on_the_past_and_only_describes(folder: Path) -> None:
    study = load_study(folder / "timed.toml")
    assert isinstance(study.dataset.source, PreparedSource)
    assert (study.dataset.n_train, study.dataset.n_test, study.dataset.has_times) == (24, 6, True)
    assert "Splits are in order of time, so that all verdicts are descriptive only." in (
        study.dataset.source.summary().notes
    )
    results = run_study(study, folder / "runs", workers=0)
    assert results.complete
    tests = {
        line.partition(",")[2]
        for line in (folder / "table.parts.csv").read_text(encoding="utf-8").splitlines()
        if line.startswith("test,")
    }
    assert tests == {f"{number}.png" for number in range(24, 30)}
    times = study.dataset.load_times("train")
    assert times is not None
    for fit in results.plan.stages[0].candidates[0].fits:
        rows = results.arrays(fit.id, "validation")["indices"]
        assert sorted(times[rows].tolist()) == list(
            range(6 * (fit.split.index + 1), 6 * (fit.split.index + 2))
        )  # type: ignore[union-attr]
        assert results.records[fit.id].n_train == 6 * (fit.split.index + 1)  # type: ignore[union-attr]
    said = " ".join(answer(analyse(results)))
    assert "descriptive only" in said and "better than" not in said and "worse than" not in said


def test_times_and_groups_together_are_refused(folder: Path) -> None:
    path = folder / "timed.toml"
    path.write_text(STUDY.replace("KEYS", 'group = "patient"'), encoding="utf-8")
    with pytest.raises(ConvstudyError, match="must not have both groups and times") as caught:
        load_study(path)
    assert "declare periods such as days as groups" in str(caught.value)


def test_terminal_and_json_say_that_verdicts_are_descriptive(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(folder / "timed.toml"), "--runs", str(folder / "runs"), "--workers", "1"]
    assert main(arguments) == 0
    assert "descriptive only" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    assert any("descriptive only" in line for line in json.loads(capsys.readouterr().out)["answer"])
