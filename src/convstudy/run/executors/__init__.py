"""Executors decide where and when tasks are executed.

A new executor is a file with a class that has the methods of :class:`Executor`. ``run_study(study, executor=CLASS)``
uses it. Its test subclasses ``ExecutorConformance`` (``tests/run/conformance.py``), which tests the protocol.

==================  ==========================================================
``executor``        the protocol
``inline``          in this process, one task after another
``processes``       in worker processes of this machine
``gpu``             in threads of this process, several tasks at once on a GPU
``custom``          checks the executor that a caller passes
==================  ==========================================================
"""

from convstudy.run.executors.custom import MakeExecutor
from convstudy.run.executors.executor import Executor
from convstudy.run.executors.gpu import GpuExecutor
from convstudy.run.executors.inline import InlineExecutor
from convstudy.run.executors.processes import ProcessExecutor

__all__ = ["Executor", "GpuExecutor", "InlineExecutor", "MakeExecutor", "ProcessExecutor"]
