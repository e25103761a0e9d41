"""Results to stage results, verdicts and the protocol: pure, without clock, random numbers or torch.

==================  ==========================================================================
``analyse``         all of it as one value, each part worked out once
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
``calibration``     whether a model's confidence is its accuracy
``protocol``        who saw which images, and when the test set was opened
==================  ==========================================================================

docs/statistics.md has the source of each method, why it was chosen, and its measured coverage.
"""

from convstudy.analysis.analyse import Analysis, analyse
from convstudy.analysis.calibration import Bin, Calibration, calibration_of
from convstudy.analysis.candidates import CandidateRow, FitRow, candidate_row, candidate_rows
from convstudy.analysis.comparisons import TEST, VALIDATION
from convstudy.analysis.curves import CurvePoint, curve
from convstudy.analysis.findings import Headline, StageResult
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
    "BiasedEstimate",
    "Bin",
    "Calibration",
    "CandidateRow",
    "CurvePoint",
    "FitRow",
    "Headline",
    "Nested",
    "OuterFold",
    "PredictionReader",
    "Predictions",
    "Protocol",
    "SearchTrace",
    "Selection",
    "StageResult",
    "analyse",
    "calibration_of",
    "candidate_row",
    "candidate_rows",
    "curve",
    "search_trace",
]
