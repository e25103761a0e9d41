"""Records to verdicts: pure, without clock, random numbers or torch.

==================  ==========================================================================
``summary``         mean, standard deviation and range of some figures
``differences``     a mean difference, the sources of its uncertainty, its interval
``intervals``       of shares: one model's accuracy, two models' difference
``mcnemar``         two trained models on the same images
``resampled``       over folds: Nadeau and Bengio's interval, Benavoli's probabilities
``crossed``         over seeds and test images, told apart
``holm``            several comparisons at once
``needed``          how many seeds or images it would take
``groups``          which candidates cannot be told apart
``verdicts``        what a difference allows to be said
``counts``          a verdict on two models from counts alone: the calculator
``candidates``      one row per candidate and per fit: scores, cost, weights digests
``held_out``        what each fit of a search made of its validation images
``predictions``     what each model made of each test image
``comparisons``     pairs of a run's candidates judged
``interactions``    whether two variants of an ablation add up
``findings``        the study's questions answered by verdicts: search, compare, ablate
``searches``        how a search went about it: its rungs, its epochs beside the grid's
``nested``          a nested search judged on images that it did not see
``selection``       how much of a winner's score is the luck that made it the winner
``optimism``        what a notebook would have reported of this very study
``curves``          mean and spread over seeds, epoch by epoch
``confusion``       which class is taken for which
``calibration``     whether a model's confidence is its accuracy
``classes``         accuracy class by class; how even the classes are
``mistakes``        the most confident mistakes over all seeds
``protocol``        who saw which images, and when the test set was opened
==================  ==========================================================================

What each method is, why it was chosen, and how well it keeps its word stands in docs/statistics.md.
"""

from convstudy.stats.calibration import Bin, Calibration, calibration_of
from convstudy.stats.candidates import CandidateRow, FitRow, candidate_row, candidate_rows
from convstudy.stats.classes import Balance, ClassAccuracy, balance_of, class_accuracies
from convstudy.stats.confusion import Confusion, confusion_of
from convstudy.stats.counts import CountsVerdict, verdict_on_counts
from convstudy.stats.curves import CurvePoint, curve
from convstudy.stats.differences import Difference, Source, paired_difference
from convstudy.stats.findings import Contest, Headline, contests, headline
from convstudy.stats.intervals import Interval
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.mistakes import Mistake, mistakes_of
from convstudy.stats.needed import Needed
from convstudy.stats.nested import Nested, OuterFold
from convstudy.stats.optimism import Keepsake, keepsakes
from convstudy.stats.predictions import PredictionReader
from convstudy.stats.protocol import Protocol, protocol
from convstudy.stats.resampled import Probabilities
from convstudy.stats.searches import SearchCourse, search_course
from convstudy.stats.selection import Selection
from convstudy.stats.summary import Summary, summarise
from convstudy.stats.verdicts import REGION, Evidence, Kind, MeasuredFit, Verdict, verdict

__all__ = [
    "REGION",
    "Balance",
    "Bin",
    "Calibration",
    "CandidateRow",
    "ClassAccuracy",
    "Confusion",
    "Contest",
    "CountsVerdict",
    "CurvePoint",
    "Difference",
    "Discordance",
    "Evidence",
    "FitRow",
    "Headline",
    "Interval",
    "Keepsake",
    "Kind",
    "MeasuredFit",
    "Mistake",
    "Needed",
    "Nested",
    "OuterFold",
    "PredictionReader",
    "Probabilities",
    "Protocol",
    "SearchCourse",
    "Selection",
    "Source",
    "Summary",
    "Verdict",
    "balance_of",
    "calibration_of",
    "candidate_row",
    "candidate_rows",
    "class_accuracies",
    "confusion_of",
    "contests",
    "curve",
    "headline",
    "keepsakes",
    "mistakes_of",
    "paired_difference",
    "protocol",
    "search_course",
    "summarise",
    "verdict",
    "verdict_on_counts",
]
