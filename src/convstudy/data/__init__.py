"""Datasets: their images and labels, sources, files, splits and statistics.

==============================  ================================================================
:mod:`.dataset`                 a dataset as a value
:mod:`.loaded`                  a loaded dataset: training images in memory, the test set locked
:mod:`.built_in`                the built-in datasets by name
:mod:`.images`                  images and labels, as uint8 and int64 arrays
:mod:`.splits`                  splits into training and validation images; folds; subsets
:mod:`.split`                   the values that name a split: holdouts and folds
:mod:`.split_counts`            images and groups per class and fold
:mod:`.grouping.parts`          divides groups of images into parts, such as folds
:mod:`.source`                  the protocol of a source of images
:mod:`.listing`                 the images that a source contains, before any is decoded
:mod:`.sources`                 the kinds of sources, one file each
:mod:`.decoding`                decodes one image to uint8 pixels of a given size
:mod:`.value_range`             which pixel values of an array become black and white
:mod:`.archives`                lists and reads zip and tar archives in place
:mod:`.tables`                  reads CSV, TSV, JSON Lines and Parquet with one row per image
:mod:`.detect`                  chooses the kind of source of a path
:mod:`.class_folders`           classes and parts from the paths of a tree of folders
:mod:`.file_kinds`              which files can be images, from their names
:mod:`.class_names`             checks of the names of classes
:mod:`.image_files`             reads image files below a folder
:mod:`.problem_list`            collects the problems of many images or rows
:mod:`.parts`                   checks of the type and shape of a user's arrays
:mod:`.in_memory`               datasets from arrays in memory
:mod:`.set_aside`               a test part of arrays in memory
:mod:`.python_objects`          arrays of other libraries, floats and text labels, converted where no doubt is left
:mod:`.files`                   finds, downloads and verifies the files of a source
:mod:`.idx`                     a strict reader of IDX files
:mod:`.image_blocks`            images that follow each other in a file, read by position
:mod:`.array_labels`            labels of an array as text; how the images of an array are stored
:mod:`.array_roles`             which arrays of a file are images and which are labels, by their names
:mod:`.array_parts`             the listing of arrays, part by part
:mod:`.array_store`             a file or folder of named arrays, and its listing
:mod:`.npy_files`               a folder of ``.npy`` files in all number formats
:mod:`.idx_files`               IDX files of a user
:mod:`.record_files`            files of records of equal size without a header
:mod:`.number_rows`             text files in which each line is one image
:mod:`.row_reader`              reads images from such files
:mod:`.image_columns`           the columns of Hugging Face image data
:mod:`.arrow_files`             reads columns and images from Parquet and Arrow files
:mod:`.folder_entries`          what a path contains, for its recognition
:mod:`.part_words`              the words that name a part: train, validation, test
:mod:`.arrays`                  a strict reader of ``.npy`` files; images that stay in a file
:mod:`.digits`                  scikit-learn's digits, which need no download
:mod:`.audit.perceptual_hashes` exact and perceptual hashes of images
:mod:`.audit.duplicates`        duplicates between training and test images
:mod:`.audit.statistics`        class counts, constant images and duplicates of a dataset
==============================  ================================================================

Importing this package loads neither NumPy nor scikit-learn nor pooch; using it does.
"""

from __future__ import annotations

from convstudy.data.audit.statistics import DatasetStatistics, dataset_statistics
from convstudy.data.built_in import BUILT_IN_DATASETS
from convstudy.data.dataset import Dataset
from convstudy.data.images import Images, Part
from convstudy.data.loaded import LoadedDataset, LockedTest
from convstudy.data.split import Fold, Holdout, Outer, Split
from convstudy.data.split_counts import PartCounts, part_counts, validation_counts
from convstudy.data.splits import Shortage, shortage, split_indices, split_sizes

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
    "PartCounts",
    "Shortage",
    "Split",
    "dataset_statistics",
    "part_counts",
    "shortage",
    "split_indices",
    "split_sizes",
    "validation_counts",
]
