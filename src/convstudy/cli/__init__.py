"""The command line: words in, words out. Importing it loads click and nothing heavier.

==================  ==========================================================================
``app``             the command ``convstudy``, and how every error ends
``streams``         what commands print on, closed, full or without Unicode
``failures``        an exception to what a person or a program reads, and an exit status
``options``         what several commands take: STUDY, ``--runs``, ``--json``, ...
``words``           figures as people read them, and plain tables
``run``             ``convstudy run``
``reporting``       a report's files, and what could not be written
``progress``        how far a run is, told on a terminal or line by line
``plan``            ``convstudy plan``
``check``           ``convstudy check``
``findings``        what checks found, as words and JSON, and ``--strict``
``verdict``         ``convstudy verdict``
``failed``          the fits that failed
``runs``            ``convstudy status``, ``runs``, ``report``
``networks``        ``convstudy networks``
``files``           ``convstudy init``, ``schema``, ``datasets``
==================  ==========================================================================

Results go to stdout, everything else to stderr. Exit status: 0 fine, 1 failed fits or, with ``--strict``, warnings, 2
usage or a result that cannot be written, 130 interrupted, 141 where the reader of a pipe has gone.
"""

from convstudy.cli.app import main

__all__ = ["main"]
