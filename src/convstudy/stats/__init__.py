"""Records to verdicts: pure, without clock, disk, random numbers or torch.

==================  ==========================================================================
``summary``         mean, standard deviation and range of some figures
``differences``     two candidates seed by seed: mean difference and its interval
``verdicts``        what such a difference allows to be said
``candidates``      one row per candidate and per fit: scores, cost, weights digests
``findings``        the study's questions answered by verdicts: search, compare, ablate
``searches``        how a search went about it: its rungs, its epochs beside the grid's
``curves``          mean and spread over seeds, epoch by epoch
``confusion``       which class is taken for which
``mistakes``        the most confident mistakes over all seeds
``protocol``        who saw which images, and when the test set was opened
==================  ==========================================================================
"""

from convstudy.stats.candidates import CandidateRow, FitRow, candidate_row, candidate_rows
from convstudy.stats.confusion import Confusion, confusion_of
from convstudy.stats.curves import CurvePoint, curve
from convstudy.stats.differences import Difference, paired_difference
from convstudy.stats.findings import Contest, Headline, contests, headline
from convstudy.stats.mistakes import Mistake, mistakes_of
from convstudy.stats.protocol import Protocol, protocol
from convstudy.stats.searches import SearchCourse, search_course
from convstudy.stats.summary import Summary, summarise
from convstudy.stats.verdicts import REGION, Evidence, Verdict, verdict

__all__ = [
    "REGION",
    "CandidateRow",
    "Confusion",
    "Contest",
    "CurvePoint",
    "Difference",
    "Evidence",
    "FitRow",
    "Headline",
    "Mistake",
    "Protocol",
    "SearchCourse",
    "Summary",
    "Verdict",
    "candidate_row",
    "candidate_rows",
    "confusion_of",
    "contests",
    "curve",
    "headline",
    "mistakes_of",
    "paired_difference",
    "protocol",
    "search_course",
    "summarise",
    "verdict",
]
