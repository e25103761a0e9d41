"""The events of a run, what it does not repeat, and its failures; all in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convstudy.data import Fold
from convstudy.engine import fit as engine_fit
from convstudy.errors import DataError, StoreError, StudyError, UsageError
from convstudy.history import History
from convstudy.plan import Fit, make_plan
from convstudy.run import (
    ChoiceMade,
    EpochEnded,
    Event,
    FitEnded,
    FitStarted,
    ImagesInspected,
    RunStarted,
    execute,
    run_study,
)
from convstudy.run import (
    EvaluatedOnTestSet as EvaluationResult,
)
from convstudy.store import Layout
from convstudy.studyfile import Ablate, Compare, Recipe, Search, Variant
from tests.run.studies import N_FITS, NETWORKS, ran, small_study, started, statistics, stored
from tests.scores import scores


def test_events_arrive_in_order(tmp_path: Path) -> None:
    results, events = ran(small_study(), tmp_path)
    first = events[0]
    assert isinstance(first, RunStarted)
    assert (first.run_id, first.done, first.workers) == (results.run_id, frozenset(), 1)
    kinds = [type(event) for event in events]
    # Each fit starts, completes its epochs and ends; the test set is evaluated after everything else.
    for fit in results.plan.fits:
        own = [e for e in events if isinstance(e, FitStarted | EpochEnded | FitEnded) and e.fit == fit]
        assert [type(e) for e in own] == [FitStarted, EpochEnded, EpochEnded, FitEnded]
    n_tested = len(results.plan.tested_fits)
    assert n_tested == 4  # two networks and two variants; the unchanged best network is one of the networks
    assert kinds[-n_tested - 1 :] == [EvaluationResult] * n_tested + [ImagesInspected]
    assert kinds.count(EvaluationResult) == n_tested
    choices = [event.choice for event in events if isinstance(event, ChoiceMade)]
    assert [choice.stage for choice in choices] == ["search.kernel", "compare.networks"]
    # A choice follows the last fit that it depends on, and precedes each fit that depends on it.
    for event in events:
        if isinstance(event, ChoiceMade):
            at = events.index(event)
            stage = results.plan.stage(event.choice.stage)
            own_fits = {fit.id for candidate in stage.candidates for fit in candidate.fits}
            ended = {e.fit.id for e in events[:at] if isinstance(e, FitEnded)}
            assert own_fits <= ended
    assert results.complete
    assert not results.failed
    assert len(results.records) == N_FITS
    assert {id_: o.weights_digest for id_, o in results.test_evaluations.items()} == {
        fit.id: results.records[fit.id].weights_digest for fit in results.plan.tested_fits
    }


def test_complete_run_trains_and_evaluates_nothing_again(tmp_path: Path) -> None:
    first, _ = ran(small_study(), tmp_path)
    again, events = ran(small_study(), tmp_path)
    assert started(events) == []
    assert not any(isinstance(event, EvaluationResult) for event in events)
    assert statistics(again) == statistics(first) == statistics(stored(tmp_path, small_study()))
    assert again.updated_at == stored(tmp_path, small_study()).updated_at
    assert again.n_test_evaluations == first.n_test_evaluations == 4


def test_changed_study_trains_only_the_affected_fits(tmp_path: Path) -> None:
    first, _ = ran(small_study(), tmp_path)
    # Another variant: one more fit.
    best = Ablate(
        network="best",
        variants={**small_study().ablate["best"].variants, "sgd": Variant(recipe={"optimizer": "sgd"})},
    )
    results, events = ran(small_study(ablate={"best": best}), tmp_path)
    sgd = results.plan.stage("ablate.best").candidate("sgd").fits[0]
    assert started(events) == [sgd.id]
    assert [event.fit.id for event in events if isinstance(event, EvaluationResult)] == [sgd.id]
    assert set(first.records) < set(results.records)
    # Another seed: existing fits are not trained again, and no fold of the search is among the new fits.
    before = set(results.records)
    results, events = ran(small_study(seeds=2), tmp_path)
    assert set(started(events)) == set(results.records) - before
    assert {event.fit.seed for event in events if isinstance(event, FitStarted)} <= {0, 1}
    assert not any(isinstance(e.fit.split, Fold) for e in events if isinstance(e, FitStarted))
    # Another name, or a key that this recipe does not use: no new fit.
    other = small_study(name="other", recipe=small_study().recipe.varied({"step_factor": 0.5}))
    results, events = ran(other, tmp_path)
    assert started(events) == []
    assert results.run_id != first.run_id
    assert (
        results.n_test_evaluations_before == results.n_test_evaluations
    )  # all of them were evaluated by other runs


def _diverging(**changes: Any) -> Any:
    """Return a study in which one candidate diverges."""
    return small_study(
        search={
            "rate": Search(
                network="two",
                parameters={"learning_rate": (0.01, 100.0)},
                folds=2,
                recipe={"optimizer": "sgd", "momentum": 0.99, "epochs": 2},
            )
        },
        **changes,
    )


def _patch_to_fail(monkeypatch: pytest.MonkeyPatch, fails: Any, loss: float = float("nan")) -> None:
    """Patch the evaluation so that the loss is NaN for each fit for which ``fails`` is true."""
    original, under_way = engine_fit._start, []

    def start(fit: Fit, *rest: Any) -> Any:
        under_way[:] = [fit]
        return original(fit, *rest)

    measured = engine_fit.evaluate

    def evaluate(*arguments: Any, **more: Any) -> Any:
        score = measured(*arguments, **more)
        return scores(loss, score["accuracy"]) if fails(under_way[0]) else score

    monkeypatch.setattr(engine_fit, "_start", start)
    monkeypatch.setattr(engine_fit, "evaluate", evaluate)


def test_diverged_candidate_is_not_chosen_and_the_study_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _patch_to_fail(monkeypatch, lambda fit: fit.recipe.learning_rate == 100.0)
    results, events = ran(_diverging(), tmp_path)
    assert len(results.failed) == 2
    assert {record.error_kind for record in results.failed} == {"diverged"}
    choice = results.choice("search.rate")
    assert choice is not None
    assert choice.chosen == "learning_rate=0.01"
    assert [score.n_failed for score in choice.scores] == [0, 2]
    assert results.complete
    assert len(results.test_evaluations) == 4
    ended = [event.record.status for event in events if isinstance(event, FitEnded)]
    assert ended.count("failed") == 2
    history = History.open(tmp_path)
    assert [(run.status, run.n_failed) for run in history.runs()] == [("failed fits", 2)]
    history.close()
    # Diverged fits would diverge again, so they are not tried again.
    _, events = ran(_diverging(), tmp_path)
    assert started(events) == []


def test_dependent_stages_are_not_trained_if_every_candidate_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _patch_to_fail(monkeypatch, lambda fit: isinstance(fit.split, Fold))
    results, _ = ran(small_study(), tmp_path)
    choice = results.choice("search.kernel")
    assert choice is not None
    assert choice.chosen == ""
    assert not results.complete
    two = results.plan.stage("compare.networks").candidate("two").fits[0]
    assert [record.fit_id for record in results.records.values() if record.done] == [two.id]
    assert list(results.test_evaluations) == [two.id]


@pytest.mark.parametrize("error", [MemoryError("no more"), RuntimeError("the driver was busy")])
def test_failure_that_is_not_permanent_is_retried_in_the_next_run(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = engine_fit.train_epoch

    def train_epoch(*arguments: Any) -> float:
        if arguments[0].step.recipe.optimizer == "rmsprop":
            raise error
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(engine_fit, "train_epoch", train_epoch)
        results, _ = ran(small_study(), tmp_path)
    (failed,) = results.failed
    assert failed.error_kind == ("out-of-memory" if isinstance(error, MemoryError) else "failed")
    assert str(error) in failed.error
    assert results.n_test_evaluations == 0
    results, events = ran(small_study(), tmp_path)
    assert started(events) == [failed.fit_id]
    assert not results.failed
    assert len(results.test_evaluations) == 4
    assert results.complete


def test_failure_of_an_earlier_run_is_retried_even_if_a_late_choice_adds_its_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small_study(search={}, compare={"n": Compare(networks=("one", "two"))})
    done, _ = ran(study, tmp_path)
    base = done.plan.stage("ablate.best").candidates[0].network_name
    other = "two" if base == "one" else "one"
    # A run in which the other network was the best, and its variants failed.
    history = History.open(tmp_path)
    failed = []
    for candidate in (
        ran(
            small_study(
                search={},
                compare={},
                ablate={"x": Ablate(network=other, variants=study.ablate["best"].variants)},
            ),
            tmp_path / "elsewhere",
        )[0]
        .plan.stage("ablate.x")
        .candidates[1:]
    ):
        for fit in candidate.fits:
            history.save_record(fit, execute.Record(fit.id, "failed", error_kind="crashed", error="gone"))
            failed.append(fit.id)
    # Lower the winner's score, so that the other network wins.
    winner = done.plan.stage("compare.n").candidate(base).fits[0]
    history.save_record(winner, execute.Record(winner.id, "failed", error_kind="diverged", error="nan"))
    history.close()
    # This is another run; the choices of the first one stay.
    results, events = ran(study.model_copy(update={"name": "another"}), tmp_path)
    assert results.plan.stage("ablate.best").candidates[0].network_name == other
    assert sorted(started(events)) == sorted(failed)
    assert [record.fit_id for record in results.failed] == [winner.id]


def test_run_started_counts_fits_of_other_studies_as_done(tmp_path: Path) -> None:
    # Neither value is that of the network, which is the placeholder until the search makes its choice.
    search = Search(network="one", parameters={"kernel": (5, 7)}, folds=2)
    for kernel in (5, 7):
        one = NETWORKS["one"].model_copy(update={"parameters": {"kernel": kernel}})
        ran(small_study(search={}, ablate={}, network={**NETWORKS, "one": one}), tmp_path)
    results, events = ran(small_study(search={"kernel": search}, ablate={}), tmp_path)
    (run_started,) = [event for event in events if isinstance(event, RunStarted)]
    assert set(started(events)) == {
        fit.id for candidate in results.plan.stages[0].candidates for fit in candidate.fits
    }
    assert {fit.id for fit in results.plan.fits} <= run_started.done | set(started(events))


def test_failure_of_another_study_stays_for_a_placeholder(tmp_path: Path) -> None:
    placeholder = make_plan(small_study()).stage("compare.networks").candidate("one").fits[0]
    history = History.open(tmp_path, create=True)
    history.save_record(
        placeholder, execute.Record(placeholder.id, "failed", error_kind="crashed", error="gone")
    )

    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(small_study(), tmp_path, 0, interrupt)
    assert placeholder.id in history.records
    history.close()


def test_weights_deleted_before_their_evaluation_are_trained_again(tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(event: Event) -> None:
        if isinstance(event, EvaluationResult):
            raise Interrupted

    with pytest.raises(Interrupted):
        run_study(small_study(), tmp_path, 0, interrupt)
    before = stored(tmp_path, small_study())
    assert len(before.test_evaluations) == 1
    gone = next(fit for fit in before.plan.tested_fits if fit.id not in before.test_evaluations)
    kept = next(fit for fit in before.plan.tested_fits if fit.id in before.test_evaluations)
    for fit in (gone, kept):
        Layout(tmp_path).artefact(fit.id, "weights").unlink()
    results, events = ran(small_study(), tmp_path)
    assert started(events) == [gone.id]  # the other model has its score already
    assert results.records[gone.id].weights_digest == before.records[gone.id].weights_digest
    assert results.complete
    assert results.n_test_evaluations == 4


def test_damaged_weights_are_not_evaluated(tmp_path: Path) -> None:
    def damage(event: Event) -> None:
        if isinstance(event, FitEnded):
            Layout(tmp_path).artefact(event.fit.id, "weights").write_bytes(b"nothing of the kind")

    with pytest.raises(StoreError, match="the test-set evaluation failed") as caught:
        run_study(small_study(), tmp_path, 0, damage)
    # There is one hint, because the fix is the same for all errors of the file.
    assert str(caught.value).count("hint:") == 1
    results = stored(tmp_path, small_study())
    assert not results.test_evaluations
    assert results.n_test_evaluations == 1  # started, without a score


def test_interrupted_run_has_status_interrupted(tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(small_study(), tmp_path, 0, interrupt)
    history = History.open(tmp_path)
    assert [run.status for run in history.runs()] == ["interrupted"]
    history.close()
    assert ran(small_study(), tmp_path)[0].complete


def test_missing_dataset_is_one_error_and_no_failed_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONVSTUDY_DATA", "CONVSTUDY_CACHE"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("CONVSTUDY_OFFLINE", "1")
    with pytest.raises(DataError):
        run_study(small_study(dataset="mnist"), tmp_path / "runs", 0)
    assert not (tmp_path / "runs").exists()


def test_study_that_cannot_be_run_is_rejected_before_anything_is_written(tmp_path: Path) -> None:
    wrong = small_study(compare={"n": Compare(networks=("one", "three"))})
    with pytest.raises(StudyError, match="three"):
        run_study(wrong, tmp_path / "runs", 0)
    with pytest.raises(UsageError, match="workers"):
        run_study(small_study(), tmp_path / "runs", -1)
    assert not (tmp_path / "runs").exists()


def test_second_run_in_a_locked_folder_is_rejected(tmp_path: Path) -> None:
    refused = []

    def start_second_run(event: Event) -> None:
        if isinstance(event, RunStarted):
            with pytest.raises(StoreError, match="another convstudy process"):
                run_study(small_study(name="intruder"), tmp_path, 0)
            refused.append(True)

    run_study(
        small_study(search={}, ablate={}, recipe=Recipe(epochs=1, batch_size=40)),
        tmp_path,
        0,
        start_second_run,
    )
    assert refused
    history = History.open(tmp_path)
    assert [run.name for run in history.runs()] == ["small"]
    history.close()


def test_drawn_pairs_train_and_evaluate_each_pair_of_variants(tmp_path: Path) -> None:
    before, _ = ran(small_study(), tmp_path)
    base = small_study()
    best = base.ablate["best"].model_copy(update={"interactions": True})
    results, events = ran(small_study(ablate={"best": best}), tmp_path)
    pair = results.plan.stage("ablate.best").candidate("plain + rmsprop")
    assert started(events) == [fit.id for fit in pair.fits]
    assert [
        event.test_evaluation.fit_id for event in events if isinstance(event, EvaluationResult)
    ] == started(events)
    assert results.complete and results.run_id != before.run_id
    assert set(before.records) < set(results.records)
    (record,) = results.records_of(pair)
    assert record.done


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"study": "digits"}, "study must be a Study, such as load_study"),
        ({"runs": None}, "runs must be a path"),
        ({"runs": "a\0b"}, "runs must be a path"),
        ({"workers": "2"}, "workers must be an integer or None"),
        ({"workers": 1.5}, "workers must be an integer or None"),
        ({"listener": None}, "listener must be a function of one argument"),
        ({"device": 0}, "device must be a string"),
        ({"accept_failures": 5}, "accept_failures must be a string or None"),
        ({"fit_timeout": "60"}, "fit_timeout must be a number of seconds or None"),
    ],
)
def test_argument_of_a_wrong_type_is_one_error_and_nothing_is_written(
    wrong: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = {"study": small_study(), "runs": tmp_path / "runs", "workers": 0, **wrong}
    with pytest.raises(UsageError, match=message) as caught:
        run_study(**arguments)
    (problem,) = caught.value.problems
    assert type(next(iter(wrong.values()))).__name__ in problem.got
    assert not list(tmp_path.iterdir())
