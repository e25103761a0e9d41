"""The test-set evaluation: each model of a comparison or an ablation once, after all choices are made."""

from __future__ import annotations

from collections import Counter, deque

from convstudy.history import History
from convstudy.plan import Fit, Plan
from convstudy.run.events import EvaluatedOnTestSet, Listener
from convstudy.run.restoring import Restoration, is_untested
from convstudy.run.schedule import N_RETRIES
from convstudy.run.stopping import untestable
from convstudy.run.tasks import Lost, Test, Tested
from convstudy.run.watching import Watched


def evaluate_models(
    plan: Plan, history: History, run_id: str, restoration: Restoration, executor: Watched, listener: Listener
) -> None:
    """Evaluate the models of a plan that have no test score; compute lost predictions of those that have one.

    Nothing is evaluated while the weights of one of the models are missing. Each evaluation is written to the test-set
    access log before its task is submitted.

    Args:
        plan: with all choices made.
        history: where the scores go.
        run_id: the run that evaluates.
        restoration: the files that this run restores.
        executor: does the evaluations.
        listener: gets :class:`~convstudy.run.events.EvaluatedOnTestSet` events.

    Raises:
        StoreError: where a model cannot be evaluated, or the runs folder cannot be written.
    """
    untested = [fit for fit in plan.tested_fits if is_untested(history, fit)]
    if any(restoration.lacks_weights(fit) for fit in untested):
        return
    waiting = deque((*untested, *filter(restoration.lacks_predictions, plan.tested_fits)))
    deaths: Counter[Test] = Counter()
    n_under_way = 0
    while waiting or n_under_way:
        while waiting and n_under_way < executor.n_workers:
            executor.submit(_task(waiting.popleft(), plan, history, run_id))
            n_under_way += 1
        message = executor.next_message()
        history.check_presence()
        match message:
            case Tested(task=Test() as task):
                n_under_way -= 1
                if message.error:
                    raise untestable(task.fit, message.error)
                if not is_untested(history, task.fit):
                    continue  # only its predictions were lost: the score stays
                test_evaluation = history.end_test_evaluation(
                    task.test_evaluation, message.scores, message.seconds
                )
                listener(EvaluatedOnTestSet(task.fit, test_evaluation))
            case Lost(task=Test() as task, reason=reason, timed_out=timed_out):
                n_under_way -= 1
                deaths[task] += 1
                if timed_out or deaths[task] > N_RETRIES:
                    raise untestable(task.fit, reason, timed_out)
                waiting.appendleft(task.fit)


def has_test_score(plan: Plan, history: History) -> bool:
    """Send whether a model of this plan was evaluated on the test set."""
    done = (fit for fit in plan.tested_fits if history.record_summaries[fit.id].done)
    return any(not is_untested(history, fit) for fit in done)


def _task(fit: Fit, plan: Plan, history: History, run_id: str) -> Test:
    """Write down that the test set is evaluated for this fit's model, and return the task to do so."""
    history.set_aside_obstacles(fit)
    digest = history.record_summaries[fit.id].weights_digest
    return Test(fit, digest, history.begin_test_evaluation(run_id, fit, digest, plan.study.name))
