"""Checks for common errors in studies, training and results. Checks use no clock, disk or random numbers.

=====================  =====================================================================
``finding``            one finding, and the lists of reported and of suppressed findings
``check``              the class of a check, and a function that runs checks
``catalogue``          all checks in one table, and functions that check a plan or results
``networks``           before training: layers that do nothing or harm
``recipes``            before training: how networks are trained
``imbalance``          before training: classes of different sizes
``questions``          before training: searches, comparisons, seeds, validation images
``learning_curves``    during training: recorded histories
``chance``             the majority-class baseline
``outcomes``           after training: scores, selected candidates, test-set evaluations
``searches``           after training: searches that find nothing better than the stated value
``baselines``          after training: networks that are not better than a baseline
``identical_weights``  after training: candidates with the same weights and scores
``images``             the dataset's images, and calibration
``label_errors``       suspected label errors, and the equivalence margin
``candidates``         the trained candidates, each fit once
``applicability``      why a check does not apply to a study
``text``               how findings write differences and lists
=====================  =====================================================================

docs/checks.md describes each check: the problem, why it matters, and how to fix it. A study suppresses a check by name,
with a reason, in its ``[suppress]`` table.
"""

from convstudy.checks.catalogue import CHECKS, check_plan, check_results, check_run
from convstudy.checks.check import Check
from convstudy.checks.finding import Finding, Findings, Outcome, Suppressed

__all__ = [
    "CHECKS",
    "Check",
    "Finding",
    "Findings",
    "Outcome",
    "Suppressed",
    "check_plan",
    "check_results",
    "check_run",
]
