"""Text on other questions to the test set, and on the expected number of false claims."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.analysis import Analysis, analyse
from convstudy.history.access_log import Entry
from convstudy.history.results import Results
from convstudy.record import Evaluation
from convstudy.report.conclusions import answer, conclusions
from convstudy.report.questions_text import false_claims_text, families, is_lost, look_text, short_notes
from convstudy.report.section import Details, Material
from convstudy.report.sections import questions, sample_sizes, verdicts
from convstudy.report.short_answer import short_answer
from tests.checks.made import results, with_baselines
from tests.report.synthetic import synthetic_results
from tests.scores import scores


def asked(results: Results, n_others: int) -> Analysis:
    """Return the analysis of results whose test set scored other candidates too."""
    own = [Entry(found, results.run_id, fit_id) for fit_id, found in results.test_evaluations.items()]
    others = [
        Entry(
            Evaluation(f"{number:016d}", "d" * 64, "another", "", 360, scores(0.1, 0.9)),
            "another-1",
            str(number),
        )
        for number in range(n_others)
    ]
    return analyse(replace(results, access_log=(*own, *others)))


@pytest.fixture(scope="module")
def made() -> Results:
    return synthetic_results(
        level=lambda name: {"one-conv": 0.97, "two-conv": 0.85, "plain": 0.8}.get(name, 0.965)
    )


def test_verdicts_keep_their_kind_and_are_reported_if_questions_make_them_unclear(made: Results) -> None:
    few, many = asked(made, 0), asked(made, 3_000)
    for stage_result, other in zip(few.main_results, many.main_results, strict=True):
        assert [v.kind for v in stage_result.verdicts] == [v.kind for v in other.verdicts]
    lost = [v for each in many.main_results[1:] for v in each.verdicts if is_lost(v)]
    assert lost and not any(is_lost(v) for each in few.main_results for v in each.verdicts)
    clear = "not clear after the correction for the 3,0"
    assert any(clear in line for line in short_answer(many)) and any(clear in line for line in answer(many))
    notes = [note for each in conclusions(many) for note in each.notes]
    assert any("; not clear after the correction for the" in note and "% CI" in note for note in notes)
    assert not any("not clear after" in line for line in (*short_answer(few), *answer(few)))


def test_corrected_intervals_are_next_to_the_plain_ones_and_contain_them(made: Results) -> None:
    analysis = asked(made, 6)
    table = verdicts.verdict_table(analysis.stage_results, analysis.main_results[0].metric, 0.001)
    keys = [column.key for column in table.columns]
    place = keys.index("low")
    assert keys[place : place + 5] == ["low", "high", "corrected_low", "corrected_high", "questions"]
    rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
    tested = [row for row in rows if str(row["measure"]).startswith("test")]
    assert len(tested) == 6 and all(row["corrected_low"] < row["low"] for row in tested)  # type: ignore[operator]
    assert all(row["corrected_low"] is None for row in rows if row not in tested)
    # In this log, each of the 18 fits is a hypothesis of its own. The comparison has 3 pairs of 9 fits, the ablation 3
    # variants, with 12 fits of 4 networks; 6 hypotheses are of other runs.
    assert {row["questions"] for row in tested} == {3 + 9 + 6, 3 + 6 + 6}
    scored = questions.corrected_table(analysis.main_results, analysis.main_results[0].metric)
    ends = [row[2:6] for row in scored.rows]
    assert len(ends) == 3 + 4 and all(c < a < b < d for a, b, c, d in ends)  # type: ignore[operator]


def test_report_bounds_the_expected_number_of_false_claims(made: Results) -> None:
    analysis = asked(made, 0)
    found = families(analysis.main_results)
    assert [each["verdicts"] for each in found] == [2, 3, 3, 3, 3]
    text = false_claims_text(analysis.main_results)
    assert text.startswith("This page has 5 families of verdicts, each corrected for its comparisons")
    assert "At most 0.25 families with a false claim are expected here" in text
    assert text.endswith("Ablation of one-conv, test accuracy; Ablation of one-conv, test loss.")
    data = verdicts.data(Material(analysis, None))["false_claims"]
    assert (len(data["families"]), data["expected_at_most"]) == (5, 0.25)
    one_seed = synthetic_results(made.study.model_copy(update={"seeds": 1}))
    assert [each["stage"] for each in families(analyse(one_seed).main_results)] == ["Search kernel-size"]


def test_networks_and_baselines_are_families_too(made: Results) -> None:
    analysis = analyse(with_baselines(results(), 0.9601))
    found = families(analysis.main_results, analysis.baselines)
    assert len(found) == len(families(analysis.main_results)) + len(analysis.baselines) > 2
    assert "networks and the best baseline" in false_claims_text(analysis.main_results, analysis.baselines)


def test_no_confidence_level_is_said_of_an_interval_that_is_not_there(made: Results) -> None:
    shown = [replace(v, look=2, looks=(2, 3)) for each in analyse(made).main_results for v in each.verdicts]
    assert all("confidence level" in look_text(each) for each in shown)
    assert "confidence level" in " ".join(short_notes(shown))
    descriptive = [replace(v, difference=replace(v.difference, centre=None)) for v in shown]
    assert not any("level" in look_text(each) for each in descriptive)
    assert "with 2, then 3 seeds" in (said := " ".join(short_notes(descriptive)))
    assert "level" not in said


def test_section_of_sample_sizes_does_not_repeat_its_title(made: Results) -> None:
    (section,) = sample_sizes.sections(Material(asked(made, 0), None))
    assert section.title not in [block.title for block in section.blocks if isinstance(block, Details)]
