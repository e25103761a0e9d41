"""What is said of interactions: as much as the verdicts bear out, in the answer, its notes and one table."""

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
from convstudy.report.interaction_text import clause, judged
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.sections.interactions import interactions_table
from convstudy.report.table import as_records
from convstudy.report.toml import toml_text
from convstudy.stats import Measure, Verdict, paired_difference
from convstudy.stats.verdicts import corrected, judge
from convstudy.studyfile import load_study, study_document, study_of
from tests.analysis.known import results_of
from tests.analysis.test_interactions import known, some, study
from tests.report.synthetic import gathered, synthetic_results

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
        found.append(judge(f"a{number}", f"b{number}", Measure("test", "accuracy"), difference, 0.001))
    return corrected(found)


@settings(max_examples=200)
@given(verdicts())
def test_a_clause_claims_what_the_verdicts_claim(found: tuple[Verdict, ...]) -> None:
    text = clause(found)
    kinds = [verdict.kind for verdict in found if verdict.difference.n > 1]
    n_clear = sum(verdict.is_significant for verdict in found)
    assert bool(text) == bool(kinds)
    assert text == "" or (text.startswith("; ") and ". " not in text and not text.endswith("."))
    named = re.findall(r"(a\d) and b\d score \d\.\d\d points (more|less)", text)
    told = {v.first: "more" if v.kind == "better" else "less" for v in found if v.is_significant}
    assert dict(named) == (told if n_clear <= 2 else {})
    assert (f"{n_clear} are clear" in text) == (n_clear > 2)
    assert ("none beyond 0.1 points" in text) == (n_clear == 0 and "equivalent" in kinds)
    assert ("cannot be told" in text) == (n_clear == 0 and "inconclusive" in kinds)
    assert not re.search(r"\b(better|worse|hurts?|helps?)\b", text)


@settings(max_examples=100)
@given(verdicts())
def test_each_is_told_in_full_by_its_verdict(found: tuple[Verdict, ...]) -> None:
    words = {
        "better": "do more",
        "worse": "do less",
        "equivalent": "none beyond 0.1 points",
        "too few to say": "seed",
    }
    for verdict in found:
        text = judged(verdict)
        assert text.startswith(f"{verdict.first} + {verdict.second}: ") and text.endswith(".")
        assert words.get(verdict.kind, "") in text
        assert re.search(r"together they do (more|less)", text) is None or verdict.is_significant


def test_the_answer_says_it_in_one_clause_of_its_sentence() -> None:
    (text,) = answer(analyse(known(together=150)))
    assert text.startswith("Ablation of a: 99.80 % on test images as it is (5 seeds); ")
    assert text.endswith("; together one and two score 1.00 points less than they add up to.")
    assert ". " not in text
    (notes,) = (said.notes for said in conclusions(analyse(known(together=150))))
    assert re.fullmatch(
        r"one \+ two: an interaction of −1\.00 points \(95 % interval −1\.\d\d to −0\.\d\d\), together they do less "
        r"than they add up to\.",
        notes[-1],
    )


@pytest.mark.parametrize(
    ("seeds", "end"),
    [
        (1, "; to say more you would need two seeds or more."),
        (2, "; the interaction of one and two cannot be told from none."),
    ],
)
def test_too_little_is_known(seeds: int, end: str) -> None:
    (text,) = answer(analyse(known(together=50, seeds=seeds)))
    assert text.endswith(end)


def test_enough_is_known_to_say_that_they_add_up() -> None:
    quiet = {name: some(20, number) for number, name in enumerate(("as it is", "one", "two", "one + two"))}
    (text,) = answer(analyse(results_of(study(seeds=60), quiet)))
    assert text.endswith("; the interaction of one and two is none beyond 0.1 points.")


def test_the_table_has_the_figures_and_what_they_come_from() -> None:
    (stage_result,) = analyse(known(together=150)).stage_results
    table = interactions_table(stage_result)
    assert table is not None
    (row,) = as_records(table)
    assert (row["first"], row["second"], row["verdict"]) == ("one", "two", "less than they add up to")
    means = [row[f"{key}_mean"] for key in ("together", "first_alone", "second_alone", "as_it_is")]
    assert means == pytest.approx([0.985, 0.997, 0.996, 0.998])
    assert row["interaction"] == pytest.approx(means[0] - means[1] - means[2] + means[3])
    assert row["low"] < row["interaction"] < row["high"] < -0.001
    assert "Holm" not in table.caption, "one interaction needs no correction"


def test_lost_predictions_are_said() -> None:
    results = known(together=300, lost=True)
    table = interactions_table(analyse(results).stage_results[0])
    assert table is not None and "predictions are lost" in table.caption
    assert table.texts[0][2:6] == ["cannot be told from none", "−2.50", "–", "–"]
    assert "of which no more is known, for predictions are lost" in conclusions(analyse(results))[0].notes[-1]


def test_every_format_has_the_table() -> None:
    asked = load_study("digits", {"ablate.best.interactions": True})
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
    assert "all 3 interactions" in values["tables"]["interactions-best"]["caption"]
    assert len(values["tables"]["ablate-best"]["rows"]) == 4 + 3
    assert [v["first"] for v in values["tables"]["verdicts"]["rows"] if v["stage"] == "ablate.best"] == [
        "plain",
        "tanh-glorot",
        "rmsprop",
    ]
    assert study_of(tomllib.loads(toml_text(study_document(asked)))) == asked


def test_without_them_nothing_is_said() -> None:
    contents = gathered(synthetic_results())
    assert "nteraction" not in markdown(contents)
    assert "interactions" not in page(contents).partition('id="charts"')[0]


def test_before_the_test_is_opened_there_is_no_table() -> None:
    asked = load_study("digits", {"ablate.best.interactions": True})
    for results in (synthetic_results(asked, tested=False), synthetic_results(asked, stop_after=3)):
        assert all(
            interactions_table(stage_result) is None for stage_result in analyse(results).stage_results
        )
        assert "nteraction" not in " ".join(answer(analyse(results)))


def test_an_interaction_of_losses_is_more_where_the_loss_is_higher() -> None:
    made = known(together=150)
    made = replace(
        made, study=made.study.model_copy(update={"metric": "log-loss", "equivalence_margin": 0.01})
    )
    analysis = analyse(made)
    ((found,),) = (stage_result.interactions for stage_result in analysis.stage_results)
    assert found.difference.mean is not None and found.difference.mean > 0.01
    assert "together they do more than they add up to" in judged(found)
    assert "nats more than they add up to" in " ".join(answer(analysis))
