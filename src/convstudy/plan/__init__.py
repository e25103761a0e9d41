"""A study to its fits: pure, without clock, disk or random numbers.

==================  ==========================================================================
``fit``             one training as data, and its id
``stages``          a plan as values: stages of candidates, each with its fits
``planning``        a study, the choices made so far and the records to a plan
``searches``        a search to its stage, by each method
``halving``         the rungs of successive halving
``nested``          what judges a search: it is done anew without each outer fold
``drawing``         candidates drawn at random, the same everywhere
``suggestions``     candidates suggested by TPE
``ranking``         which candidate is better, by validation alone
``choices``         which candidate of a stage is chosen
``names``           what a fit is called in a plan
``plain``           a plan and a choice as plain values, which JSON can hold
``cost``            images to train, floating-point work, and which fit is whose turn
==================  ==========================================================================
"""

from convstudy.plan.choices import Choice, choose, resolve
from convstudy.plan.cost import Cost, epochs_added, fit_cost, own_epochs, plan_cost, schedule_order
from convstudy.plan.fit import Fit
from convstudy.plan.halving import RungSize, halving_epochs, halving_schedule
from convstudy.plan.planning import make_plan
from convstudy.plan.ranking import CandidateScore, ranked
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
]
