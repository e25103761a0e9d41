"""The database and files of a runs folder. It uses ids and JSON instead of plans and studies.

==================  ============================================================================
``layout``          the path of each file in a runs folder
``access``          checks and opens the database; copies a read-only one
``database``        the SQLite database: its tables, and how to connect to it
``lock``            allows one writing process at a time
``presence``        detects that the folder was deleted or replaced during a run
``rows``            the rows of the tables as frozen values
``records``         records by fit id, in full or as summaries
``artefacts``       the files of a fit: reads and verifies them, and sets damaged ones aside
``json_file``       descriptions and statistics of datasets as JSON files
``store``           reads and writes a runs folder through all of these
==================  ============================================================================
"""

from convstudy.store.layout import Layout
from convstudy.store.rows import LoggedEvaluation, StoredRun
from convstudy.store.store import Store

__all__ = ["Layout", "LoggedEvaluation", "Store", "StoredRun"]
