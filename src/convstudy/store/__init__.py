"""Facts on disk: what was asked, what was trained, what was chosen, what was opened. Nobody else knows the paths.

==================  ============================================================================
``layout``          where everything lies in a runs folder
``access``          how the database is reached: guards, and a copy of a read-only one
``database``        the SQLite file: its tables, and how it is opened
``lock``            one writer at a time
``presence``        whether the folder that is written to is still the one at its path
``records``         the records by fit id, whole or in brief
``artefacts``       the files of a fit: read and verified, and moved out of the way where they are damaged
``acceptances``     the failures that a run has accepted
``facts``           what is known of a dataset's images
``store``           the runs folder as a whole
``results``         what a run has come to, in one value
==================  ============================================================================
"""

from convstudy.store.layout import Layout
from convstudy.store.results import Results
from convstudy.store.store import RunSummary, Store

__all__ = ["Layout", "Results", "RunSummary", "Store"]
