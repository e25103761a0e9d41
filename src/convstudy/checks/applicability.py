"""When a check applies: functions that return why it does not, or "" if it does.

A reason follows "not applicable, because" and is a clause without its full stop. A check that does not apply is not
run, so its function in the catalogue cannot hide a finding: tests run every check on studies that its reason excludes.
"""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.analysis import Analysis
from convstudy.analysis.methods import holds
from convstudy.checks.candidates import tested_candidates
from convstudy.checks.check import Planned
from convstudy.checks.learning_curves import MIN_EPOCHS, could_improve
from convstudy.checks.outcomes import MIN_SEEDS, MIN_VALUES
from convstudy.checks.recipes import recipes_of
from convstudy.metrics import ACCURACY, metric_named
from convstudy.networks.layers.norm import BatchNorm
from convstudy.stats import Share
from convstudy.studyfile import Range

NOT_TRAINED = "nothing is trained yet"
NO_CANDIDATE = "no network of a comparison, an ablation or a final training is trained yet"
NOT_INSPECTED = "a run inspects the images after its test-set evaluations, and none has done so yet"


def always(subject: object) -> str:
    """Return "", for a check that applies to every study."""
    return ""


def without_block(planned: Planned) -> str:
    return "" if planned.plan.study.block else "the study defines no blocks"


def without_batch_norm(planned: Planned) -> str:
    has_norm = any(
        isinstance(layer, BatchNorm)
        for stage in planned.plan.stages
        for candidate in stage.candidates
        for layer in candidate.network.all_layers()
    )
    return "" if has_norm else "no network has a batch-norm"


def without_dropout_and_norm(planned: Planned) -> str:
    for pattern in planned.plan.study.network.values():
        words = {layer.word for layer in pattern.network().all_layers()}
        if {"dropout", "batch-norm"} <= words:
            return ""
    return "no network has both dropout and a batch-norm"


def without_single_image_batch(planned: Planned) -> str:
    """Return why no batch-norm can see one value: there is none, or every batch has two or more images."""
    sizes = (each.recipe.batch_size for stage in planned.plan.stages for each in stage.candidates)
    return without_batch_norm(planned) or ("" if min(sizes) == 1 else "every batch_size is 2 or more")


def without_adamw(planned: Planned) -> str:
    recipes = recipes_of(planned.plan.study).values()
    return "" if any(recipe.optimizer == "adamw" for recipe in recipes) else "no recipe has adamw"


def without_other_optimizer(planned: Planned) -> str:
    study = planned.plan.study
    changes = [variant.recipe for ablate in study.ablate.values() for variant in ablate.variants.values()]
    tried = any("optimizer" in search.parameters for search in study.search.values())
    if tried or any("optimizer" in change for change in changes):
        return ""
    return "no search and no variant changes the optimizer"


def without_search(planned: Planned) -> str:
    return "" if planned.plan.study.search else "the study has no search"


def without_rungs(planned: Planned) -> str:
    return (
        ""
        if any(stage.rungs for stage in planned.plan.stages)
        else "no search eliminates candidates in rungs"
    )


def without_comparison(planned: Planned) -> str:
    return "" if planned.plan.study.compare else "the study compares no networks"


def without_selection(planned: Planned) -> str:
    study = planned.plan.study
    return "" if study.search or study.compare else "the study has no search and no comparison"


def without_validation_limit(planned: Planned) -> str:
    """Return why the rule of three sets no number of validation images."""
    study = planned.plan.study
    if study.margin == 0:
        return "the equivalence margin is 0"
    if isinstance(study.margin, Share):
        return "the equivalence margin is a share of the errors, which are not known before training"
    if not holds("rule of three", metric_named(study.metric)):
        return f"the rule of three is not valid for {metric_named(study.metric).title}"
    return without_selection(planned)


def without_seeds(planned: Planned) -> str:
    study = planned.plan.study
    return "" if study.compare or study.ablate else "the study has no comparison and no ablation"


def without_accuracy(planned: Planned) -> str:
    if planned.plan.study.metric != ACCURACY:
        return "the metric of the study is not accuracy"
    return "" if planned.class_counts else "the number of images of each class is not known yet"


def before_any_fit(analysis: Analysis) -> str:
    return "" if analysis.results.records else NOT_TRAINED


def before_any_done_fit(analysis: Analysis) -> str:
    done = any(record.done for record in analysis.results.records.values())
    return "" if done else "no fit has succeeded yet"


def before_any_candidate(analysis: Analysis) -> str:
    return "" if next(tested_candidates(analysis), None) else NO_CANDIDATE


def without_history(analysis: Analysis) -> str:
    lengths = [len(fit.record.history) for each in tested_candidates(analysis) for fit in each.fits]
    if not lengths:
        return NO_CANDIDATE
    return "" if max(lengths) >= MIN_EPOCHS else f"no fit has {MIN_EPOCHS} epochs or more"


def without_full_rate(analysis: Analysis) -> str:
    """Return why no network can still improve: its fits stopped early, or their learning rates had decayed."""
    if reason := without_history(analysis):
        return reason
    found = any(could_improve(each, fit.record) for each in tested_candidates(analysis) for fit in each.fits)
    return "" if found else "every fit stopped early, or its learning rate had decayed to a tenth"


def without_pair(analysis: Analysis) -> str:
    """Return why no two candidates have the same models: no stage has two trained candidates."""
    for stage_result in analysis.main_results:
        if sum(row.settled and row.n_done > 0 for row in stage_result.rows) > 1:
            return ""
    return "no stage has two trained candidates yet"


def without_edge(analysis: Analysis) -> str:
    """Return why no search has a winner at an edge: no search has one, or the values have no edge."""
    results = analysis.results
    if not results.study.search:
        return "the study has no search"
    tried = [values for search in results.study.search.values() for values in search.parameters.values()]
    if not any(isinstance(values, Range) or len(set(values)) >= MIN_VALUES for values in tried):
        return f"no search tries a range or {MIN_VALUES} or more numbers"
    chosen = (results.choice(f"search.{name}") for name in results.study.search)
    return "" if any(choice and choice.chosen for choice in chosen) else _NO_WINNER


def without_runner_up(analysis: Analysis) -> str:
    return (
        ""
        if any(_runner_ups(analysis))
        else "no search or comparison has a verdict on its best two candidates yet"
    )


def without_five_seeds(analysis: Analysis) -> str:
    most = max((len(each.fits) for each in tested_candidates(analysis)), default=0)
    if not most:
        return NO_CANDIDATE
    return "" if most >= MIN_SEEDS else f"no network has {MIN_SEEDS} trained seeds or more"


def without_test_interval(analysis: Analysis) -> str:
    """Return why a test accuracy cannot be compared with a validation accuracy: it has no interval."""
    found = any(
        each.stage_result.interval(each.candidate.name, ACCURACY) for each in tested_candidates(analysis)
    )
    return "" if found else "no network has a test accuracy with a confidence interval yet"


def before_test_evaluation(analysis: Analysis) -> str:
    return "" if analysis.protocol.test_evaluations else "this run has not evaluated the test set yet"


def before_inspection(analysis: Analysis) -> str:
    return "" if analysis.results.images is not None else NOT_INSPECTED


def without_calibration(analysis: Analysis) -> str:
    calibrations = (
        analysis.calibration(analysis.tested_fit_ids(each.candidate)) for each in tested_candidates(analysis)
    )
    return "" if any(each is not None for each in calibrations) else "there are no test predictions yet"


_NO_WINNER = "no search has selected a candidate yet"


def _runner_ups(analysis: Analysis) -> Iterator[bool]:
    for stage_result in analysis.stage_results:
        other = stage_result.runner_up
        verdict = stage_result.verdict_on(other.name) if stage_result.best and other else None
        yield verdict is not None and verdict.difference.mean is not None
