"""Images, labels and which of them train: everything that convstudy knows about data.

====================  ==========================================================================
:mod:`.dataset`       a dataset as a value
:mod:`.loaded`        its images: training images at hand, the test set locked
:mod:`.built_in`      the datasets that convstudy knows by name
:mod:`.images`        images and labels, as uint8 and int64 arrays
:mod:`.splits`        which images train and which validate; folds; subsets
:mod:`.source`        what a source of a dataset must do
:mod:`.sources`       the kinds of sources, one file each
:mod:`.parts`         what new arrays must be, in one clear error each
:mod:`.in_memory`     arrays of a Python program
:mod:`.files`         finding, downloading and verifying the files of a source
:mod:`.idx`           the IDX file format, read strictly
:mod:`.arrays`        NumPy's file format, read strictly; images that stay in a file
:mod:`.digits`        the embedded dataset, which needs no network
:mod:`.perceptual_hashes`  what tells images apart, exactly and nearly
:mod:`.duplicates`    test images that are training images as well
:mod:`.statistics`         class counts, constant images and duplicates of a dataset
====================  ==========================================================================

Importing this package loads neither NumPy nor scikit-learn nor pooch; using it does.
"""

from __future__ import annotations

from convstudy.data.audit.statistics import DatasetStatistics, dataset_statistics
from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import Dataset
from convstudy.data.images import Images, Part
from convstudy.data.loaded import LoadedDataset, LockedTest
from convstudy.data.splits import Fold, Holdout, Outer, Shortage, Split, shortage, split_indices, split_sizes

__all__ = [
    "BUILT_IN_DATASETS",
    "Dataset",
    "DatasetStatistics",
    "Fold",
    "Holdout",
    "Images",
    "LoadedDataset",
    "LockedTest",
    "Outer",
    "Part",
    "Shortage",
    "Split",
    "dataset_statistics",
    "shortage",
    "split_indices",
    "split_sizes",
]
