"""Images, labels and which of them train: everything that convstudy knows about data.

====================  ==========================================================================
:mod:`.catalogue`     which datasets there are: sizes, classes, digests, sources
:mod:`.dataset`       loading one: training images at hand, the test set sealed
:mod:`.images`        images and labels, as uint8 and int64 arrays
:mod:`.splits`        which images train and which validate; folds; subsets
:mod:`.sources`       the kinds of places that a dataset can come from
:mod:`.files`         finding, downloading and verifying the files of a source
:mod:`.idx`           the IDX file format, read strictly
:mod:`.arrays`        NumPy's file format, read strictly; images that stay in a file
:mod:`.digits`        the embedded dataset, which needs no network
:mod:`.fingerprints`  what tells images apart, exactly and nearly
:mod:`.duplicates`    test images that are training images as well
:mod:`.facts`         class counts, constant images and duplicates of a dataset
====================  ==========================================================================

Importing this package loads neither NumPy nor scikit-learn nor pooch; using it does.
"""

from __future__ import annotations

from convstudy.data.audit.facts import ImageFacts, image_facts
from convstudy.data.catalogue import CATALOGUE, DatasetInfo, dataset_info
from convstudy.data.dataset import Dataset, SealedTest, load_dataset, load_labels
from convstudy.data.images import Images, Part
from convstudy.data.splits import Fold, Holdout, Outer, Shortage, Split, shortage, split_indices, split_sizes

__all__ = [
    "CATALOGUE",
    "Dataset",
    "DatasetInfo",
    "Fold",
    "Holdout",
    "ImageFacts",
    "Images",
    "Outer",
    "Part",
    "SealedTest",
    "Shortage",
    "Split",
    "dataset_info",
    "image_facts",
    "load_dataset",
    "load_labels",
    "shortage",
    "split_indices",
    "split_sizes",
]
