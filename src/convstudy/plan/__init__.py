"""Derive the fits of a study. Everything here is pure: no clock, no disk, no random numbers.

==================  ==========================================================================
``fit``             the description of one training as a value, and its id
``stages``          the classes of a plan: stages of candidates, each with its fits
``planning``        makes the plan from a study, its choices so far and its records
``searches``        the stage of a search, one function per method
``halving``         the rungs of successive halving
``screening``       the rungs of screening
``nested``          nested cross-validation of a search
``drawing``         random candidates, the same on every machine
``suggestions``     candidates suggested by TPE
``added_seeds``     the seeds that a comparison adds until its pairs are decided
``ranking``         the ranking of candidates by validation scores
``choices``         selects the best candidate of a stage: the stage's choice
``names``           readable names of fits
``as_json``         plans and choices as JSON values
``cost``            cost in images and FLOPs, and the order of the fits
==================  ==========================================================================
"""

from convstudy.plan.choices import Choice, choose, resolve
from convstudy.plan.cost import Cost, epochs_added, fit_cost, own_epochs, plan_cost, schedule_order
from convstudy.plan.fit import Fit
from convstudy.plan.halving import RungSize, halving_epochs, halving_schedule
from convstudy.plan.planning import make_plan
from convstudy.plan.ranking import CandidateScore, ranked
from convstudy.plan.screening import screening_schedule
from convstudy.plan.stages import Candidate, Plan, Rung, Stage

__all__ = [
    "Candidate",
    "CandidateScore",
    "Choice",
    "Cost",
    "Fit",
    "Plan",
    "Rung",
    "RungSize",
    "Stage",
    "choose",
    "epochs_added",
    "fit_cost",
    "halving_epochs",
    "halving_schedule",
    "make_plan",
    "own_epochs",
    "plan_cost",
    "ranked",
    "resolve",
    "schedule_order",
    "screening_schedule",
]
