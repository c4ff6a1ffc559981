"""Where the files of a data set may lie, and the first place that has all of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gradassay.core.errors import DataError
from gradassay.datasets.specs import DatasetSpec

ENVIRONMENT = "GRADASSAY_DATA"
StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Place:
    """A folder that may hold the files.

    Parameters
    ----------
    label : str
        How the folder came to be looked at, for people.
    folder : Path
        The folder.
    remedy : str
        What to do about a file there that is defective.
    """

    label: str
    folder: Path
    remedy: str

    def find(self, name: str) -> Path | None:
        """Return the path of a file, compressed or plain, or None."""
        for path in (self.folder / f"{name}.gz", self.folder / name):
            if os.path.isfile(path):
                return path
        return None

    def missing(self, spec: DatasetSpec) -> list[str]:
        """Return the names of the files that are not there."""
        return [file.name for file in spec.files if self.find(file.name) is None]

    def __str__(self) -> str:
        return f"{self.label} ({self.folder})"


def cache_folder(name: str) -> Path:
    """Return the folder for downloads of a data set, in the user's cache."""
    import pooch

    return Path(pooch.os_cache("gradassay")) / name


def cache_place(spec: DatasetSpec) -> Place:
    """Return the place of the downloads."""
    remedy = f"Delete it and run `gradassay data get {spec.name}`."
    return Place("cache", cache_folder(spec.name), remedy)


def candidate_places(spec: DatasetSpec, data_dir: StrPath | None) -> list[Place]:
    """Return the places in the order of the search.

    An explicit folder is the only one searched; otherwise $GRADASSAY_DATA, the cache folder and
    the Debian package's folder follow each other.
    """
    remedy = f"Replace it with a whole copy; `gradassay data get {spec.name}` downloads one."
    label = f"${ENVIRONMENT}" if data_dir is None else "data_dir"
    places = [Place(label, folder, remedy) for folder in given_folders(spec.name, data_dir)]
    if data_dir is not None:
        return places
    places.append(cache_place(spec))
    if spec.package_folder is not None:
        remedy = f"Run `apt-get install --reinstall {spec.package}`."
        label = f"Debian package {spec.package}"
        places.append(Place(label, Path(spec.package_folder), remedy))
    return places


def given_folders(name: str, data_dir: StrPath | None) -> list[Path]:
    """Return where a data set's files may lie in the folder that a user gives, if there is one.

    That is `data_dir`, or else what $GRADASSAY_DATA names: itself, its sub-folder of the data set's
    name, and torchvision's ``raw`` in that.
    """
    given = os.environ.get(ENVIRONMENT) if data_dir is None else data_dir
    if not given:
        return []
    folder = Path(given).expanduser()
    return [folder, folder / name, folder / name / "raw"]


def find_place(spec: DatasetSpec, places: Sequence[Place]) -> Place | None:
    """Return the first place that has all the files, or None."""
    return next((place for place in places if not place.missing(spec)), None)


def fullest_place(spec: DatasetSpec, places: Sequence[Place]) -> Place:
    """Return the place that has most of the files; the first of equals."""
    return min(places, key=lambda place: len(place.missing(spec)))


def not_in_folder(spec: DatasetSpec, places: Sequence[Place]) -> DataError:
    """Return the error for an explicit folder that lacks files; `places` are those in it."""
    folder = places[0].folder
    if not os.path.isdir(folder):
        state = "is not a folder" if os.path.lexists(folder) else "does not exist"
        return DataError(
            f"data_dir: got '{folder}', which {state}; expected a folder with the files of"
            f" {spec.name}."
        )
    missing = ", ".join(fullest_place(spec, places).missing(spec))
    looked = ", ".join(str(place.folder) for place in places)
    return DataError(
        f"data_dir: got '{folder}'; {spec.name} lacks {missing}; looked in {looked}."
        " Put all four files, plain or .gz, into one of them, or leave the folder out."
    )


def ways_to_supply(spec: DatasetSpec) -> str:
    """Return a sentence on how a user can supply the files."""
    ways = ["give their folder with --data-dir", f"set ${ENVIRONMENT} to it"]
    if spec.package is not None:
        ways.append(f"`apt-get install {spec.package}`")
    return f"To supply the files yourself: {', or '.join(ways)}."
