"""CIFAR-10 and CIFAR-100 from their archives, or from the batches in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets import places
from gradassay.datasets.archives import MOST_BYTES, read_members
from gradassay.datasets.dataset import Dataset
from gradassay.datasets.download import make_folder, retrieve
from gradassay.datasets.pickles import read_pickle
from gradassay.datasets.places import ENVIRONMENT, StrPath
from gradassay.datasets.scaling import BYTES
from gradassay.datasets.status import DatasetStatus, FileStatus, State

SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_SUFFIXES = (".tar.gz", ".tar.xz", ".tar")


@dataclass(frozen=True)
class CifarSpec:
    """One of the two data sets, as it is published.

    Parameters
    ----------
    name : str
        The name that a user gives.
    stem : str
        Of the archive's file name.
    folder : str
        In the archive.
    classes : int
        Labels are 0 to ``classes - 1``.
    labels : str
        Key of the labels in a batch.
    train, test : mapping of str to str
        File name of each batch to the md5 of its content.
    archive_md5, archive_bytes : str, int
        Of the published ``.tar.gz``.
    mirror : str
        Folder on the web, with a closing slash.
    """

    name: str
    stem: str
    folder: str
    classes: int
    labels: str
    train: Mapping[str, str]
    test: Mapping[str, str]
    archive_md5: str
    archive_bytes: int
    mirror: str = "https://www.cs.toronto.edu/~kriz/"

    @property
    def batches(self) -> dict[str, str]:
        """All batches with their md5."""
        return {**self.train, **self.test}


LICENSE = "none stated"
CIFAR10 = CifarSpec(
    name="cifar10",
    stem="cifar-10-python",
    folder="cifar-10-batches-py",
    classes=10,
    labels="labels",
    train={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    },
    test={"test_batch": "40351d587109b95175f43aff81a1287e"},
    archive_md5="c58f30108f718f92721af3b95e74349a",
    archive_bytes=170_498_071,
)
CIFAR100 = CifarSpec(
    name="cifar100",
    stem="cifar-100-python",
    folder="cifar-100-python",
    classes=100,
    labels="fine_labels",
    train={"train": "16019d7e3df5f24257cddd939b257f8d"},
    test={"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
    archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
    archive_bytes=169_001_437,
)
CIFARS: Mapping[str, CifarSpec] = MappingProxyType(
    {spec.name: spec for spec in (CIFAR10, CIFAR100)}
)


def load_cifar(
    spec: CifarSpec, data_dir: StrPath | None = None, *, download: bool = True
) -> Dataset:
    """Return the data set, from an archive or from a folder with its batches.

    Parameters
    ----------
    spec : CifarSpec
        Which of the two.
    data_dir : path-like, optional
        The only folder to search: itself, its sub-folder of the data set's name, and ``raw`` in
        that, each for the archive (``.tar.gz``, ``.tar.xz`` or ``.tar``), the folder in it, or the
        batches. By default ``$GRADASSAY_DATA`` (the same three) and the user's cache folder.
    download : bool
        Whether to download what is not there.

    Raises
    ------
    DataError
        If files are missing, damaged or not the published ones, or cannot be downloaded.

    Notes
    -----
    The batches are pickles; `read_pickle` reads them without running anything.
    """
    place = find_cifar(spec, data_dir)
    if place is None and (data_dir is not None or not download):
        looked = ", ".join(str(folder) for folder in _folders(spec, data_dir))
        raise DataError(
            f"{spec.name}: files not found; looked in {looked}. Put {spec.stem}.tar.gz or the"
            f" folder {spec.folder} into one of them, or run `gradassay data get {spec.name}`."
        )
    if place is None:
        place = _download(spec)
    contents = dict(_contents(spec, place, spec.batches))
    parts = [
        [read_batch(spec, name, contents[name]) for name in names]
        for names in (spec.train, spec.test)
    ]
    (train, train_targets), (test, test_targets) = (_joined(part) for part in parts)
    return Dataset(
        spec.name,
        train,
        train_targets,
        test,
        test_targets,
        classes=spec.classes,
        shape=SHAPE,
        source=str(place),
        checksums={name: f"md5:{digest}" for name, digest in spec.batches.items()},
        license=LICENSE,
        scaling=BYTES,
    )


def find_cifar(spec: CifarSpec, data_dir: StrPath | None = None) -> Path | None:
    """Return the archive, or the folder with all batches, that is found first."""
    for folder in _folders(spec, data_dir):
        for below in (folder, folder / spec.folder):
            if all((below / name).is_file() for name in spec.batches):
                return below
        for suffix in _SUFFIXES:
            if (archive := folder / f"{spec.stem}{suffix}").is_file():
                return archive
    return None


def _folders(spec: CifarSpec, data_dir: StrPath | None) -> list[Path]:
    """Return where to look."""
    given = places.given_folders(spec.name, data_dir)
    return given if data_dir is not None else [*given, places.cache_folder(spec.name)]


def _contents(
    spec: CifarSpec, place: Path, names: Mapping[str, str]
) -> Iterator[tuple[str, bytes]]:
    """Yield each batch's name and content, after comparing it with the published one."""
    seen = set()
    for name, content in _found(spec, place):
        if name in seen:
            raise DataError(f"{place.name}: holds {name} twice; expected it once. {_remedy(spec)}")
        if md5(content, usedforsecurity=False).hexdigest() != names[name]:
            raise DataError(
                f"{name}: content differs from the published file (md5, expected"
                f" {names[name][:12]}...; {place}). {_remedy(spec)}"
            )
        seen.add(name)
        yield name, content
    if missing := set(names) - seen:
        raise DataError(f"{place.name}: lacks {', '.join(sorted(missing))}. {_remedy(spec)}")


def _found(spec: CifarSpec, place: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the batches of an archive or a folder."""
    if place.is_dir():
        for name in spec.batches:
            try:
                size = (place / name).stat().st_size
                content = (place / name).read_bytes() if size <= MOST_BYTES else b""
            except OSError as error:
                raise DataError(
                    f"{name}: cannot be read ({error.strerror or error}; {place}). {_remedy(spec)}"
                ) from error
            if size > MOST_BYTES:
                raise DataError(
                    f"{name}: has {size:,} bytes; expected at most {MOST_BYTES:,} ({place})."
                    f" {_remedy(spec)}"
                )
            yield name, content
        return
    for path, content in read_members(place, lambda path: path.name in spec.batches):
        yield path.name, content


def _remedy(spec: CifarSpec) -> str:
    return f"Delete it and run `gradassay data get {spec.name}`."


def read_batch(
    spec: CifarSpec, name: str, content: bytes
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images, (N, 3072), and classes of one batch.

    Raises
    ------
    DataError
        If it is no batch of the data set.
    """
    found = read_pickle(content, name)
    if not isinstance(found, dict):
        raise DataError(f"{name}: holds no dictionary; expected data and {spec.labels}.")
    values = {
        key.decode("latin1") if isinstance(key, bytes) else key: v for key, v in found.items()
    }
    images, labels = values.get("data"), values.get(spec.labels)
    if not isinstance(images, np.ndarray) or images.ndim != 2 or images.shape[1] != _PIXELS:
        raise DataError(f"{name}: has no images under 'data'; expected an array (N, {_PIXELS}).")
    whole = isinstance(labels, list) and all(type(label) is int for label in labels)
    if not isinstance(labels, list) or not whole or len(labels) != len(images):
        raise DataError(
            f"{name}: has no labels under {spec.labels!r} for {len(images):,} images; expected a"
            " list of as many whole numbers."
        )
    if not labels or not 0 <= min(labels) <= max(labels) < spec.classes:
        raise DataError(f"{name}: has labels beyond 0 to {spec.classes - 1}, or none.")
    return images, np.array(labels, dtype=np.int64)


def _joined(
    batches: list[tuple[NDArray[np.uint8], NDArray[np.int64]]],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def cifar_status(spec: CifarSpec, data_dir: StrPath | None, *, verify: bool) -> DatasetStatus:
    """Return the state of the batches, wherever they are found first; downloads nothing."""
    place = find_cifar(spec, data_dir)
    problem = None
    if place is not None and verify:
        try:
            for name, content in _contents(spec, place, spec.batches):
                read_batch(spec, name, content)
        except DataError as error:
            problem = str(error)
    folders = _folders(spec, data_dir)
    shown = place or folders[0] / f"{spec.stem}{_SUFFIXES[0]}"
    state: State = "present" if problem is None else "corrupt"
    if place is None:
        state = "missing"
    size = 0 if place is None else _size(spec, place)
    return DatasetStatus(
        name=spec.name,
        found=place is not None,
        complete=state == "present",
        verified=verify,
        place=str(shown if place is not None else folders[-1]),
        files=(FileStatus(shown.name, state, place, size, problem),),
        license=LICENSE,
        size_bytes=size,
        download_bytes=spec.archive_bytes,
    )


def _size(spec: CifarSpec, place: Path) -> int:
    if place.is_file():
        return place.stat().st_size
    return sum((place / name).stat().st_size for name in spec.batches)


def download_cifar(spec: CifarSpec) -> DatasetStatus:
    """Download the archive into the cache folder, if it is not there, and return its state.

    Raises
    ------
    DataError
        If the mirror does not give the published archive, or the folder cannot be written.
    """
    _download(spec)
    return cifar_status(spec, places.cache_folder(spec.name), verify=True)


def _download(spec: CifarSpec) -> Path:
    """Return the archive in the cache folder, downloaded if it is not there."""
    folder = places.cache_folder(spec.name)
    remedy = (
        f"To supply the files yourself: give the folder of {spec.stem}.tar.gz with --data-dir, or"
        f" set ${ENVIRONMENT} to it."
    )
    make_folder(spec.name, folder, remedy)
    name = f"{spec.stem}{_SUFFIXES[0]}"
    retrieve(spec.name, name, f"md5:{spec.archive_md5}", (spec.mirror,), folder, remedy=remedy)
    return folder / name
