"""All executors of this package follow the protocol, and the executor of a caller is checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convstudy.errors import StudyError, UsageError
from convstudy.run import run_study
from convstudy.run.executors import Executor, GpuExecutor, InlineExecutor, ProcessExecutor
from convstudy.run.tasks import Message, Started, Task, Train
from convstudy.store import Layout
from convstudy.studyfile import Recipe
from tests.run.conformance import ExecutorConformance, fits, study


class TestInline(ExecutorConformance):
    begins_at_once = False

    def make(self, layout: Layout) -> Executor:
        return InlineExecutor(layout)


class TestProcesses(ExecutorConformance):
    def make(self, layout: Layout) -> Executor:
        return ProcessExecutor(layout, 2, 1)


class TestDevice(ExecutorConformance):
    def make(self, layout: Layout) -> Executor:
        return GpuExecutor(layout, "cpu", 2)


def test_every_executor_of_the_package_has_its_conformance_test() -> None:
    tested = {each.__name__.removeprefix("Test") for each in ExecutorConformance.__subclasses__()}
    assert tested >= {"Inline", "Processes", "Device"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 2}, "workers must be None with an executor"),
        ({"workers": 0}, "workers must be None with an executor"),
        ({"device": "cpu"}, 'device must be "auto" with an executor'),
        ({"executor": "inline"}, "executor must be a class or a function"),
    ],
)
def test_executor_cannot_be_combined_with_workers_or_device(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        run_study(study(), tmp_path / "runs", **{"executor": InlineExecutor, **options})
    assert not (tmp_path / "runs").exists()


def test_callers_executor_needs_an_explicit_precision(tmp_path: Path) -> None:
    auto = study().model_copy(update={"recipe": Recipe(epochs=2, precision="auto")})
    with pytest.raises(UsageError, match='precision must be "float32" or "bfloat16"'):
        run_study(auto, tmp_path / "runs", executor=InlineExecutor)
    assert not (tmp_path / "runs").exists()


def test_executor_instance_instead_of_a_class_is_rejected(tmp_path: Path) -> None:
    made: Any = InlineExecutor(Layout(tmp_path))
    with pytest.raises(UsageError, match=r"executor must be[\s\S]*got InlineExecutor"):
        run_study(study(), tmp_path / "runs", executor=made)


def test_executor_without_a_method_is_rejected_by_name(tmp_path: Path) -> None:
    class Incomplete:
        n_workers = 1

        def submit(self, task: Task) -> None: ...

        def next_message(self, timeout: float | None = None) -> Message | None: ...

    make: Any = lambda layout: Incomplete()  # noqa: E731
    with pytest.raises(UsageError, match="Incomplete without cancel, __enter__, __exit__, waiting"):
        run_study(study(), tmp_path / "runs", executor=make)


def sends(change: Callable[[Message], Any]) -> Callable[[Layout], Executor]:
    """Return a function that creates an executor with changed messages."""

    class Changed(InlineExecutor):
        def next_message(self, timeout: float | None = None) -> Any:
            message = super().next_message()
            assert message is not None
            return change(message)

    return Changed


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda message: {"kind": "started"}, "must return messages of convstudy.run.tasks"),
        (lambda message: Started(Train(fits()[0], "another")), "only about running tasks"),
    ],
)
def test_message_that_violates_the_protocol_ends_the_run_with_one_error(
    change: Callable[[Message], Any], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=expected):
        run_study(study(), tmp_path / "runs", executor=sends(change))
    assert run_study(study(), tmp_path / "runs", executor=InlineExecutor).complete


def test_study_that_cannot_be_run_creates_no_executor(tmp_path: Path) -> None:
    def make(layout: Layout) -> Executor:
        raise AssertionError

    wrong = {"network": {"none": study().network["one"]}}
    with pytest.raises(StudyError):
        run_study(study().model_copy(update=wrong), tmp_path / "runs", executor=make)


@pytest.mark.parametrize("n_workers", [0, -1, 1.0, "2", None, True])
def test_executor_without_workers_is_rejected(n_workers: Any, tmp_path: Path) -> None:
    """Without the check, a run with 0 workers waited forever."""
    made: Any = type("Unstaffed", (InlineExecutor,), {"n_workers": n_workers})
    with pytest.raises(UsageError, match=r"executor\.n_workers must be an integer >= 1") as caught:
        run_study(study(), tmp_path / "runs", executor=made)
    assert caught.value.problems[0].got == repr(n_workers)
