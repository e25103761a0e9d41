"""Evaluates each model of a comparison, an ablation or a final training on the test set once, after all choices.

The images are inspected for duplicates, and the baselines fitted, at the same time, on another worker.
"""

from __future__ import annotations

from collections import Counter, deque

from convstudy.history import History
from convstudy.plan import Fit, Plan
from convstudy.run.baselines import missing_baselines
from convstudy.run.events import EvaluatedOnTestSet, Listener
from convstudy.run.inspecting import save_inspection
from convstudy.run.restoring import Restoration, is_untested
from convstudy.run.schedule import N_RETRIES
from convstudy.run.stopping import evaluation_error
from convstudy.run.tasks import Inspect, Inspected, Lost, Test, Tested
from convstudy.run.watching import Watched


def evaluate_models(
    plan: Plan, history: History, run_id: str, restoration: Restoration, executor: Watched, listener: Listener
) -> None:
    """Evaluate the models of a plan that have no test score; for the others, compute lost test predictions again.

    If the weights of any model are missing, no model is evaluated. Each evaluation is written to the test-set access
    log before its task is submitted, so that a killed run leaves an entry too.

    The images are inspected unless their statistics and baselines exist. An inspection reads the test images, so it
    starts only when a model of the plan is being evaluated or has a test score; then all choices are made.

    Args:
        plan: the plan with all choices.
        history: the history that stores the scores and the statistics.
        run_id: the id of this run.
        restoration: the files that this run restores.
        executor: the executor of the tasks.
        listener: receives an :class:`~convstudy.run.events.EvaluatedOnTestSet` event for each new score, and an
            :class:`~convstudy.run.events.ImagesInspected` event after an inspection.

    Raises:
        StoreError: if a model cannot be evaluated, or the runs folder cannot be written.
    """
    waiting = _due(plan, history, restoration, executor.n_workers)
    deaths: Counter[Test] = Counter()
    n_under_way = 0
    while waiting or n_under_way:
        while waiting and n_under_way < executor.n_workers:
            due = waiting.popleft()
            executor.submit(due if isinstance(due, Inspect) else _task(due, plan, history, run_id))
            n_under_way += 1
        message = executor.next_message()
        history.check_presence()
        match message:
            case Tested(task=Test() as task):
                n_under_way -= 1
                if message.error:
                    raise evaluation_error(task.fit, message.error)
                if not is_untested(history, task.fit):
                    continue  # only the predictions of this model were lost; its score stays
                test_evaluation = history.end_test_evaluation(
                    task.test_evaluation, message.scores, message.seconds
                )
                listener(EvaluatedOnTestSet(task.fit, test_evaluation))
            case Inspected() | Lost(task=Inspect()):
                n_under_way -= 1
                save_inspection(message, plan.dataset, history, listener)
            case Lost(task=Test() as task, reason=reason, timed_out=timed_out):
                n_under_way -= 1
                deaths[task] += 1
                if timed_out or deaths[task] > N_RETRIES:
                    raise evaluation_error(task.fit, reason, timed_out)
                waiting.appendleft(task.fit)


def _due(plan: Plan, history: History, restoration: Restoration, n_workers: int) -> deque[Fit | Inspect]:
    """Return the fits to evaluate and the inspection to do, in the order in which they start."""
    untested = [fit for fit in plan.tested_fits if is_untested(history, fit)]
    due: deque[Fit | Inspect] = deque()
    if not any(restoration.lacks_weights(fit) for fit in untested):
        due.extend((*untested, *filter(restoration.lacks_predictions, plan.tested_fits)))
    statistics = history.dataset_statistics(plan.dataset)
    # Statistics of earlier versions have no fingerprints of the test images.
    has_statistics = statistics is not None and statistics.fingerprints is not None
    missing = missing_baselines(plan, history)
    if (missing or not has_statistics) and (due or _has_test_score(plan, history)):
        # For many images, the inspection takes longer than an evaluation. So it starts second, where it runs next to
        # the evaluations. A single worker evaluates first, because the scores are what the user waits for.
        due.insert(1 if n_workers > 1 else len(due), Inspect(plan.dataset, missing, has_statistics))
    return due


def _has_test_score(plan: Plan, history: History) -> bool:
    """Return whether a model of this plan has a test score."""
    done = (fit for fit in plan.tested_fits if history.record_summaries[fit.id].done)
    return any(not is_untested(history, fit) for fit in done)


def _task(fit: Fit, plan: Plan, history: History, run_id: str) -> Test:
    """Write the access-log entry of an evaluation, and return its task."""
    history.set_aside_obstacles(fit)
    digest = history.record_summaries[fit.id].weights_digest
    return Test(fit, digest, history.begin_test_evaluation(run_id, fit, digest, plan.study.name))
