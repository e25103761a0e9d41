from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]
NOTEBOOK = ("verdict", "--successes", "9951", "9937", "--n", "10000")


def test_the_verdict_on_the_notebook_is_inconclusive(convstudy: Call) -> None:
    result = convstudy(*NOTEBOOK)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("The comparison of the two models is inconclusive (difference 0.14 pp, ")


def test_json_has_the_same_verdict(convstudy: Call) -> None:
    result = convstudy(*NOTEBOOK, "--discordant", 21, 7, "--json")
    assert result.json["kind"] == "inconclusive"
    assert result.json["pairs"] == {
        "both": 9930,
        "first_only": 21,
        "second_only": 7,
        "neither": 42,
        "by_group": None,
    }
    assert result.json["mcnemar_exact_p"] == pytest.approx(0.0125, abs=1e-3)
    assert result.json["mcnemar_hypothesis"] == "both models are equally accurate"
    assert result.json["answer"] == convstudy(*NOTEBOOK, "--both-right", 9930).out.splitlines()


def test_the_margin_is_in_percentage_points(convstudy: Call) -> None:
    assert convstudy(*NOTEBOOK, "--both-right", 9937, "--margin", "0").out.startswith(
        "The first model is better"
    )
    assert convstudy(*NOTEBOOK, "--both-right", 9937, "--margin", "1").out.startswith(
        "The two models are equivalent within 1 percentage point on"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--successes", "9951", "9937"], "N is missing"),
        (["--successes", "9951", "--n", "10000"], "convstudy verdict"),
        (["--successes", "1", "x", "--n", "3"], "--successes must be an integer; got 'x'"),
        (
            ["--successes", "4", "2", "--n", "3"],
            "each number of correct predictions must be in [0, 3]; got 4.",
        ),
        (
            ["--successes", "1", "2", "--n", "3", "--both-right", "2"],
            "both_right must be in [0, 1] with these successes; got 2.",
        ),
        (
            ["--successes", "1", "2", "--n", "3", "--discordant", "1", "1"],
            "discordant must be two counts that differ by -1, as the successes do; got 1 and 1.",
        ),
        (["--successes", "1", "2", "--n", "3", "--margin", "nan"], "--margin must be a number in [0, 100]"),
        (["--successes", "1", "2", "--n", "3", "--margin", "0 %"], '(0, 100) such as "10 %"; got 0 %.'),
        (
            ["--successes", "1", "2", "--n", "3", "--margin", "500"],
            'a share of the errors in (0, 100) such as "10 %"; got 500.',
        ),
    ],
)
def test_impossible_counts_are_errors(convstudy: Call, arguments: list[str], message: str) -> None:
    result = convstudy("verdict", *arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err


PATIENTS = "group,n,first,second,both\n" + "".join(
    f"p{i},50,{48 - i % 3},{40 + i % 5},{39 + i % 5}\n" for i in range(36)
)


def written(folder: Path, text: str) -> Path:
    (folder / "patients.csv").write_text(text, encoding="utf-8")
    return folder / "patients.csv"


def test_file_of_groups_gives_a_verdict_on_groups(convstudy: Call, tmp_path: Path) -> None:
    result = convstudy("verdict", "--groups", written(tmp_path, PATIENTS))
    assert result.status == 0
    assert result.out.startswith("The first model is better on groups of this kind (by ")
    assert "1,800 images of 36 groups" in result.out and "on group totals" in result.out
    found = convstudy("verdict", "--groups", tmp_path / "patients.csv", "--json").json
    assert (found["kind"], found["groups"]["n_groups"], found["has_pairing"]) == ("better", 36, True)
    assert found["answer"] == result.out.splitlines()


def test_forms_of_a_file_of_groups_agree(convstudy: Call, tmp_path: Path) -> None:
    """Counts with "both", with discordant counts, and one line per image are the same."""
    counts = [(10, 9, 7, 7 - i % 2) for i in range(24)]
    both = "group;n;first;second;both\n" + "".join(
        f"{i};{n};{a};{b};{k}\n" for i, (n, a, b, k) in enumerate(counts)
    )
    only = "first_only,second_only,group,n,first,second\n" + "".join(
        f"{a - k},{b - k},{i},{n},{a},{b}\n" for i, (n, a, b, k) in enumerate(counts)
    )
    lines = [
        (i, *pair)
        for i, (n, a, b, k) in enumerate(counts)
        for pair in [(1, 1)] * k + [(1, 0)] * (a - k) + [(0, 1)] * (b - k) + [(0, 0)] * (n - a - b + k)
    ]
    images = "id,Group,First,Second\n" + "".join(f"x,{i},{a},{b}\n" for i, a, b in reversed(lines))
    found = [convstudy("verdict", "--groups", written(tmp_path, text)).out for text in (both, only, images)]
    assert found[0] == found[1] == found[2] and "240 images of 24 groups" in found[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "patients.csv:1: the first line must name the columns; group, first, second are missing"),
        ("group,first\n", "second is missing"),
        ("group,n,first,second\n", "no lines below the names of its columns"),
        ("group,n,first,second\na,5,x,1\n", "patients.csv:2: first must be a whole number of images; got x."),
        ("group,n,first,second\na,5,4,1\na,5,4,1\n", "patients.csv:3: a group must not occur twice"),
        ("group,n,first,second\na,5,4\n", "patients.csv:2: a line must have 4 values; got 3 values."),
        ("group,n,first,second\na,5,6,1\n", 'group "a": first must be in [0, 5]; got 6.'),
        ("group,n,first,second,both\na,5,4,3,1\n", 'group "a": both must be in [2, 3]; got 1.'),
        ("group,first,second\na,1,2\n", "patients.csv:2: second must be 1 (correct) or 0; got 2."),
        ("group,first,second\n,1,0\n", "patients.csv:2: the group must not be empty"),
        ("group,group,first,second\n", "the column group must not occur twice"),
        ("group,n,first,second,first_only\n", "first_only and second_only must be given together"),
        (
            "group,n,first,second,first_only,second_only\na,9,5,4,3,3\n",
            "contradict the other columns; got 3 and 3.",
        ),
        ('group,first,second\n"a,1', "a line must have 3 values"),
    ],
)
def test_wrong_files_of_groups_are_errors(convstudy: Call, tmp_path: Path, text: str, message: str) -> None:
    result = convstudy("verdict", "--groups", written(tmp_path, text))
    assert (result.status, result.out) == (2, "")
    assert message in result.err


def test_file_of_groups_excludes_counts_and_must_exist(convstudy: Call, tmp_path: Path) -> None:
    result = convstudy("verdict", "--groups", written(tmp_path, PATIENTS), "--n", "3")
    assert result.status == 2 and "--groups and --n must not be given together" in result.err
    share = convstudy("verdict", "--groups", tmp_path / "patients.csv", "--margin", "10 %")
    assert share.status == 2 and "must be in percentage points with --groups" in share.err
    wide = convstudy("verdict", "--groups", tmp_path / "patients.csv", "--margin", "50").out
    assert wide.startswith("The two models are equivalent within 50 percentage points on groups of this kind")
    missing = convstudy("verdict", "--groups", tmp_path / "no.csv")
    assert missing.status == 2 and "cannot read this file" in missing.err
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    assert "not a text file in UTF-8" in convstudy("verdict", "--groups", tmp_path / "b.csv").err


def test_verdict_imports_no_torch() -> None:
    script = f"import sys\nfrom convstudy.cli import main\nmain({list(NOTEBOOK)})\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "torch" not in done.stderr.split()


def test_the_margin_can_be_a_share_of_the_errors(convstudy: Call) -> None:
    counts = ("verdict", "--successes", "59940", "59892", "--n", "60000", "--both-right", "59880")
    assert convstudy(*counts).out.startswith("The first model is ahead")
    assert convstudy(*counts, "--margin", "10 %").out.startswith("The first model is better")
    found = convstudy(*counts, "--margin", "10%", "--json").json
    assert found["share"] == {"value": 0.1}
    assert found["errors"]["first"] == pytest.approx(0.001)
    assert found["margin"] == pytest.approx(0.1 * 108 / 60_000)
