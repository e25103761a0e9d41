from __future__ import annotations

import csv
import io

import pytest

from convstudy.report.table import Column, Table, as_csv, as_markdown, as_records, cell_text
from convstudy.stats import summarise

COLUMNS = (
    Column("name", "Name"),
    Column("accuracy", "Accuracy", "percent"),
    Column("loss", "Loss", "loss"),
    Column("digests", "Weights", "digests"),
)
TABLE = Table(
    "scores",
    "Scores",
    "What they scored.",
    COLUMNS,
    (
        ("a", summarise([0.1, 0.2]), 0.1 + 0.2, ("0123456789abcdef", "fedcba9876543210")),
        ("b", None, None, ()),
    ),
)


def test_texts_are_rounded() -> None:
    assert TABLE.texts == [["a", "15.00 ± 7.07 %", "0.3000", "01234567 fedcba98"], ["b", "–", "–", "–"]]


def test_csv_has_full_precision_and_full_digests() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(TABLE))))
    assert list(rows[0]) == ["name", "accuracy_mean", "accuracy_sd", "accuracy_n", "loss", "digests"]
    assert float(rows[0]["loss"]) == 0.1 + 0.2
    assert float(rows[0]["accuracy_mean"]) == 0.15000000000000002
    assert rows[0]["digests"] == "0123456789abcdef fedcba9876543210"
    assert rows[1] == {
        "name": "b",
        "accuracy_mean": "",
        "accuracy_sd": "",
        "accuracy_n": "0",
        "loss": "",
        "digests": "",
    }


def test_records_have_the_same_values_as_csv() -> None:
    first, second = as_records(TABLE)
    assert first["digests"] == ["0123456789abcdef", "fedcba9876543210"]
    assert (second["accuracy_mean"], second["accuracy_n"]) == (None, 0)


def test_markdown_aligns_numbers_to_the_right() -> None:
    head, rule, first, _ = as_markdown(TABLE).splitlines()
    assert head == "| Name | Accuracy | Loss | Weights |"
    assert rule == "| --- | ---: | ---: | --- |"
    assert first == "| a | 15.00 ± 7.07 % | 0.3000 | 01234567 fedcba98 |"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_csv_escapes_formulas(text: str) -> None:
    table = Table("t", "T", "", (Column("x", "X"),), ((text,),))
    ((_,), (cell,)) = csv.reader(io.StringIO(as_csv(table)))
    assert cell == "'" + text


def test_markdown_escapes_markup() -> None:
    table = Table("t", "T", "", (Column("x", "X"),), (("a|b\n<script>`x`[y](z)",),))
    row = as_markdown(table).splitlines()[2]
    assert row == "| a\\|b \\<script\\>\\`x\\`\\[y\\](z) |"


def test_table_rejects_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="1 values for 4 columns"):
        Table("t", "T", "", COLUMNS, (("a",),))


def test_cell_of_many_digests_shows_three_and_the_number_of_the_others() -> None:
    digests = tuple(letter * 64 for letter in "abcde")
    assert cell_text(digests[:3], "digests").split() == ["a" * 8, "b" * 8, "c" * 8]
    assert cell_text(digests, "digests").split() == ["a" * 8, "b" * 8, "c" * 8, "+2"]
