"""Readers of image and event data sets, and batches.

`load` goes from a name to a `dataset`: idx files (`specs`, `places`, `idx_set`, `idx`), `digits`,
`cifar` (`pickles`), `image_folder`, `npz` (`npy`), `events`. What comes from elsewhere is read in
bounded memory, runs nothing and never leaves its folder: `archives`, `pickles`, `npy`.

Cheap to import: scikit-learn, Pillow and pooch are imported by the calls that need them.
"""

from gradassay.datasets.batches import epoch_batches
from gradassay.datasets.dataset import Dataset
from gradassay.datasets.events import Framing
from gradassay.datasets.idx import read_idx
from gradassay.datasets.load import (
    DATASET_NAMES,
    dataset_status,
    download_dataset,
    holds_events,
    load_dataset,
)
from gradassay.datasets.scaling import Scaling
from gradassay.datasets.status import DatasetStatus, FileStatus

__all__ = [
    "DATASET_NAMES",
    "Dataset",
    "DatasetStatus",
    "FileStatus",
    "Framing",
    "Scaling",
    "dataset_status",
    "download_dataset",
    "epoch_batches",
    "holds_events",
    "load_dataset",
    "read_idx",
]
