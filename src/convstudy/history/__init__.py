"""Runs, their progress and their results, read from and written to a runs folder.

==================  ============================================================================
``results``         a run with its plan, choices, records and test-set evaluations
``outcomes``        the records of a run, with the failures that it accepted
``access_log``      the test-set evaluations of a runs folder, and the hypothesis that each tests
``same_test_set``   whether two datasets have the same test set
``resolving``       the plan and choices of a run, from its records
``summary``         the status of a run and the number of its fits
``documents``       studies as the database stores them
``history``         reads and writes all of these in one :class:`~convstudy.store.Store`
==================  ============================================================================
"""

from convstudy.history.history import History
from convstudy.history.results import Results
from convstudy.history.summary import RunSummary

__all__ = ["History", "Results", "RunSummary"]
