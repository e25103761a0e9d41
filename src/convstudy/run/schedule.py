"""Which trainings can start, and what each message means for the others: no store, no clock, no processes.

A loop (``run/study.py``) asks :meth:`Schedule.start` for trainings while there are free workers, passes each message to
:meth:`Schedule.take`, does what the answer says, and plans again when :attr:`Schedule.choice_due` is true. Which
trainings take place, and what is chosen from them, do not depend on the order of the messages.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from convstudy.errors import ConvstudyError, Location, Problem, UsageError
from convstudy.plan import Fit, Plan, schedule_order
from convstudy.record import Epoch, Record
from convstudy.run.stopping import halted, unstartable
from convstudy.run.tasks import Advanced, Halted, Lost, Message, Started, Train, Trained

# How often a task is tried again in one run when its worker dies; a training resumes from its last checkpoint.
N_RETRIES = 1


@dataclass(frozen=True)
class Begun:
    """A worker took up this fit."""

    fit: Fit


@dataclass(frozen=True)
class Reached:
    """This fit has trained another epoch."""

    fit: Fit
    epoch: Epoch


@dataclass(frozen=True)
class Keep:
    """This training has ended: its record must be written, and then :meth:`Schedule.end` must be called."""

    task: Train
    record: Record


@dataclass(frozen=True)
class Again:
    """The worker of this training died; the training is the next to start."""

    task: Train


@dataclass(frozen=True)
class Stop:
    """The run must end with this error."""

    error: ConvstudyError


Answer = Begun | Reached | Keep | Again | Stop


class Schedule:
    """The state of a run's trainings: which wait, which are under way, and which have ended.

    Two trainings of one lineage are never under way at once, because they write the same checkpoint.
    """

    def __init__(self) -> None:
        self._waiting: deque[Train] = deque()
        self._under_way: dict[str, Train] = {}  # lineage id -> its training
        self._begun: set[str] = set()
        self._tried: set[str] = set()
        self._hung: set[str] = set()
        self._deaths: Counter[Train] = Counter()
        # For each stage whose choice is open, the ids of the fits that it still needs.
        self._needed: list[set[str]] = []

    @property
    def tried(self) -> frozenset[str]:
        """The ids of the fits that ended in this run."""
        return frozenset(self._tried)

    @property
    def hung(self) -> frozenset[str]:
        """The ids of lineages with a fit that was ended for its silence: it may still write a checkpoint."""
        return frozenset(self._hung)

    @property
    def waiting(self) -> tuple[Train, ...]:
        """The trainings that have not started, in their order."""
        return tuple(self._waiting)

    @property
    def under_way(self) -> tuple[Train, ...]:
        """The trainings that have started and not ended."""
        return tuple(self._under_way.values())

    @property
    def idle(self) -> bool:
        """Whether no training waits or is under way."""
        return not self._waiting and not self._under_way

    @property
    def choice_due(self) -> bool:
        """Whether a stage of the plan has got its last fit: a choice, a rung or the next trials follow from it."""
        return any(not ids for ids in self._needed)

    def follow(self, plan: Plan, is_final: Callable[[Fit], bool]) -> None:
        """Follow a plan from now on; what is under way stays under way.

        Args:
            plan: with all choices that the records allow.
            is_final: whether a fit is done or has failed for good.
        """
        ended = {
            fit.id
            for fit in plan.settled_fits
            if fit.id in self._tried or fit.trial_id in self._hung or is_final(fit)
        }
        under_way = {task.fit.id for task in self.under_way}
        self._waiting = deque(Train(fit) for fit in schedule_order(plan, ended) if fit.id not in under_way)
        stages = [stage for stage in plan.stages if stage.chooses and not stage.depends_on]
        required = [
            {fit.id for candidate in stage.candidates for fit in candidate.fits if not is_final(fit)}
            for stage in stages
        ]
        self._needed = [ids for ids in required if ids]

    def train(self, tasks: Iterable[Train]) -> None:
        """Add these trainings after those that wait, without those of a lineage that hangs."""
        self._waiting.extend(task for task in tasks if task.fit.trial_id not in self._hung)

    def start(self, n_workers: int) -> Train | None:
        """Return the next training and count it as under way; ``None`` if none can start with this many workers."""
        if len(self._under_way) >= n_workers:
            return None
        for task in self._waiting:
            if task.fit.trial_id not in self._under_way:
                self._waiting.remove(task)
                self._under_way[task.fit.trial_id] = task
                return task
        return None

    def take(self, message: Message) -> Answer:
        """Take a message about a training and return what must be done."""
        task = message.task
        if not isinstance(task, Train) or self._under_way.get(task.fit.trial_id) != task:
            return Stop(_unexpected(message))
        fit = task.fit
        match message:
            case Started():
                self._begun.add(fit.id)
                return Begun(fit)
            case Advanced(epoch=epoch):
                return Reached(fit, epoch)
            case Trained(record=record):
                del self._under_way[fit.trial_id]
                return Keep(task, record)
            case Halted(problems=problems):
                return Stop(halted(fit, problems))
            case Lost(reason=reason, timed_out=timed_out):
                del self._under_way[fit.trial_id]
                return self._lost(task, reason, timed_out)
        return Stop(_unexpected(message))

    def end(self, fit: Fit, final: bool) -> None:
        """Count a fit as ended in this run; its record is written. ``final``: it is done or has failed for good."""
        self._tried.add(fit.id)
        if final:
            for ids in self._needed:
                ids.discard(fit.id)

    def _lost(self, task: Train, reason: str, timed_out: bool) -> Answer:
        """Return what follows from a dead worker, or from a training that was ended for its silence."""
        fit = task.fit
        if timed_out:
            self._hung.add(fit.trial_id)
            self._waiting = deque(each for each in self._waiting if each.fit.trial_id != fit.trial_id)
        else:
            self._deaths[task] += 1
            if self._deaths[task] <= N_RETRIES:
                self._waiting.appendleft(task)
                return Again(task)
        if fit.id not in self._begun:
            return Stop(unstartable(reason, timed_out))
        kind = "timed-out" if timed_out else "crashed"
        return Keep(task, Record(fit.id, "failed", error_kind=kind, error=reason))


def _unexpected(message: Message) -> UsageError:
    """Return the error of a message that no training under way can send: its executor breaks the protocol."""
    what = "an executor must send messages only about tasks under way"
    task = message.task
    about = type(task).__name__ + (f" {task.fit.id}" if isinstance(task, Train) else "")
    return UsageError(Problem(what, Location(key=("executor",)), f"{type(message).__name__} about {about}"))
