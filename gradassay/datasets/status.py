"""Which files of a data set are there, and whether they are the published ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gradassay.core.errors import DataError
from gradassay.datasets.digits import CHECKSUMS, read_digits
from gradassay.datasets.idx import read_content
from gradassay.datasets.idx_set import check_content, rank_of
from gradassay.datasets.places import Place, StrPath, candidate_places, find_place, fullest_place
from gradassay.datasets.specs import DatasetSpec, FileSpec

State = Literal["present", "missing", "corrupt"]


@dataclass(frozen=True)
class FileStatus:
    """State of one file; `problem` is the reader's message for a corrupt one."""

    name: str
    state: State
    path: Path | None = None
    size_bytes: int = 0
    problem: str | None = None


@dataclass(frozen=True)
class DatasetStatus:
    """What `load_dataset` would find.

    Parameters
    ----------
    name : str
        Of the data set.
    found : bool
        Whether some place has all the files.
    complete : bool
        Whether, besides, none of them is corrupt.
    verified : bool
        Whether the files were read and compared; without it `complete` says only that they exist.
    place : str
        Where the files are, or the place that has most of them.
    files : tuple of FileStatus
        One for each file.
    license : str
        Short name of the license.
    size_bytes : int
        Of the files that are there, on disk.
    download_bytes : int
        Of the published files.
    """

    name: str
    found: bool
    complete: bool
    verified: bool
    place: str
    files: tuple[FileStatus, ...]
    license: str
    size_bytes: int
    download_bytes: int


def status_of(spec: DatasetSpec, data_dir: StrPath | None, *, verify: bool) -> DatasetStatus:
    """Return the state of the data set of a specification."""
    if spec.bundled:
        return _bundled_status(spec, verify)
    places = candidate_places(spec, data_dir)
    place = find_place(spec, places) or fullest_place(spec, places)
    return place_status(spec, place, verify=verify)


def place_status(spec: DatasetSpec, place: Place, *, verify: bool) -> DatasetStatus:
    """Return the state of the files in one place."""
    files = tuple(_file_status(file, place, verify) for file in spec.files)
    return DatasetStatus(
        name=spec.name,
        found=all(file.state != "missing" for file in files),
        complete=all(file.state == "present" for file in files),
        verified=verify,
        place=str(place),
        files=files,
        license=spec.license,
        size_bytes=sum(file.size_bytes for file in files),
        download_bytes=sum(file.published_bytes for file in spec.files),
    )


def _file_status(file: FileSpec, place: Place, verify: bool) -> FileStatus:
    """Return the state of one file."""
    path = place.find(file.name)
    if path is None:
        return FileStatus(file.name, "missing")
    size_bytes = path.stat().st_size
    try:
        if verify:
            content = read_content(path, dimensions=rank_of(file), remedy=place.remedy)
            check_content(file, path, content, place.remedy)
    except DataError as error:
        return FileStatus(file.name, "corrupt", path, size_bytes, str(error))
    return FileStatus(file.name, "present", path, size_bytes)


def _bundled_status(spec: DatasetSpec, verify: bool) -> DatasetStatus:
    """Return the state of the data that comes with scikit-learn."""
    problem = None
    try:
        if verify:
            read_digits()
    except DataError as error:
        problem = str(error)
    state: State = "present" if problem is None else "corrupt"
    return DatasetStatus(
        name=spec.name,
        found=True,
        complete=problem is None,
        verified=verify,
        place="scikit-learn",
        files=tuple(FileStatus(name, state, problem=problem) for name in CHECKSUMS),
        license=spec.license,
        size_bytes=0,
        download_bytes=0,
    )
