"""Failed fits on the command line: the message, the hint, and ``--accept-failures``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.plan import Fit
from tests.cli.conftest import CommandResult
from tests.run.test_failures import kill_workers

Call = Callable[..., CommandResult]
REASON = "too large for this machine"


def test_a_failed_fit_has_a_hint_and_can_be_accepted(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"

    def names(fit: Fit) -> bool:
        return fit.seed == 1 and "dense 8 relu" in fit.network.texts

    with pytest.MonkeyPatch.context() as patch:
        kill_workers(patch, names)
        result = convstudy("run", tiny, "--runs", runs, "--no-report")
        assert result.status == 1
        for text in (
            "1 of 10 fits failed; another run can still train it:\n"
            "  crashed: killed (signal 9)\n"
            "    compare.both flat, seed 1",
            "no test image is read",
            f"hint: run the same command again; it trains only the missing fits: convstudy run {tiny}",
            "--accept-failures REASON",
        ):
            assert text in result.err
        assert " tested, " not in result.err
        assert "Comparison both: nothing is selected yet; 1 fit failed." in result.out
        status = convstudy("status", "--runs", runs)
        assert "1 of 10 fits failed; another run can still train it" in status.out
        assert (
            convstudy("plan", tiny, "--runs", runs, "--no-estimate-time", "--json").json["left"]["n_fits"]
            == 1
        )

        result = convstudy("run", tiny, "--runs", runs, "--json", "--accept-failures", REASON)
    assert result.status == 1
    left = convstudy("plan", tiny, "--runs", runs, "--no-estimate-time", "--json").json["left"]
    assert left["n_fits"] == 0
    (failed,) = result.json["failed"]
    assert [each["reason"] for each in result.json["acceptances"]] == [REASON]
    assert (failed["may_yet_succeed"], failed["accepted"]["reason"]) == (False, REASON)
    assert result.json["complete"]
    comparison = next(line for line in result.json["answer"] if line.startswith("Comparison"))
    day = failed["accepted"]["accepted_at"][:10]
    assert f"failed permanently, as a person accepted on {day}: “{REASON}”." in comparison
    assert "1 of 10 fits failed:" in result.err
    assert f"compare.both flat, seed 1 (accepted {day}: {REASON})" in result.err
    assert REASON in Path(result.json["report"]).read_text(encoding="utf-8")
    assert (
        convstudy("report", "tiny", "--runs", runs, "--format", "csv,json", "--output", tmp_path).status == 0
    )
    (document,) = [json.loads(path.read_text("utf-8")) for path in tmp_path.glob("*.json")]
    assert document["acceptances"][0]["acceptance"]["reason"] == REASON
    assert REASON in (tmp_path / "tables" / "acceptances.csv").read_text(encoding="utf-8")
    assert "yes: accepted, see the protocol" in (tmp_path / "tables" / "failures.csv").read_text("utf-8")


def test_accept_failures_accepts_failures_of_earlier_runs_only(
    convstudy: Call, tiny: Path, tmp_path: Path
) -> None:
    arguments = ("run", tiny, "--runs", tmp_path / "runs", "--no-report", "--accept-failures", REASON)
    with pytest.MonkeyPatch.context() as patch:
        kill_workers(patch, lambda fit: fit.seed == 1 and "dense 8 relu" in fit.network.texts)
        result = convstudy(*arguments)
    assert result.status == 1
    assert "hint: run the same command again to accept these too: convstudy run" in result.err
    assert "trains only the missing fits" not in result.err and "To count it" not in result.err


def test_lost_weights_that_fail_to_train_again_are_reported(
    convstudy: Call, tiny: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    arguments = ("run", tiny, "--runs", runs, "--no-report")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        kill_workers(patch, lambda fit: False)
        patch.setattr("convstudy.run.study.evaluate_models", interrupt)
        assert convstudy(*arguments).status == 130
    for path in runs.glob("fits/*/weights.safetensors"):
        path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        kill_workers(patch, lambda fit: True)
        result = convstudy(*arguments)
    assert result.status == 1
    assert "The weights of a model are lost and training it again failed" in result.err
    assert f"hint: run the same command again: convstudy run {tiny} --runs {runs} --no-report" in result.err
    assert convstudy("status", "--runs", runs).status == 0


def test_accept_failures_needs_a_reason(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    result = convstudy("run", tiny, "--runs", tmp_path / "runs", "--accept-failures", " ")
    assert result.status == 2
    assert "the reason to accept failures must be printable text" in result.err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1 h", ""])
def test_a_fit_timeout_must_be_positive(seconds: str, convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    result = convstudy("run", tiny, "--runs", tmp_path / "runs", f"--fit-timeout={seconds}")
    assert result.status == 2
    assert "--fit-timeout must be a positive number of seconds; got " in result.err
    assert not (tmp_path / "runs").exists()
