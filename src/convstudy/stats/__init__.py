"""Arrays to intervals, tests and verdicts: pure; knows no plan and no results.

==================  ==========================================================================
``summary``         mean, standard deviation and range of some figures
``differences``     a mean difference, the sources of its uncertainty, its interval
``measure``         what a statement is about: a metric on one part of the images
``intervals``       of shares: one model's accuracy, two models' difference
``mcnemar``         two trained models on the same images
``resampled``       over folds: Nadeau and Bengio's interval, Benavoli's probabilities
``two_way``         over seeds and test images, told apart
``holm``            several comparisons at once
``required``          how many seeds or images it would take
``groups``          which candidates cannot be told apart
``verdicts``        what a difference allows to be said
``counts``          a verdict on two models from counts alone: the calculator
``confusion``       which class is taken for which
``classes``         accuracy class by class; how even the classes are
``misclassified``        the most confident mistakes over all seeds
==================  ==========================================================================

docs/statistics.md has the source of each method, why it was chosen, and its measured coverage.
"""

from convstudy.stats.classes import Balance, ClassAccuracy, balance_of, class_accuracies
from convstudy.stats.confusion import Confusion, confusion_of
from convstudy.stats.counts import CountsVerdict, verdict_on_counts
from convstudy.stats.differences import Difference, Source, paired_difference
from convstudy.stats.intervals import Interval
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.measure import Measure
from convstudy.stats.misclassified import Guesses, Misclassified, misclassified_of
from convstudy.stats.resampled import Probabilities
from convstudy.stats.sample_size import RequiredSampleSize
from convstudy.stats.summary import Summary, summarise
from convstudy.stats.verdicts import MARGIN, Evidence, Kind, MeasuredFit, Verdict, verdict

__all__ = [
    "MARGIN",
    "Balance",
    "ClassAccuracy",
    "Confusion",
    "CountsVerdict",
    "Difference",
    "Discordance",
    "Evidence",
    "Guesses",
    "Interval",
    "Kind",
    "Measure",
    "MeasuredFit",
    "Misclassified",
    "Probabilities",
    "RequiredSampleSize",
    "Source",
    "Summary",
    "Verdict",
    "balance_of",
    "class_accuracies",
    "confusion_of",
    "misclassified_of",
    "paired_difference",
    "summarise",
    "verdict",
    "verdict_on_counts",
]
