"""Analysis of a run: stage results, verdicts and the protocol. It uses no clock, random numbers or torch.

==================  ==========================================================================
``analyse``         the analysis as one value, each part computed once
``candidates``      one row per candidate and per fit: scores, cost, weights digests
``held_out``        predictions of validation images, by the fits of a search
``predictions``     predictions of test images
``image_groups``    whether images in groups allow intervals
``descriptive``     why verdicts are descriptive only
``paired``          the fits, scores and verdict of a pair of candidates
``comparisons``     verdicts on pairs of candidates over seeds
``fold_comparisons``  verdicts on the candidates of a search, over folds
``score_intervals``   the interval of each candidate's mean score
``training_sets``   differences over several training sets
``looks``           earlier tests of a comparison, and other questions to the same test set
``collapse``        collapsed seeds: rates, and the verdicts among seeds that trained
``error_ratios``    the ratio of two candidates' errors, over seeds and folds
``baselines``       networks compared with majority class, linear model, nearest neighbours
``label_errors``    suspected label errors of training and test images
``interactions``    whether the effects of two variants of an ablation add up
``methods``         which statistical method is valid for which metric
``findings``        the results of each stage: search, comparison, ablation
``searches``        the trace of a search: its rungs, and its epochs compared with a grid's
``expected_best``   the expected best score of a search by its number of trials
``nested``          nested cross-validation of a search
``imbalance``       balanced accuracy, for classes of very different sizes
``selection``       the selection bias of a winner's score
``optimism``        selection-biased estimates, compared with unbiased ones
``curves``          learning curves: mean and standard deviation over seeds
``calibration``     calibration errors: confidence compared with accuracy
``protocol``        the images that each stage uses, and the test-set evaluations
==================  ==========================================================================

docs/statistics.md has the source of each method, the reason for it, and its measured coverage.
"""

from convstudy.analysis.analyse import Analysis, analyse
from convstudy.analysis.baselines import BaselineScore, StageBaselines, baseline_metric
from convstudy.analysis.calibration import Bin, Calibration, calibration_of
from convstudy.analysis.candidates import CandidateRow, FitRow, candidate_row, candidate_rows
from convstudy.analysis.collapse import CandidateCollapse, CollapsedSeed, PairCollapse, StageCollapse
from convstudy.analysis.comparisons import TEST, VALIDATION
from convstudy.analysis.curves import CurvePoint, curve
from convstudy.analysis.expected_best import ExpectedBest, Trials
from convstudy.analysis.findings import Headline, StageResult
from convstudy.analysis.imbalance import has_imbalanced_classes
from convstudy.analysis.label_errors import LabelErrors
from convstudy.analysis.nested import Nested, OuterFold
from convstudy.analysis.optimism import BiasedEstimate
from convstudy.analysis.predictions import PredictionReader, Predictions
from convstudy.analysis.protocol import Protocol
from convstudy.analysis.searches import SearchTrace, search_trace
from convstudy.analysis.selection import Selection

__all__ = [
    "TEST",
    "VALIDATION",
    "Analysis",
    "BaselineScore",
    "BiasedEstimate",
    "Bin",
    "Calibration",
    "CandidateCollapse",
    "CandidateRow",
    "CollapsedSeed",
    "CurvePoint",
    "ExpectedBest",
    "FitRow",
    "Headline",
    "LabelErrors",
    "Nested",
    "OuterFold",
    "PairCollapse",
    "PredictionReader",
    "Predictions",
    "Protocol",
    "SearchTrace",
    "Selection",
    "StageBaselines",
    "StageCollapse",
    "StageResult",
    "Trials",
    "analyse",
    "baseline_metric",
    "calibration_of",
    "candidate_row",
    "candidate_rows",
    "curve",
    "has_imbalanced_classes",
    "search_trace",
]
