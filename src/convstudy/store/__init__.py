"""The tables and files of a runs folder: it knows all paths, and nothing of a run's meaning.

==================  ============================================================================
``layout``          the path of everything in a runs folder
``access``          how the database is reached: guards, and a copy of a read-only one
``database``        the SQLite file: its tables, and how it is opened
``lock``            one writer at a time
``presence``        whether the folder that is written to is still the one at its path
``rows``            what the rows of the tables hold, as plain values
``records``         the records by fit id, whole or in brief
``artefacts``       the files of a fit: read and verified, and set aside where they are damaged
``statistics``           the JSON that is kept of a dataset's images
``store``           the runs folder as a whole
==================  ============================================================================
"""

from convstudy.store.layout import Layout
from convstudy.store.rows import LoggedEvaluation, StoredRun
from convstudy.store.store import Store

__all__ = ["Layout", "LoggedEvaluation", "Store", "StoredRun"]
