"""Collapsed seeds in the report: rates, conditional verdicts, and no 95 % interval that they break."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from convstudy.analysis import analyse
from convstudy.checks import Findings
from convstudy.checks.catalogue import check_run
from convstudy.history.results import Results
from convstudy.report.conclusions import conclusions
from convstudy.report.questions_text import short_notes
from convstudy.report.section import Material, Section, Topic
from convstudy.report.sections import (
    baselines,
    calibration,
    classes,
    collapse,
    comparison,
    left_open,
    verdicts,
)
from convstudy.report.sections.left_open import rare_failures_text
from convstudy.report.short_answer import short_answer
from convstudy.report.verdict_notes import conclusion_text
from convstudy.stats.verdicts import at_look
from tests.analysis.test_collapse import fallen_results, stage_of
from tests.checks.made import results, with_baselines

ONE_SEED = [("two", 3)]


def material(made: Results) -> Material:
    return Material(analyse(made), Findings())


def sections_of(topic: Topic, made: Results) -> list[Section]:
    return list(topic.sections(material(made)))


def words(section: Section) -> str:
    blocks = [block for block in section.every_block if hasattr(block, "texts") or hasattr(block, "plain")]
    return " ".join(
        block.plain if hasattr(block, "plain") else " ".join(block.texts)  # type: ignore[union-attr, arg-type]
        for block in blocks
        if not hasattr(block, "columns")
    )


def test_study_without_collapse_has_no_section() -> None:
    assert sections_of(collapse.SECTION, results()) == []
    assert collapse.SECTION.data(material(results())) == {"collapsed_seeds": {}}
    assert "collapse" not in " ".join(short_answer(analyse(results())))


def test_section_shows_rates_and_conditional_verdict() -> None:
    (section,) = sections_of(collapse.SECTION, fallen_results(ONE_SEED))
    rates, pairs = section.every_table
    assert [row[:3] for row in rates.rows] == [("one", 0, 5), ("two", 1, 5)]
    assert pairs.rows[0][:3] == ("one", "better", "two")
    assert "Holm’s correction counts 2" in pairs.caption
    text = words(section)
    assert "1 of 5 seeds of two collapsed (rate 20 %, 95 % CI 1 to 72 %)." in text
    assert "Among seeds that trained: one minus two" in text
    assert "not reliable with collapsed seeds" in text
    assert "a random seed of two in 100 % of pairs (95 % CI 48 to 100 %; a tie counts half)" in text


def test_json_has_collapsed_seeds() -> None:
    found = collapse.SECTION.data(material(fallen_results(ONE_SEED)))["collapsed_seeds"]
    assert json.loads(json.dumps(found)) == found
    stage = found["compare.all"]
    assert [each["part"] for each in stage["candidates"][1]["seeds"]] == ["seed 3"]
    assert stage["candidates"][1]["rate"]["estimate"] == 0.2
    assert stage["pairs"][0]["trained"]["kind"] == "better"


def test_answers_report_collapse_once_and_label_the_conditional_verdict() -> None:
    made = fallen_results(ONE_SEED)
    short = next(line for line in short_answer(analyse(made)) if line.startswith("Comparison"))
    assert short.endswith("; 1 of 5 seeds of two collapsed.")
    full = next(each for each in conclusions(analyse(made)) if each.question == "compare")
    assert (
        "1 of 5 seeds of two collapsed on validation images. Among seeds that trained: it is better"
        in full.text
    )
    assert full.text.count("collapsed on validation") == 1


@pytest.mark.parametrize("fallen", [ONE_SEED, [("one", 1)], [("two", seed) for seed in range(4)]])
def test_no_interval_over_collapsed_seeds_is_called_a_95_percent_interval(
    fallen: list[tuple[str, int]],
) -> None:
    """Sentences on all seeds say that the interval is not reliable; tables and charts leave it out."""
    made = fallen_results(fallen)
    (name,) = {name for name, _ in fallen}
    compare = next(each for each in conclusions(analyse(made)) if each.question == "compare")
    sentences = re.split(r"(?<=\.) (?=[A-Z1-9])", compare.statement)
    about_all = [each for each in sentences if "seeds that trained" not in each]
    assert not any("95 %" in each for each in about_all)
    for note in compare.notes:
        on_all_seeds = "minus" in note and "seeds that trained" not in note
        assert not (on_all_seeds and "95 %" in note), note
        assert "95 %" not in note or not note.startswith(f"{name}: "), note
    (section,) = sections_of(verdicts.SECTION, made)
    rows = [row for table in section.every_table for row in _records(table) if "low" in row]
    broken = [row for row in rows if row["stage"] == "compare.all"]
    assert broken
    assert all((row["low"], row["high"]) == (None, None) for row in broken)
    assert all("collapsed seeds" in row["verdict"] for row in broken)
    scores = sections_of(comparison.SECTION, made)[0].every_table[0]
    ends = {row["candidate"]: row["accuracy_low"] for row in _records(scores)}
    assert [ends[each] is None for each in ("one", "two")] == [name == "one", name == "two"]


def test_details_of_a_headline_with_a_collapsed_seed_have_no_intervals() -> None:
    made = fallen_results([("one", 1)], level=0.89)
    head = analyse(made).headline
    assert head is not None and head.candidate.name == "one"
    for topic, key in ((classes.SECTION, "class-accuracy"), (calibration.SECTION, "calibration-bins")):
        tables = [t for section in sections_of(topic, made) for t in section.every_table if t.name == key]
        assert tables
        assert all(row["low"] is None for table in tables for row in _records(table))
    text = words(sections_of(calibration.SECTION, made)[0])
    assert "not reliable with collapsed seeds" in text
    assert "whether they differ is not tested, because seeds collapsed" in text


def test_check_reports_collapsed_seeds_of_any_number_of_seeds() -> None:
    found = [
        each for each in check_run(analyse(fallen_results(ONE_SEED))).reported if each.check == "seed-outlier"
    ]
    assert [each.where for each in found] == ["compare.all: two"]
    assert found[0].what.startswith(
        "seed 3 with 60.04 % collapsed: the median validation accuracy of the other"
    )
    four = fallen_results([("two", seed) for seed in range(4)])
    (spot,) = [each for each in check_run(analyse(four)).reported if each.check == "seed-outlier"]
    assert spot.what.startswith("seed 0")


def test_left_open_states_the_failures_that_seeds_cannot_show() -> None:
    (section,) = sections_of(left_open.SECTION, results())
    assert "Comparison all: 5 seeds per candidate say nothing of failures rarer than about 3 in 5." in words(
        section
    )
    assert rare_failures_text(3) == "3 seeds per candidate say nothing of how often a training fails."


def _records(table: object) -> list[dict[str, object]]:
    from convstudy.report.table import as_records

    return as_records(table)  # type: ignore[arg-type]


def test_table_of_baselines_has_no_95_percent_interval_over_collapsed_seeds() -> None:
    (section,) = sections_of(baselines.SECTION, with_baselines(fallen_results(ONE_SEED), 0.9))
    table = section.every_table[-1]
    first, second = (dict(zip([c.key for c in table.columns], row, strict=True)) for row in table.rows[:2])
    assert first["low"] is not None and "collapsed" not in str(first["verdict"])
    assert second["low"] is None and str(second["verdict"]).endswith(" (collapsed seeds)")
    assert "Where seeds collapsed, the table has no 95 % CI" in table.caption


def test_candidate_near_chance_may_have_learned_too_little() -> None:
    every = [("two", seed) for seed in range(5)]
    (section,) = sections_of(collapse.SECTION, fallen_results(every, level=0.1))
    assert "best seeds are not clearly above chance on validation images" in words(section)
    assert "It is not exact for two" in section.every_table[0].caption
    (usual,) = sections_of(collapse.SECTION, fallen_results(ONE_SEED))
    assert "not clearly above chance" not in words(usual)
    assert usual.every_table[0].caption == "Interval: Clopper and Pearson’s, exact."


def test_reason_of_a_verdict_with_collapsed_seeds_does_not_use_its_interval() -> None:
    (verdict,) = stage_of(fallen_results(ONE_SEED))[1].verdicts
    alone = replace(verdict, kind="inconclusive", p=0.01, n_comparisons=3)
    assert "conclusive without it" in conclusion_text(replace(alone, n_collapsed=0))
    assert conclusion_text(alone) == "inconclusive"


def test_earlier_tests_are_noted_if_every_shown_verdict_has_collapsed_seeds() -> None:
    (verdict,) = stage_of(fallen_results(ONE_SEED))[1].verdicts
    assert list(short_notes([at_look(verdict, (3, 5), 2)])) == [
        "tested on the test set with 3, then 5 seeds."
    ]
    assert not any("tested on" in text for text in short_notes([verdict]))


def test_left_open_names_the_largest_number_of_seeds_too() -> None:
    assert rare_failures_text(5, 10) == (
        "5 seeds of a candidate say nothing of failures rarer than about 3 in 5. Other candidates have up to 10 seeds."
    )
