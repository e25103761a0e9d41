"""Executors decide where and when tasks are executed.

To add an executor, write a file with a class that has the methods of :class:`Executor`, and pass the class:
``run_study(study, executor=CLASS)``. The test of the class subclasses ``ExecutorConformance``
(``tests/run/conformance.py``), which tests the protocol.

==================  ==========================================================
``executor``        the protocol of executors
``inline``          executes in this process, one task after another
``processes``       executes in worker processes of this machine
``gpu``             executes in threads of this process, several tasks at once
``custom``          checks the executor that a caller passes
==================  ==========================================================
"""

from convstudy.run.executors.custom import MakeExecutor
from convstudy.run.executors.executor import Executor
from convstudy.run.executors.gpu import GpuExecutor
from convstudy.run.executors.inline import InlineExecutor
from convstudy.run.executors.processes import ProcessExecutor

__all__ = ["Executor", "GpuExecutor", "InlineExecutor", "MakeExecutor", "ProcessExecutor"]
