"""Where tasks are done. A new executor is one file with the methods of :class:`Executor`, and its test.

``run_study(study, executor=...)`` takes any of them by its class. The test subclasses ``ExecutorConformance``
(``tests/run/conformance.py``), which says what all of them keep to.

==================  =====================================================
``executor``        the seam
``inline``          in this very process, one after another
``processes``       in worker processes of this machine
``device``          in threads of this process, at once on one device
``own``             checks the executor that a caller passes
==================  =====================================================
"""

from convstudy.run.executors.executor import Executor
from convstudy.run.executors.gpu import GpuExecutor
from convstudy.run.executors.inline import InlineExecutor
from convstudy.run.executors.own import MakeExecutor
from convstudy.run.executors.processes import ProcessExecutor

__all__ = ["Executor", "GpuExecutor", "InlineExecutor", "MakeExecutor", "ProcessExecutor"]
