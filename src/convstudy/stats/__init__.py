"""Statistics on arrays: intervals, tests and verdicts. The functions are pure: they use no plan, results or clock.

==================  ==========================================================================
``summary``         mean, standard deviation and range
``differences``     a mean difference, its sources of uncertainty, its interval
``measure``         the subject of a statement: a metric on one part of the images
``intervals``       proportions: the accuracy of one model, the difference of two
``mcnemar``         two trained models on the same images
``resampled``       folds: Nadeau and Bengio's interval, Benavoli's probabilities
``mean_squares``    mean squares of a seeds × images table
``skewed``          means of skewed values such as losses
``two_way``         seeds × test images as two random effects
``count_ratio``     the error ratio of two models from counts
``error_ratio``     the ratio of two errors, and a margin that is a share of the errors
``training_sets``   training sets as a third source of uncertainty
``looks``           levels for repeated tests of a comparison, and for many questions
``holm``            correction for multiple comparisons
``power``           the probability of a verdict, by the size of the study
``pilot``           the variances of a study that plans use, with upper limits
``sample_size``     the required number of seeds, folds or images
``image_groups``    the groups of the images of an interval
``grouped``         seeds × groups of test images as two random effects
``groups``          groups of candidates without a significant difference
``verdicts``        better, worse, equivalent or inconclusive
``sequential``      adds seeds until validation scores decide each pair
``counts``          a verdict on two models from their numbers of correct predictions
``grouped_counts``  the same, for images in groups
``collapse``        seeds whose training failed: the rule, the rate, the test of two rates
``superiority``     the probability that a random seed of one candidate beats one of another
``expected_best``   the best of n trials of a search
``selected_score``  the interval of a winner's score after the correction for its selection
``confusion``       the confusion matrix
``classes``         accuracy per class; class balance
``label_errors``    suspected label errors, by confident learning
``misclassified``   the most confident wrong predictions over all seeds
==================  ==========================================================================

docs/statistics.md has the source of each method, the reason for its choice, and its measured coverage.
"""

from convstudy.stats.classes import Balance, ClassAccuracy, balance_of, class_accuracies
from convstudy.stats.confusion import Confusion, confusion_of
from convstudy.stats.counts import CountsVerdict, verdict_on_counts
from convstudy.stats.differences import Difference, Source, paired_difference
from convstudy.stats.error_ratio import ErrorRatio, Share, ShareTest
from convstudy.stats.image_groups import FEW_GROUPS, MIN_GROUPS, ImageGroups
from convstudy.stats.intervals import Interval
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.measure import Measure
from convstudy.stats.misclassified import Guesses, Misclassified, misclassified_of
from convstudy.stats.resampled import Probabilities
from convstudy.stats.sample_size import RequiredSampleSize, Requirement
from convstudy.stats.summary import Summary, summarise
from convstudy.stats.verdicts import MARGIN, Evidence, Kind, MeasuredFit, Verdict, verdict

__all__ = [
    "FEW_GROUPS",
    "MARGIN",
    "MIN_GROUPS",
    "Balance",
    "ClassAccuracy",
    "Confusion",
    "CountsVerdict",
    "Difference",
    "Discordance",
    "ErrorRatio",
    "Evidence",
    "Guesses",
    "ImageGroups",
    "Interval",
    "Kind",
    "Measure",
    "MeasuredFit",
    "Misclassified",
    "Probabilities",
    "RequiredSampleSize",
    "Requirement",
    "Share",
    "ShareTest",
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
