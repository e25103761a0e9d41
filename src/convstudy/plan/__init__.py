"""A study to its fits: pure, without clock, disk or random numbers.

==================  ==========================================================================
``fit``             one training as data, and its id
``stages``          a study and the choices made so far to stages of candidates and fits
``choices``         which candidate of a stage is chosen, by validation alone
``cost``            images to train and floating-point work
``checks``          what a reader of the plan should be told before anything trains
==================  ==========================================================================
"""

from convstudy.plan.checks import Finding, check_plan
from convstudy.plan.choices import CandidateScore, Choice, choose, resolve
from convstudy.plan.cost import Cost, epochs_added, fit_cost, own_epochs, plan_cost
from convstudy.plan.fit import Fit
from convstudy.plan.stages import Candidate, Plan, Stage, make_plan

__all__ = [
    "Candidate",
    "CandidateScore",
    "Choice",
    "Cost",
    "Finding",
    "Fit",
    "Plan",
    "Stage",
    "check_plan",
    "choose",
    "epochs_added",
    "fit_cost",
    "make_plan",
    "own_epochs",
    "plan_cost",
    "resolve",
]
