"""Data sets by name: load one, download one."""

from __future__ import annotations

from gradassay.core.errors import DataError
from gradassay.datasets.dataset import Dataset
from gradassay.datasets.digits import read_digits
from gradassay.datasets.download import fetch_files
from gradassay.datasets.files import read_place
from gradassay.datasets.places import (
    StrPath,
    cache_place,
    candidate_places,
    find_place,
    not_in_folder,
    ways_to_supply,
)
from gradassay.datasets.specs import DatasetSpec, find_spec
from gradassay.datasets.status import DatasetStatus, place_status, status_of


def load_dataset(name: str, data_dir: StrPath | None = None, *, download: bool = True) -> Dataset:
    """Return a data set, read from the first place that has all its files.

    Parameters
    ----------
    name : str
        ``"digits"``, ``"mnist"`` or ``"fashion-mnist"``.
    data_dir : path-like, optional
        The only folder to search: itself, its sub-folder of the data set's name, and ``raw`` in
        that. By default ``$GRADASSAY_DATA`` (the same three), the user's cache folder and the
        Debian package's folder.
    download : bool
        Whether to download into the cache folder what no place has.

    Raises
    ------
    UsageError
        If there is no data set of that name.
    DataError
        If files are missing, defective or not the published ones, or cannot be downloaded.

    Notes
    -----
    Each file is compared with the published one by the sha256 of its decompressed content. A
    place counts only if it has all four files. ``digits`` comes with scikit-learn and ignores
    `data_dir`.

    Examples
    --------
    >>> digits = load_dataset("digits")
    >>> digits.train_inputs.shape, digits.test_inputs.shape, digits.classes
    ((1437, 64), (360, 64), 10)
    """
    return load_spec(find_spec(name), data_dir, download=download)


def load_spec(
    spec: DatasetSpec, data_dir: StrPath | None = None, *, download: bool = True
) -> Dataset:
    """Return the data set of a specification; otherwise like `load_dataset`."""
    if spec.bundled:
        return read_digits()
    places = candidate_places(spec, data_dir)
    place = find_place(spec, places)
    if place is None and data_dir is not None:
        raise not_in_folder(spec, places)
    if place is None and not download:
        looked = ", ".join(str(each.folder) for each in places)
        raise DataError(
            f"{spec.name}: files not found; looked in {looked}. Run"
            f" `gradassay data get {spec.name}`. {ways_to_supply(spec)}"
        )
    if place is None:
        place = cache_place(spec)
        fetch_files(spec, place)
    return read_place(spec, place)


def download_dataset(name: str) -> DatasetStatus:
    """Download a data set into the cache folder and return what is there, verified.

    Files that are there already and are the published ones stay; others are replaced.

    Raises
    ------
    UsageError
        If there is no data set of that name.
    DataError
        If no mirror gives a file, or the cache folder cannot be written.
    """
    return download_spec(find_spec(name))


def download_spec(spec: DatasetSpec) -> DatasetStatus:
    """Download the data set of a specification; otherwise like `download_dataset`."""
    if spec.bundled:
        return status_of(spec, None, verify=True)
    place = cache_place(spec)
    fetch_files(spec, place)
    return place_status(spec, place, verify=True)
