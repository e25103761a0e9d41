"""Where tasks are done. A new place is one file here with the two methods of :class:`Executor`.

==================  =====================================================
``executor``        the seam
``inline``          in this very process, one after another
``processes``       in worker processes of this machine
``device``          in threads of this process, at once on one device
==================  =====================================================
"""

from convstudy.run.executors.device import DeviceExecutor
from convstudy.run.executors.executor import Executor
from convstudy.run.executors.inline import InlineExecutor
from convstudy.run.executors.processes import ProcessExecutor

__all__ = ["DeviceExecutor", "Executor", "InlineExecutor", "ProcessExecutor"]
