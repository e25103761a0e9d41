"""Tables of the report and their captions."""

from __future__ import annotations

from dataclasses import replace

from convstudy.analysis import analyse
from convstudy.metrics import RECORDED
from convstudy.record import Environment
from convstudy.report.scores import scores_table
from convstudy.report.section import Gallery
from convstudy.report.sections.fits import results_table
from convstudy.report.sections.search import search_table
from convstudy.report.table import as_csv, as_records
from convstudy.studyfile import load_study
from tests.report.synthetic import HERE, gathered, synthetic_results, table_of, texts_of
from tests.three_questions import three_questions


def test_results_table_has_no_times_dates_or_environments() -> None:
    # The same fits must give the same bytes, whenever and wherever they run.
    results = synthetic_results()
    slower = {
        fit_id: replace(
            record,
            history=tuple(
                replace(epoch, train_seconds=99.0, evaluation_seconds=9.0) for epoch in record.history
            ),
            environment=Environment("elsewhere", "another", 64, 1, "cpu", "3.13", "2.14", "2.5", "0.1.0"),
        )
        for fit_id, record in results.records.items()
    }
    later = {
        fit_id: replace(o, evaluated_at="2030-01-01T00:00:00Z", seconds=9)
        for fit_id, o in results.test_evaluations.items()
    }
    again = replace(results, records=slower, test_evaluations=later, created_at="2030-01-01T00:00:00Z")
    assert as_csv(results_table(analyse(again).stage_results, RECORDED)) == as_csv(
        results_table(analyse(results).stage_results, RECORDED)
    )


def test_results_table_has_every_fit_with_its_weights() -> None:
    results = synthetic_results(fails=["plain"])
    rows = as_records(results_table(analyse(results).stage_results, RECORDED))
    assert len(rows) == 9 + 9 + 12
    assert {row["fit_id"] for row in rows} == {fit.id for fit in results.plan.fits}
    for row in rows:
        assert row["weights_digest"] == results.records[row["fit_id"]].weights_digest
    assert [row["status"] for row in rows].count("failed") == 1


def test_scores_table_names_the_evaluated_weights() -> None:
    results = synthetic_results()
    compare = analyse(results).stage_results[1]
    for row, candidate in zip(
        as_records(scores_table(compare)), results.plan.stage(compare.stage).candidates, strict=True
    ):
        assert row["weights_digests"] == [
            results.test_evaluations[fit.id].weights_digest for fit in candidate.fits
        ]


def test_search_table_has_each_fold() -> None:
    search = analyse(synthetic_results()).stage_results[0]
    row = as_records(search_table(search))[0]
    folds = [row[f"fold_{n}"] for n in (1, 2, 3)]
    assert sum(folds) / 3 == row["validation_accuracy_mean"]


def test_layer_tables_of_the_notebook_networks_have_keras_totals() -> None:
    contents = gathered(synthetic_results(load_study("mnist").model_copy(update={"seeds": 1})))
    layers = [table for table in contents.tables if table.name.startswith("layers-")]
    totals = {table.title: table.caption for table in layers}
    assert "307,306 parameters, 306,858 of them trainable" in totals["five-conv"]
    assert "1,074,890 parameters" in totals["six-conv"]
    assert "306,410 parameters, 306,410 of them trainable" in totals["five-conv, plain"]
    notes = [row[-1] for table in layers if table.title == "six-conv" for row in table.rows]
    assert sum(str(note).startswith("does nothing") for note in notes) == 4
    assert [row[0] for row in table_of(contents, "findings").rows].count("no-op-layer") == 4


def test_class_counts_are_counted_from_labels() -> None:
    contents = gathered(synthetic_results())
    rows = as_records(table_of(contents, "classes"))
    assert sum(row["train"] for row in rows) == 1437
    assert sum(row["test"] for row in rows) == 360


def test_each_environment_has_a_column_with_its_number_of_fits() -> None:
    elsewhere = replace(HERE, machine="Darwin arm64")
    contents = gathered(synthetic_results(environment=lambda n: HERE if n < 20 else elsewhere))
    table = table_of(contents, "environment")
    assert [column.title for column in table.columns[1:]] == ["20 fits", "7 fits"]
    assert table.rows[0] == ("Machine", "Linux x86_64", "Darwin arm64")


def test_missing_arrays_leave_notes() -> None:
    contents = gathered(synthetic_results(with_arrays=False))
    assert not {"confusion", "calibration"} & {table.name for table in contents.tables}
    assert texts_of(contents, "kernels") == ["No kernels to show."]
    assert len(contents.notes) == 4
    (data,) = [section for section in contents.sections if section.id == "data"]
    assert [len(block.thumbnails) for block in data.blocks if isinstance(block, Gallery)] == [25]


def test_captions_have_no_unfilled_placeholders() -> None:
    for study in (None, three_questions().model_copy(update={"seeds": 1, "equivalence_margin": 0.0})):
        captions = {table.name: table.caption for table in gathered(synthetic_results(study)).tables}
        assert {"verdicts", "loss-verdicts", "class-accuracy", "optimism"} <= set(captions)
        assert not [name for name, caption in captions.items() if "{" in caption or "}" in caption]


def test_caption_of_verdicts_explains_required_sample_size() -> None:
    def caption(margin: float) -> str:
        study = three_questions().model_copy(update={"equivalence_margin": margin})
        return table_of(gathered(synthetic_results(study)), "verdicts").caption

    assert caption(0.5).endswith("“–”: the verdict is clear, or the size is unknown.")
    assert "“better” or “worse” if the true difference is 1 percentage point, and “equivalent” if" in caption(
        0.5
    )
    assert "With a margin of 0 no smallest difference matters" in caption(0.0)


def test_captions_with_one_seed_do_not_mention_other_seeds() -> None:
    def captions(seeds: int) -> list[str]:
        study = three_questions().model_copy(update={"seeds": seeds})
        found = {table.name: table.caption for table in gathered(synthetic_results(study)).tables}
        return [found[name] for name in ("verdicts", "loss-verdicts", "class-accuracy")]

    for caption in captions(3)[:2]:
        assert (
            "The interval accounts for the variation between seeds, for this training set, "
            "and for the sampling of test images." in caption
        )
    for caption in captions(1)[:2]:
        assert (
            "With one seed, the interval accounts only for the sampling of test images, for these trained models"
            in caption
        )
        assert "variation between seeds" not in caption
    assert captions(3)[2].startswith("All seeds together. The 95 % CIs hold for new seeds and new images")
    assert captions(1)[2].startswith("One seed. The 95 % CIs hold for new images, for this one model")


def test_caption_with_one_and_several_pairs_explains_both() -> None:
    study = three_questions().model_copy(update={"seeds": 2})
    caption = table_of(gathered(synthetic_results(study, fails=["plain"])), "verdicts").caption
    assert "the sampling of test images; with a single pair, it accounts only for" in caption


def test_every_fit_has_planned_flops_even_if_two_stages_share_it() -> None:
    results = synthetic_results()
    stages = results.plan.stages
    assert sum(len(stage.fits) for stage in stages) > len(results.plan.fits)
    costs = as_records(table_of(gathered(results), "costs"))
    assert len(costs) == len(results.plan.fits)
    assert all(row["flops"] > 0 for row in costs)
