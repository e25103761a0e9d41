"""The command line. Importing it loads click and nothing heavier.

==================  ==========================================================================
``app``             the command ``convstudy`` and its exit statuses
``commands``        a group of commands
``streams``         stdout and stderr that may be closed, full, or without Unicode
``failures``        exceptions to error messages and exit statuses
``first``           STUDY as a path of images: what is found, and the study file that a run writes
``reading``         the progress of reading images
``options``         arguments and options of several commands: STUDY, ``--runs``, ``--json``, ...
``output``          tables, JSON, and messages on stderr
``run``             ``convstudy run``
``outcome``         the end of a run: answer, checks, report
``reporting``       the files of a report, and errors while writing them
``progress``        a progress bar on a terminal, lines elsewhere
``plan``            ``convstudy plan``
``check``           ``convstudy check``
``findings``        findings of the checks as text and JSON, and ``--strict``
``verdict``         ``convstudy verdict``
``group_file``      a CSV file of groups for ``convstudy verdict --groups``
``failed``          failed fits as text and JSON
``runs``            ``convstudy status``, ``runs``, ``report``
``networks``        ``convstudy networks``
``layers``          ``convstudy layers``
``data``            ``convstudy data``
``cache``           ``convstudy data verify``, ``convstudy data cache``
``files``           ``convstudy init``, ``schema``, ``datasets``
==================  ==========================================================================

Results go to stdout, messages to stderr. Exit status: 0 success, 1 a fit failed or (with ``--strict``) a check warns,
2 wrong usage or a result that cannot be written, 130 interrupted, 141 the reader of a pipe has ended.
"""

from convstudy.cli.app import main

__all__ = ["main"]
