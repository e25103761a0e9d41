"""Where tasks are done. A new place is one file here with the two methods of :class:`Executor`.

==================  =====================================================
``executor``        the seam
``inline``          in this very process, one after another
``processes``       in worker processes of this machine
==================  =====================================================
"""

from convstudy.run.executors.executor import Executor
from convstudy.run.executors.inline import InlineExecutor
from convstudy.run.executors.processes import ProcessExecutor

__all__ = ["Executor", "InlineExecutor", "ProcessExecutor"]
