"""What a runs folder means: its runs, what each has reached, which choices stay, which failures count.

==================  ============================================================================
``results``         a run with its plan, choices, records and openings, in one value
``outcomes``        the records as one run counts them
``access_log``          the openings of a test set, and the question that each helped to answer
``resolving``       a run's plan and choices, as far as its records allow
``summary``         a run in one line
``history``         all of it, over one :class:`~convstudy.store.Store`
==================  ============================================================================
"""

from convstudy.history.history import History
from convstudy.history.results import Results
from convstudy.history.summary import RunSummary

__all__ = ["History", "Results", "RunSummary"]
