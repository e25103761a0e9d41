"""The text about interactions, in the answer, its notes and one table, claims exactly what the verdicts claim."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.analysis import analyse
from convstudy.report import answer
from convstudy.report.conclusions import conclusions
from convstudy.report.document import document
from convstudy.report.interaction_text import clause, interaction_note
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.sections.interactions import interactions_table
from convstudy.report.table import as_records
from convstudy.report.toml import toml_text
from convstudy.stats import Measure, Verdict, paired_difference
from convstudy.stats.verdicts import corrected, make_verdict
from convstudy.studyfile import study_document, study_of
from tests.analysis.known import results_of
from tests.analysis.test_interactions import known, some, study
from tests.report.synthetic import gathered, synthetic_results
from tests.three_questions import three_questions

SCORES = st.integers(-30, 30).map(lambda n: n / 10_000)
PAIRS = st.lists(SCORES, max_size=5) | SCORES.flatmap(
    lambda centre: st.lists(st.integers(-1, 1).map(lambda n: centre + n / 10_000), min_size=3, max_size=5)
)


@st.composite
def verdicts(draw: st.DrawFn) -> tuple[Verdict, ...]:
    """Return the verdicts on the interactions of one ablation."""
    found = []
    for number in range(draw(st.integers(0, 6))):
        pairs = draw(PAIRS)
        difference = paired_difference(pairs, [0.0] * len(pairs))
        found.append(make_verdict(f"a{number}", f"b{number}", Measure("test", "accuracy"), difference, 0.001))
    return corrected(found)


@settings(max_examples=200)
@given(verdicts())
def test_clause_claims_exactly_what_the_verdicts_claim(found: tuple[Verdict, ...]) -> None:
    text = clause(found)
    kinds = [verdict.kind for verdict in found if verdict.difference.n > 1]
    n_significant = sum(verdict.is_significant for verdict in found)
    assert bool(text) == bool(kinds)
    assert text == "" or (text.startswith("; ") and ". " not in text and not text.endswith("."))
    named = re.findall(r"(a\d) and b\d score \d\.\d\d pp (more|less)", text)
    expected = {v.first: "more" if v.kind == "better" else "less" for v in found if v.is_significant}
    assert dict(named) == (expected if n_significant <= 2 else {})
    assert (f"{n_significant} are significant" in text) == (n_significant > 2)
    assert ("within 0.1 percentage points" in text) == (n_significant == 0 and "equivalent" in kinds)
    assert ("inconclusive" in text) == (n_significant == 0 and "inconclusive" in kinds)
    assert not re.search(r"\b(better|worse)\b", text)


@settings(max_examples=100)
@given(verdicts())
def test_note_claims_exactly_what_its_verdict_claims(found: tuple[Verdict, ...]) -> None:
    words = {
        "better": "together more than the sum",
        "worse": "together less than the sum",
        "equivalent": "no interaction beyond 0.1 percentage points",
        "too few to say": "seed",
    }
    for verdict in found:
        text = interaction_note(verdict)
        assert text.startswith(f"{verdict.first} + {verdict.second}: ") and text.endswith(".")
        assert words.get(verdict.kind, "") in text
        assert re.search(r"together (more|less)", text) is None or verdict.is_significant


def test_answer_has_a_clause_about_the_interaction() -> None:
    (text,) = answer(analyse(known(together=150)))
    assert text.startswith("Ablation of a: the unmodified network has 99.80 % mean test accuracy (5 seeds); ")
    assert text.endswith("; together one and two score 1.00 pp less than the sum of both effects.")
    assert ". " not in text
    (notes,) = (each.notes for each in conclusions(analyse(known(together=150))))
    assert re.fullmatch(
        r"one \+ two: an interaction of −1\.00 pp \(95 % CI −1\.\d\d to −0\.\d\d\), together less than the sum of both "
        r"effects, for this training set\.",
        notes[-1],
    )


@pytest.mark.parametrize(
    ("seeds", "end"),
    [
        (1, "; at least two seeds are needed."),
        (2, "; the interaction of one and two is inconclusive."),
    ],
)
def test_interaction_with_few_seeds_is_inconclusive(seeds: int, end: str) -> None:
    (text,) = answer(analyse(known(together=50, seeds=seeds)))
    assert text.endswith(end)


def test_interaction_within_the_margin_is_reported() -> None:
    quiet = {
        name: some(20, number)
        for number, name in enumerate(("unmodified network", "one", "two", "one + two"))
    }
    (text,) = answer(analyse(results_of(study(seeds=60), quiet)))
    assert text.endswith("; the interaction of one and two is within 0.1 percentage points.")


def test_table_has_the_interaction_and_its_four_scores() -> None:
    (stage_result,) = analyse(known(together=150)).stage_results
    table = interactions_table(stage_result)
    assert table is not None
    (row,) = as_records(table)
    assert (row["first"], row["second"], row["verdict"]) == ("one", "two", "less than the sum")
    means = [row[f"{key}_mean"] for key in ("together", "first_alone", "second_alone", "unmodified")]
    assert means == pytest.approx([0.985, 0.997, 0.996, 0.998])
    assert row["interaction"] == pytest.approx(means[0] - means[1] - means[2] + means[3])
    assert row["low"] < row["interaction"] < row["high"] < -0.001
    assert "Holm" not in table.caption, "one interaction needs no correction"


def test_missing_predictions_are_reported() -> None:
    results = known(together=300, lost=True)
    table = interactions_table(analyse(results).stage_results[0])
    assert table is not None and "Without predictions there is no interval" in table.caption
    assert table.texts[0][2:6] == ["inconclusive", "−2.50", "–", "–"]
    assert "inconclusive: predictions are missing" in conclusions(analyse(results))[0].notes[-1]


def test_every_format_has_the_table_of_interactions() -> None:
    asked = three_questions({"ablate.best.interactions": True})
    contents = gathered(synthetic_results(asked))
    html, text, values = page(contents), markdown(contents), document(contents)
    assert 'id="table-interactions-best"' in html
    assert "-conv: interactions" in text
    rows = values["tables"]["interactions-best"]["rows"]
    assert [(row["first"], row["second"]) for row in rows] == [
        ("plain", "tanh-glorot"),
        ("plain", "rmsprop"),
        ("tanh-glorot", "rmsprop"),
    ]
    assert "for 3 interactions" in values["tables"]["interactions-best"]["caption"]
    assert len(values["tables"]["ablate-best"]["rows"]) == 4 + 3
    assert [v["first"] for v in values["tables"]["verdicts"]["rows"] if v["stage"] == "ablate.best"] == [
        "plain",
        "tanh-glorot",
        "rmsprop",
    ]
    assert study_of(tomllib.loads(toml_text(study_document(asked)))) == asked


def test_study_without_interactions_does_not_mention_them() -> None:
    contents = gathered(synthetic_results())
    assert "nteraction" not in markdown(contents)
    assert "interactions" not in page(contents).partition('id="charts"')[0]


def test_no_table_before_the_test_set_evaluation() -> None:
    asked = three_questions({"ablate.best.interactions": True})
    for results in (synthetic_results(asked, tested=False), synthetic_results(asked, stop_after=3)):
        assert all(
            interactions_table(stage_result) is None for stage_result in analyse(results).stage_results
        )
        assert "nteraction" not in " ".join(answer(analyse(results)))


def test_interaction_of_losses_is_more_if_the_loss_is_higher() -> None:
    made = known(together=150)
    made = replace(
        made, study=made.study.model_copy(update={"metric": "log-loss", "equivalence_margin": 0.01})
    )
    analysis = analyse(made)
    ((found,),) = (stage_result.interactions for stage_result in analysis.stage_results)
    assert found.difference.mean is not None and found.difference.mean > 0.01
    assert "together more than the sum of both effects" in interaction_note(found)
    assert "nats more than the sum of both effects" in " ".join(answer(analysis))
