"""Datasets: their images and labels, sources, files, splits and statistics.

==============================  ================================================================
:mod:`.dataset`                 a dataset as a value
:mod:`.loaded`                  a loaded dataset: training images in memory, the test set locked
:mod:`.images`                  images and labels, as uint8 and int64 arrays
:mod:`.split`                   the values that name a split: holdouts and folds
:mod:`.splits`                  splits into training and validation images; folds; subsets
:mod:`.split_counts`            images and groups per class and fold
:mod:`.time_order`              splits in order of time
:mod:`.times`                   times of images as ranks
:mod:`.grouping`                groups of images, near-duplicates, the test part
:mod:`.audit`                   hashes, duplicates and statistics of a dataset

:mod:`.preparing`               from the images of a user to a dataset, step by step
:mod:`.detect`                  chooses the kind of source of a path
:mod:`.sources`                 the kinds of sources, one file each
:mod:`.listing`                 the images that a source contains, before any is decoded
:mod:`.decoding`                decodes one image to uint8 pixels of a given size
:mod:`.decoded`                 decodes all images once, in processes, into a cache
:mod:`.value_range`             which pixel values of an array become black and white
:mod:`.class_names`             checks of the names of classes
:mod:`.problem_list`            collects the problems of many images or rows
:mod:`.progress`                reports the progress of this work

:mod:`.folders`                 trees of folders with image files
:mod:`.archives`                zip and tar archives, read in place
:mod:`.tables`                  CSV, TSV, JSON Lines, Parquet and Arrow
:mod:`.array_files`             ``.npz``, ``.npy``, IDX, records and numbers as text
:mod:`.from_python`             arrays and labels of a Python program
:mod:`.consecutive`             images of several files, one file after the other
:mod:`.arrays`                  a strict reader of ``.npy`` files; images that stay in a file
:mod:`.parts`                   checks of the type and shape of arrays

:mod:`.built_in`                the built-in datasets by name
:mod:`.digits`                  scikit-learn's digits, which need no download
:mod:`.files`                   finds, downloads and verifies the files of a source
:mod:`.idx`                     a strict reader of IDX files
:mod:`.source`                  the protocol of a source of images
==============================  ================================================================

Importing this package loads neither NumPy nor scikit-learn nor pooch; using it does.
"""

from __future__ import annotations

from convstudy.data.audit.baselines import BASELINES, BaselinePredictions, baseline_key, baseline_predictions
from convstudy.data.audit.statistics import DatasetStatistics, dataset_statistics
from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import Dataset
from convstudy.data.images import Images, Part
from convstudy.data.loaded import LoadedDataset, LockedTest
from convstudy.data.split import Fold, Holdout, Outer, Split
from convstudy.data.split_counts import PartCounts, part_counts, validation_counts
from convstudy.data.splits import Shortage, shortage, split_indices, split_sizes

__all__ = [
    "BASELINES",
    "BUILT_IN_DATASETS",
    "BaselinePredictions",
    "Dataset",
    "DatasetStatistics",
    "Fold",
    "Holdout",
    "Images",
    "LoadedDataset",
    "LockedTest",
    "Outer",
    "Part",
    "PartCounts",
    "Shortage",
    "Split",
    "baseline_key",
    "baseline_predictions",
    "dataset_statistics",
    "part_counts",
    "shortage",
    "split_indices",
    "split_sizes",
    "validation_counts",
]
