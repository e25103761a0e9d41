"""Decides which training starts next and what follows from each message; uses no store, clock or processes.

The run loop (``run/study.py``) calls :meth:`Schedule.start` while workers are free, passes each message to
:meth:`Schedule.take`, acts on the answer, and resolves the plan again when :attr:`Schedule.choice_due` is true. The
fits that are trained and the choices do not depend on the order of the messages.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from convstudy.errors import ConvstudyError, Location, Problem, UsageError
from convstudy.plan import Fit, Plan, schedule_order
from convstudy.record import Epoch, Record
from convstudy.run.stopping import start_error, training_error
from convstudy.run.tasks import Advanced, Halted, Lost, Message, Started, Train, Trained

# The number of retries of a task in one run after its worker died. A training resumes from its last checkpoint. The
# number is limited because a fit that kills its worker each time would otherwise never let the run end.
N_RETRIES = 1


@dataclass(frozen=True)
class FitBegan:
    """The answer to a ``Started`` message: a worker has started this fit."""

    fit: Fit


@dataclass(frozen=True)
class EpochReached:
    """The answer to an ``Advanced`` message: this fit has completed an epoch."""

    fit: Fit
    epoch: Epoch


@dataclass(frozen=True)
class SaveRecord:
    """A training has ended. The loop must write its record and then call :meth:`Schedule.end`."""

    task: Train
    record: Record


@dataclass(frozen=True)
class Retry:
    """The worker of this training died. The training is the next to start."""

    task: Train


@dataclass(frozen=True)
class EndRun:
    """The loop must end the run with this error."""

    error: ConvstudyError


Answer = FitBegan | EpochReached | SaveRecord | Retry | EndRun


class Schedule:
    """The state of a run's trainings: waiting, running or ended.

    Fits that differ only in their epoch budget are one trial. Two trainings of one trial never run at the same time,
    because they write the same checkpoint.
    """

    def __init__(self) -> None:
        self._waiting: deque[Train] = deque()
        self._under_way: dict[str, Train] = {}  # trial id -> its running training
        self._started: set[str] = set()
        self._tried: set[str] = set()
        self._timed_out: set[str] = set()
        self._deaths: Counter[Train] = Counter()
        # For each stage that has not chosen or may add seeds, the ids of the fits without a final record.
        self._without_record: list[set[str]] = []

    @property
    def tried(self) -> frozenset[str]:
        """The ids of the fits that ended in this run."""
        return frozenset(self._tried)

    @property
    def timed_out(self) -> frozenset[str]:
        """The ids of trials with a timed-out fit, whose thread may still run and write the checkpoint."""
        return frozenset(self._timed_out)

    @property
    def waiting(self) -> tuple[Train, ...]:
        """The trainings that have not started, in schedule order."""
        return tuple(self._waiting)

    @property
    def under_way(self) -> tuple[Train, ...]:
        """The trainings that have started and not ended."""
        return tuple(self._under_way.values())

    @property
    def idle(self) -> bool:
        """Whether no training waits or runs."""
        return not self._waiting and not self._under_way

    @property
    def choice_due(self) -> bool:
        """Whether a stage has all its records, so that its choice, next rung, new trials or seeds can be determined."""
        return any(not ids for ids in self._without_record)

    def follow(self, plan: Plan, is_final: Callable[[Fit], bool]) -> None:
        """Replace the waiting trainings by those of a plan; running trainings continue.

        Args:
            plan: the plan with all choices that can be made from the existing records.
            is_final: returns whether a fit is done, or its failure is permanent or accepted.
        """
        ended = {
            fit.id
            for fit in plan.settled_fits
            if fit.id in self._tried or fit.trial_id in self._timed_out or is_final(fit)
        }
        # A fit that failed in this run waits for the next run, even if its failure is not permanent.
        under_way = {task.fit.id for task in self.under_way}
        self._waiting = deque(Train(fit) for fit in schedule_order(plan, ended) if fit.id not in under_way)
        stages = [stage for stage in plan.stages if (stage.chooses or stage.pending) and not stage.depends_on]
        without_record = [
            {fit.id for candidate in stage.candidates for fit in candidate.fits if not is_final(fit)}
            for stage in stages
        ]
        # An empty set here would keep choice_due true, although resolving the plan again changes nothing.
        self._without_record = [ids for ids in without_record if ids]

    def train(self, tasks: Iterable[Train]) -> None:
        """Append trainings to the waiting trainings, except trainings of a trial with a timed-out fit."""
        self._waiting.extend(task for task in tasks if task.fit.trial_id not in self._timed_out)

    def start(self, n_workers: int) -> Train | None:
        """Return the next training and count it as running; ``None`` if ``n_workers`` are busy or none can start."""
        if len(self._under_way) >= n_workers:
            return None
        for task in self._waiting:
            if task.fit.trial_id not in self._under_way:
                self._waiting.remove(task)
                self._under_way[task.fit.trial_id] = task
                return task
        return None

    def take(self, message: Message) -> Answer:
        """Process a message about a training, and return what the loop must do.

        A message about a training that is not running violates the protocol of executors: then the answer is
        :class:`EndRun` with a ``UsageError``.
        """
        task = message.task
        if not isinstance(task, Train) or self._under_way.get(task.fit.trial_id) != task:
            return EndRun(_unexpected(message))
        fit = task.fit
        match message:
            case Started():
                self._started.add(fit.id)
                return FitBegan(fit)
            case Advanced(epoch=epoch):
                return EpochReached(fit, epoch)
            case Trained(record=record):
                del self._under_way[fit.trial_id]
                return SaveRecord(task, record)
            case Halted(problems=problems):
                return EndRun(training_error(fit, problems))
            case Lost(reason=reason, timed_out=timed_out):
                # Remove the training before a retry: otherwise its own entry would prevent its start.
                del self._under_way[fit.trial_id]
                return self._lost(task, reason, timed_out)
        return EndRun(_unexpected(message))

    def end(self, fit: Fit, final: bool) -> None:
        """Count a fit as ended in this run, after its record was written.

        Args:
            fit: the fit.
            final: whether it is done, or its failure is permanent or accepted.
        """
        self._tried.add(fit.id)
        if final:
            for ids in self._without_record:
                ids.discard(fit.id)

    def _lost(self, task: Train, reason: str, timed_out: bool) -> Answer:
        """Return what follows from a dead worker or a timed-out training."""
        fit = task.fit
        if timed_out:
            # Start neither a retry nor another fit of the trial: the thread may still write the same checkpoint.
            self._timed_out.add(fit.trial_id)
            self._waiting = deque(each for each in self._waiting if each.fit.trial_id != fit.trial_id)
        else:
            self._deaths[task] += 1
            if self._deaths[task] <= N_RETRIES:
                self._waiting.appendleft(task)
                return Retry(task)
        # If the worker died before the fit started, the cause affects all workers, such as a broken installation.
        if fit.id not in self._started:
            return EndRun(start_error(reason, timed_out))
        kind = "timed-out" if timed_out else "crashed"
        return SaveRecord(task, Record(fit.id, "failed", error_kind=kind, error=reason))


def _unexpected(message: Message) -> UsageError:
    what = "an executor must send messages only about running tasks"
    task = message.task
    name = type(task).__name__ + (f" {task.fit.id}" if isinstance(task, Train) else "")
    got = f"a {type(message).__name__} message about {name}"
    return UsageError(Problem(what, Location(key=("executor",)), got))
