"""Checks that teach: what a reader of a study, a plan or a report should be told. Pure: no clock, disk or randomness.

==================  ==========================================================================
``finding``         one finding; all findings, the suppressed ones apart
``check``           what a check is, and what there is to look at
``catalogue``       every check in one table; checking a plan, checking results
``networks``        before training: layers that do nothing or harm
``recipes``         before training: how networks are trained
``questions``       before training: what is asked, of how many images and seeds
``learning_curves``         during training: what histories show
``chance``          the accuracy of guessing
``outcomes``        after training: what scores, choices and openings show
``sameness``        after training: candidates with the same weights and scores
``images``          the images themselves, and how sure models are of them
``candidates``      what was trained, each fit looked at once
``words``           figures and lists as findings tell them
==================  ==========================================================================

What each check finds, why it matters and how to mend it stands in docs/checks.md. A study suppresses a check by its
name and a reason, under ``[suppress]``.
"""

from convstudy.checks.catalogue import CHECKS, check_plan, check_results, check_run
from convstudy.checks.check import Check
from convstudy.checks.finding import Finding, Findings, Suppressed

__all__ = ["CHECKS", "Check", "Finding", "Findings", "Suppressed", "check_plan", "check_results", "check_run"]
