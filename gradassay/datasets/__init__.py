"""Readers of image data sets and batches.

Cheap to import: scikit-learn and pooch are imported by the calls that need them.
"""

from gradassay.datasets.batches import epoch_batches
from gradassay.datasets.dataset import Dataset
from gradassay.datasets.idx import read_idx
from gradassay.datasets.load import download_dataset, load_dataset
from gradassay.datasets.specs import DATASET_NAMES
from gradassay.datasets.status import DatasetStatus, FileStatus, dataset_status

__all__ = [
    "DATASET_NAMES",
    "Dataset",
    "DatasetStatus",
    "FileStatus",
    "dataset_status",
    "download_dataset",
    "epoch_batches",
    "load_dataset",
    "read_idx",
]
