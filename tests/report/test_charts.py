"""Charts: valid Vega-Lite, complete data, colours and alt texts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import altair as alt
import pytest
import vl_convert

from convstudy.report import theme
from convstudy.report.effects import forest_chart
from convstudy.report.write import figure_spec
from convstudy.stats import Measure, Verdict, paired_difference
from convstudy.stats.verdicts import make_verdict
from tests.report.synthetic import figure_of, gathered, synthetic_results
from tests.three_questions import three_questions

CONTENTS = gathered(synthetic_results(fails=["plain"]))


@pytest.mark.parametrize("figure", CONTENTS.figures, ids=lambda figure: figure.name)
def test_chart_is_valid_vega_lite_and_renders_to_svg(figure: object) -> None:
    spec = figure_spec(figure)  # type: ignore[arg-type]
    alt.Chart.from_dict(figure.draw())  # type: ignore[attr-defined]  # raises if the schema does not allow it
    assert figure.alt and figure.title  # type: ignore[attr-defined]
    svg = vl_convert.vegalite_to_svg(spec)
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "currentColor" not in svg


def test_report_has_every_kind_of_chart_with_unique_names() -> None:
    kinds = {re.sub(r"-.*", "", figure.name) for figure in CONTENTS.figures}
    assert kinds == {
        "answer",
        "curves",
        "overview",
        "scores",
        "effects",
        "differences",
        "ranking",
        "confusion",
        "class",
        "calibration",
        "classes",
        "trials",
    }
    names = [figure.name for figure in CONTENTS.figures]
    assert len(names) == len(set(names)) == 3 + 3 + 1 + 2 + 3 + 2 * 10 + 4 + 1


def test_learning_rate_has_a_chart_unless_it_is_constant() -> None:
    assert "learning-rate" not in [figure.name for figure in CONTENTS.figures]
    base = three_questions()
    study = base.model_copy(
        update={"ablate": {}, "search": {}, "recipe": base.recipe.varied({"learning_rate": 0.01})}
    )
    results = synthetic_results(study)
    record = next(iter(results.records.values()))

    falling = tuple(replace(epoch, learning_rate=0.01 / epoch.number) for epoch in record.history)
    changed = replace(results, records={**results.records, record.fit_id: replace(record, history=falling)})
    assert figure_of(gathered(changed), "learning-rate").alt.startswith(
        "Learning rate by epoch, one line per distinct schedule: "
    )


def test_scores_chart_has_every_fit_and_mean() -> None:
    figure = next(figure for figure in CONTENTS.figures if figure.name == "scores-search-kernel-size")
    spec = figure.draw()
    values = [spec["datasets"][layer["data"]["name"]] for layer in spec["layer"]]
    assert [len(rows) for rows in values] == [3, 3, 9]
    assert values[0] is values[1]


def test_palette_is_that_of_okabe_and_ito() -> None:
    assert len(set(theme.PALETTE)) == 7
    assert set(theme.PALETTE) >= {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"}


def test_effects_are_sorted_best_first_and_state_if_lower_is_better() -> None:
    def verdict(first: str, metric: str, values: tuple[float, ...]) -> Verdict:
        difference = paired_difference(values, [0.0] * len(values))
        return make_verdict(
            first, "it", Measure("test", metric), difference, 0.0, lower_is_better=metric != "accuracy"
        )

    for metric, title, alt_text in (
        (
            "log-loss",
            "Effects on Brier",
            "s: effects on Brier; lower is better: down −0.2000 (better), up +0.3000 (worse).",
        ),
        ("accuracy", "Effects", "s: effects, in percentage points: up +30.00 (better), down −20.00 (worse)."),
    ):
        found = [verdict("down", metric, (-0.2, -0.21, -0.19)), verdict("up", metric, (0.3, 0.31, 0.29))]
        figure = forest_chart("n", "s", title, [(each.first, each) for each in found])
        assert figure is not None
        assert figure.alt == alt_text
