"""Data sets by name: load one, download one."""

from __future__ import annotations

import os
from pathlib import Path

from gradassay.core.errors import DataError, UsageError, require_text, unknown_name
from gradassay.datasets.cifar import CIFARS, cifar_status, download_cifar, load_cifar
from gradassay.datasets.dataset import OWN_LICENSE, Dataset
from gradassay.datasets.digits import read_digits
from gradassay.datasets.download import fetch_files
from gradassay.datasets.events import EVENT_SETS, Framing, events_status, load_events, to_events
from gradassay.datasets.idx_set import read_place
from gradassay.datasets.image_folder import load_image_folder
from gradassay.datasets.npz import load_npz
from gradassay.datasets.places import (
    StrPath,
    cache_place,
    candidate_places,
    find_place,
    not_in_folder,
    ways_to_supply,
)
from gradassay.datasets.specs import DATASETS, DatasetSpec
from gradassay.datasets.status import DatasetStatus, FileStatus, State, place_status, status_of

DATASET_NAMES = (*(spec.name for spec in DATASETS), *CIFARS, *EVENT_SETS)
PREFIXES = ("events", "folder", "npz")


def load_dataset(
    name: str,
    data_dir: StrPath | None = None,
    *,
    download: bool = True,
    framing: Framing | None = None,
) -> Dataset:
    """Return a data set, read from the first place that has all its files.

    Parameters
    ----------
    name : str
        One of `DATASET_NAMES`; ``events:NAME`` for events made of the images of another one;
        ``folder:PATH`` for images in folders (`load_image_folder`); ``npz:PATH`` for arrays
        (`load_npz`).
    data_dir : path-like, optional
        The only folder to search: itself, its sub-folder of the data set's name, and ``raw`` in
        that. By default ``$GRADASSAY_DATA`` (the same three), the user's cache folder and the
        Debian package's folder.
    download : bool
        Whether to download into the cache folder what no place has, where it can be downloaded.
    framing : Framing, optional
        How events become frames; ten steps of equal time where not given.

    Raises
    ------
    UsageError
        If there is no data set of that name.
    DataError
        If files are missing, defective or not the published ones, or cannot be downloaded.

    Notes
    -----
    Each published file is compared with its hash, of the decompressed content. ``digits`` comes
    with scikit-learn and ignores `data_dir`.

    Examples
    --------
    >>> digits = load_dataset("digits")
    >>> digits.train_inputs.shape, digits.test_inputs.shape, digits.classes
    ((1437, 64), (360, 64), 10)
    """
    require_text("dataset", name, "a name from `gradassay data list`, or folder:PATH or npz:PATH")
    prefix, colon, rest = name.partition(":")
    if colon:
        return _load_prefixed(prefix, rest, data_dir, download, framing or Framing(10))
    if name in EVENT_SETS:
        return load_events(name, framing or Framing(10), data_dir)
    if name in CIFARS:
        return load_cifar(CIFARS[name], data_dir, download=download)
    return load_spec(find_images(name), data_dir, download=download)


def holds_events(name: str) -> bool:
    """Whether a data set is made of events, which take a `Framing`.

    Examples
    --------
    >>> holds_events("nmnist"), holds_events("events:digits"), holds_events("digits")
    (True, True, False)
    """
    return name in EVENT_SETS or name.startswith("events:")


def find_images(name: str) -> DatasetSpec:
    """Return the specification of a data set of idx files, or the bundled one.

    Raises
    ------
    UsageError
        If there is no data set of that name at all.
    """
    for spec in DATASETS:
        if spec.name == name:
            return spec
    raise unknown_name("dataset", name, DATASET_NAMES)


def _load_prefixed(
    prefix: str, rest: str, data_dir: StrPath | None, download: bool, framing: Framing
) -> Dataset:
    """Return a data set that is named by where it lies, or by the one it is made of."""
    if prefix not in PREFIXES or not rest:
        raise UsageError(
            f"dataset: got '{prefix}:{rest}'; expected events:NAME, folder:PATH or npz:PATH, or a"
            " name from `gradassay data list`."
        )
    if prefix == "folder":
        return load_image_folder(Path(rest).expanduser())
    if prefix == "npz":
        return load_npz(Path(rest).expanduser())
    if holds_events(rest):
        raise UsageError(f"dataset: got 'events:{rest}'; {rest} holds events already.")
    return to_events(load_dataset(rest, data_dir, download=download), framing)


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


def dataset_status(
    name: str, data_dir: StrPath | None = None, *, verify: bool = True
) -> DatasetStatus:
    """Return the state of a data set's files; downloads nothing.

    Parameters
    ----------
    name : str
        As for `load_dataset`; of ``events:NAME`` the state of NAME is told.
    data_dir : path-like, optional
        As for `load_dataset`.
    verify : bool
        Whether to read the files and compare their content: half a second for MNIST, minutes for
        the recordings of a large event set.

    Raises
    ------
    UsageError
        If there is no data set of that name.

    Examples
    --------
    >>> dataset_status("digits").complete
    True
    """
    prefix, colon, rest = name.partition(":")
    if colon and prefix in ("folder", "npz"):
        return _own_status(name, Path(rest).expanduser(), verify)
    if colon and prefix == "events" and not holds_events(rest):
        return dataset_status(rest, data_dir, verify=verify)
    if name in CIFARS:
        return cifar_status(CIFARS[name], data_dir, verify=verify)
    if name in EVENT_SETS:
        return events_status(name, data_dir, verify=verify)
    return status_of(find_images(name), data_dir, verify=verify)


def _own_status(name: str, path: Path, verify: bool) -> DatasetStatus:
    """Return the state of a user's own data; what it should be is known by reading it."""
    state: State = "present" if os.path.exists(path) else "missing"
    problem = None
    try:
        if verify and state == "present":
            load_dataset(name)
    except DataError as error:
        state, problem = "corrupt", str(error)
    return DatasetStatus(
        name=name,
        found=state != "missing",
        complete=state == "present",
        verified=verify,
        place=str(path),
        files=(FileStatus(path.name, state, path, problem=problem),),
        license=OWN_LICENSE,
        size_bytes=0,
        download_bytes=0,
    )


def download_dataset(name: str) -> DatasetStatus:
    """Download a data set into the cache folder and return what is there, verified.

    Files that are there already and are the published ones stay; others are replaced.

    Raises
    ------
    UsageError
        If there is no data set of that name, or it cannot be downloaded.
    DataError
        If no mirror gives a file, or the cache folder cannot be written.
    """
    if ":" in name:
        raise UsageError(
            f"{name}: cannot be downloaded; expected a name from `gradassay data list`."
        )
    if name in CIFARS:
        return download_cifar(CIFARS[name])
    if name in EVENT_SETS:
        raise UsageError(
            f"{name}: cannot be downloaded from here. Get {EVENT_SETS[name].files} from"
            f" {EVENT_SETS[name].homepage}, and give the folder with --data-dir."
        )
    return download_spec(find_images(name))


def download_spec(spec: DatasetSpec) -> DatasetStatus:
    """Download the data set of a specification; otherwise like `download_dataset`."""
    if spec.bundled:
        return status_of(spec, None, verify=True)
    place = cache_place(spec)
    fetch_files(spec, place)
    return place_status(spec, place, verify=True)
