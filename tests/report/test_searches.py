"""The report of successive-halving, random and TPE searches."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import pytest
import vl_convert

from convstudy.analysis import analyse, search_trace
from convstudy.history import Results
from convstudy.report import answer
from convstudy.report.conclusions import conclusions
from convstudy.report.document import document
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.table import as_records
from convstudy.report.write import figure_spec
from convstudy.studyfile import Range, Recipe, Search, Study
from tests.report.synthetic import gathered, synthetic_results, table_of
from tests.three_questions import three_questions


def _study(**search: Any) -> Study:
    base = three_questions()
    searched = Search(network="two-conv", **search)
    return base.model_copy(
        update={"search": {"kernel-size": searched}, "ablate": {}, "recipe": Recipe(epochs=4, batch_size=50)}
    )


# 5 × 1 fold × 1 epoch, 3 × 1 × 3, 2 × 2 × 3: 17 of the grid's 40 epochs.
HALVING = _study(parameters={"kernel": (2, 3, 4, 5, 6)}, method="halving", budget=0.5, folds=2)
LEVELS = {f"kernel={kernel}": 0.90 + kernel / 100 for kernel in range(2, 7)}
DRAWN = {
    "kernel": Range(low=3, high=7),
    "learning_rate": Range(low=1e-3, high=0.1, log=True),
    "nesterov": (True, False),
}


def _halved(**values: Any) -> Results:
    return synthetic_results(HALVING, level=lambda name: LEVELS.get(name, 0.95), **values)


def _drawn(method: str) -> Results:
    return synthetic_results(_study(parameters=DRAWN, method=method, trials=6, folds=2))


def test_halving_tables_show_training_budget_and_elimination_of_each_candidate() -> None:
    report = gathered(_halved())
    search, rungs = table_of(report, "search-kernel-size"), table_of(report, "rungs-kernel-size")
    rows = {row["candidate"]: row for row in as_records(search)}
    assert [(row["reached"], row["eliminated"]) for row in rows.values()] == [
        ("1 fold × 1 epoch", "rung 1"),
        ("1 fold × 1 epoch", "rung 1"),
        ("1 fold × 3 epochs", "rung 2"),
        ("2 folds × 3 epochs", "rung 3"),
        ("2 folds × 3 epochs", ""),
    ]
    assert [row["fold_2"] is None for row in rows.values()] == [True, True, True, False, False]
    assert rows["kernel=6"]["selected"] == "selected"
    assert "trained 17 of 40 epochs of the grid (42 %)" in search.caption
    assert [list(row.values())[:5] for row in as_records(rungs)] == [
        ["1", 5, 1, 1, "kernel=6"],
        ["2", 3, 1, 3, "kernel=6"],
        ["3", 2, 2, 3, "kernel=6"],
    ]
    assert [row["promoted"] for row in as_records(rungs)] == [
        "kernel=4; kernel=5; kernel=6",
        "kernel=5; kernel=6",
        "kernel=6",
    ]


def test_halving_compares_only_candidates_with_the_same_folds_and_epochs() -> None:
    (stage_result, *_) = analyse(_halved()).stage_results
    assert stage_result.best is not None
    assert stage_result.runner_up is not None
    assert (stage_result.best.name, stage_result.runner_up.name) == ("kernel=6", "kernel=5")
    assert [(v.first, v.second, v.difference.n) for v in stage_result.verdicts] == [
        ("kernel=6", "kernel=5", 2)
    ]
    assert stage_result.verdict_on("kernel=2") is None


def test_answer_describes_a_halving_search() -> None:
    conclusion = conclusions(analyse(_halved()))[0]
    assert conclusion.text.startswith("Search kernel-size: kernel=6 (")
    assert (
        " mean validation accuracy, 2 folds, 3 epochs) was selected from 5 candidates by successive halving. "
        in conclusion.text
    )
    assert "kernel=5 (" in conclusion.text and "kernel=4" not in conclusion.text
    assert (
        conclusion.notes[-1]
        == "Successive halving used 3 rungs and 17 epochs, 42 % of the 40 epochs of the full grid."
    )
    (text, *_) = answer(analyse(_halved(stop_after=6)))
    assert "nothing is selected yet. 1 of 3 fits of rung 2 of 3 are trained." in text
    alone = synthetic_results(HALVING, fails=["kernel=2", "kernel=3", "kernel=4", "kernel=5"])
    conclusion = conclusions(analyse(alone))[0]
    assert "kernel=6 (" in conclusion.text
    assert conclusion.text.endswith(
        "was selected from 5 candidates by successive halving. No other candidate has the same folds and epochs."
    )
    assert conclusion.notes == (
        "Successive halving used 1 rung and 1 epoch, 2 % of the 40 epochs of the full grid.",
    )


def test_report_describes_how_screening_eliminates() -> None:
    # 5 × 1 fold × 1 epoch, 3 × 1 × 4: 14 of the grid's 40 epochs.
    asked = _study(parameters={"kernel": (2, 3, 4, 5, 6)}, method="screening", budget=0.4, folds=2)
    results = synthetic_results(asked, level=lambda name: LEVELS.get(name, 0.95))
    report = gathered(results)
    rungs = table_of(report, "rungs-kernel-size")
    assert [list(row.values())[:4] for row in as_records(rungs)] == [["1", 5, 1, 1], ["2", 3, 1, 4]]
    assert [row["promoted"] for row in as_records(rungs)] == ["kernel=4; kernel=5; kernel=6", "kernel=6"]
    assert "The best quarter, or the best 3 if that is fewer than 5, by mean validation" in rungs.caption
    assert "better half" not in rungs.caption
    conclusion = conclusions(analyse(results))[0]
    assert "was selected from 5 candidates by screening. " in conclusion.text
    # One fold has no interval: the report must not claim a difference.
    assert "better" not in conclusion.text
    assert (
        conclusion.notes[-1]
        == "Screening used 2 rungs and 14 epochs, 35 % of the 40 epochs of the full grid."
    )
    found = table_of(report, "search-kernel-size")
    assert [row["eliminated"] for row in as_records(found)] == ["rung 1", "rung 1", "rung 2", "rung 2", ""]


def test_costs_of_resumed_fits_count_each_epoch_once() -> None:
    results = _halved()
    stage = results.plan.stage("search.kernel-size")
    rows = [row for row in as_records(table_of(gathered(results), "costs")) if row["stage"] == stage.key]
    assert len(rows) == len(stage.fits) == 10
    seconds = sum(row["train_seconds"] for row in rows)
    assert seconds == pytest.approx(17 * 1.5)  # synthetic epochs take 1.5 seconds each
    everything = sum(
        row["train_seconds"] + row["evaluation_seconds"]
        for row in as_records(table_of(gathered(results), "costs"))
    )
    assert everything == pytest.approx(results.seconds)
    n_train = {record.n_train for fit, record in results.records.items() if fit == stage.fits[0].id}.pop()
    first = [row for row in rows if row["candidate"] == "kernel=2"]
    assert [row["train_images"] for row in first] == [n_train]


def test_json_contains_the_rungs() -> None:
    values = json.loads(json.dumps(document(gathered(_halved()))))
    trace = values["searches"]["search.kernel-size"]
    assert (trace["method"], trace["n_epochs"], trace["grid_epochs"]) == ("halving", 17, 40)
    assert [len(rung["evaluated"]) for rung in trace["rungs"]] == [5, 3, 2]
    assert trace["eliminated_in"] == {"kernel=2": 1, "kernel=3": 1, "kernel=4": 2, "kernel=5": 3}
    ids = {fit_id for rung in trace["rungs"] for fit_id in rung["fits"]}
    assert ids <= set(values["records"])
    assert {len(values["records"][fit_id]["history"]) for fit_id in ids} == {1, 3}
    assert "compare.architectures" not in values["searches"]


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_random_searches_have_charts_of_sampled_values(method: str) -> None:
    results = _drawn(method)
    contents = gathered(results)
    search = table_of(contents, "search-kernel-size")
    names = [figure.name for figure in contents.figures if figure.name.startswith("values-")]
    assert names == [
        "values-kernel-size-01",
        "values-kernel-size-02",
        "values-kernel-size-03",
    ]
    log = next(figure for figure in contents.figures if figure.title == "By learning_rate")
    assert log.full_title == "Search kernel-size: by learning_rate"
    assert log.draw()["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"
    assert "rungs-kernel-size" not in [table.name for table in contents.tables]
    assert all("learning_rate=" in row["candidate"] for row in as_records(search))
    assert "The search trained 48 epochs in total." in search.caption
    conclusion = conclusions(analyse(results))[0]
    assert f"was selected from 6 {'random' if method == 'random' else 'TPE'} candidates. " in conclusion.text
    # The others' names, several values each, would fill the sentence.
    assert "5 others" in conclusion.text
    assert conclusion.notes[-1] == "The 6 candidates used 48 epochs."
    trace = search_trace(results, results.plan.stage("search.kernel-size"))
    assert trace is not None
    assert (trace.n_candidates, trace.n_epochs, trace.grid_fraction) == (6, 48, None)
    assert f"method = &#34;{method}&#34;" in page(contents)


def test_grid_search_has_no_rungs_or_eliminations() -> None:
    results = synthetic_results()
    report = gathered(results)
    assert "rungs-kernel-size" not in [table.name for table in report.tables]
    search = table_of(report, "search-kernel-size")
    assert not {"reached", "eliminated"} & {column.key for column in search.columns}
    assert [figure.name for figure in report.figures if figure.name.endswith("search-kernel-size")] == [
        "answer-search-kernel-size",
        "scores-search-kernel-size",
        "overview-search-kernel-size",
    ]
    assert "epochs" not in answer(analyse(results))[0]


@pytest.mark.parametrize(
    "results", [_halved(), _halved(stop_after=6), _drawn("random")], ids=["whole", "part", "random"]
)
def test_charts_of_searches_are_valid_and_render(results: Results) -> None:
    contents = gathered(results)
    figures = [figure for figure in contents.figures if figure.name.startswith(("rungs-", "values-"))]
    assert figures
    for figure in figures:
        alt.Chart.from_dict(figure.draw())  # raises if the schema does not allow it
        assert vl_convert.vegalite_to_svg(figure_spec(figure)).startswith("<svg")
        assert figure.name in page(contents)
    assert "Search kernel-size" in markdown(contents)


def test_report_of_unfinished_search_is_written() -> None:
    for results in (
        _halved(stop_after=0),
        _halved(stop_after=1),
        synthetic_results(_drawn("tpe").study, stop_after=3),
    ):
        contents = gathered(results)
        assert not results.complete
        assert "nothing is selected yet" in answer(analyse(results))[0]
        assert page(contents)
        assert document(contents)
