"""The event sets that exist, and the search for their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from gradassay.core.errors import DataError, unknown_name
from gradassay.datasets import places
from gradassay.datasets.events.aedat2 import read_aedat2
from gradassay.datasets.events.aedat3 import read_aedat3
from gradassay.datasets.events.event_array import read_event_array
from gradassay.datasets.events.nmnist import SENSOR, read_nmnist
from gradassay.datasets.events.plans import (
    CIFAR_CLASSES,
    POKER_CLASSES,
    Plan,
    card_class,
    cards_plan,
    digits_plan,
    gestures_plan,
    objects_plan,
)
from gradassay.datasets.events.recording import Events, Sensor
from gradassay.datasets.events.source import Source, Wanted


@dataclass(frozen=True)
class EventSet:
    """A data set of recordings.

    Parameters
    ----------
    name : str
        The name that a user gives.
    sensor : tuple of int
        Rows and columns.
    classes : int
        Targets are 0 to ``classes - 1``.
    license : str
        Short name of the license.
    homepage : str
        Where it is published.
    files : str
        What its files are, for people.
    recordings : tuple of int
        How many it has for training and testing, as published.
    unsplit : int or None
        How many it has in a form in which they are not split, where there is one.
    archives : tuple of str
        Beginnings of its archives' names.
    wanted : callable
        Whether a file belongs to it.
    plan : callable
        Which samples there are.
    readers : mapping of str to callable
        Suffix of a recording to its reader.
    """

    name: str
    sensor: Sensor
    classes: int
    license: str
    homepage: str
    files: str
    recordings: tuple[int, int]
    archives: tuple[str, ...]
    wanted: Wanted
    plan: Plan
    readers: Mapping[str, Callable[[bytes], Events]]
    unsplit: int | None = None

    def is_whole(self, train: int, test: int) -> bool:
        """Whether so many recordings, or samples cut from them, are at least all that there are."""
        if self.unsplit is not None and train + test >= self.unsplit:
            return True
        return train >= self.recordings[0] and test >= self.recordings[1]


def _is_digit_file(path: PurePosixPath) -> bool:
    name = path.name.lower()
    lists = path.suffix == ".txt" and name.startswith(("train", "test"))
    return path.suffix in (".bin", ".bs2") or lists


def _is_gesture_file(path: PurePosixPath) -> bool:
    lists = path.name in ("trials_to_train.txt", "trials_to_test.txt")
    recording = path.name.startswith("user") and path.name.endswith((".aedat", "_labels.csv"))
    return lists or recording or (path.suffix == ".npy" and path.stem.isdecimal())


def _is_object_file(path: PurePosixPath) -> bool:
    return path.suffix == ".aedat" and path.parent.name in CIFAR_CLASSES


def _is_card_file(path: PurePosixPath) -> bool:
    return path.suffix in (".npy", ".aedat") and card_class(path) in POKER_CLASSES


# symbols are said to be 32 x 32; those of the files reach to 33 columns and 35 rows
_POKER_SENSOR = (35, 35)
EVENT_SETS: Mapping[str, EventSet] = MappingProxyType(
    {
        one.name: one
        for one in (
            EventSet(
                name="nmnist",
                sensor=SENSOR,
                classes=10,
                license="CC BY-SA 4.0",
                homepage="https://www.garrickorchard.com/datasets/n-mnist",
                files="Train.zip and Test.zip, or the folders Train and Test of .bin files",
                recordings=(60_000, 10_000),
                archives=("train", "test", "n-mnist", "nmnist"),
                wanted=_is_digit_file,
                plan=digits_plan,
                readers={".bin": read_nmnist, ".bs2": read_nmnist},
            ),
            EventSet(
                name="dvs-gesture",
                sensor=(128, 128),
                classes=11,
                license="CC BY 4.0",
                homepage="https://research.ibm.com/publications/"
                "a-low-power-fully-event-based-gesture-recognition-system",
                files="DvsGesture.tar.gz or its folder, or ibmGestureTrain.tar.gz and"
                " ibmGestureTest.tar.gz or their folders",
                recordings=(98, 24),
                archives=("dvsgesture", "ibmgesture"),
                wanted=_is_gesture_file,
                plan=gestures_plan,
                readers={
                    ".aedat": read_aedat3,
                    ".npy": partial(
                        read_event_array, sensor=(128, 128), columns="xypt", microseconds=1000
                    ),
                },
            ),
            EventSet(
                name="cifar10-dvs",
                sensor=(128, 128),
                classes=10,
                license="CC BY 4.0",
                homepage="https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671",
                files="airplane.zip to truck.zip, or folders of their names with .aedat files",
                recordings=(9_000, 1_000),
                archives=(*CIFAR_CLASSES, "cifar10"),
                wanted=_is_object_file,
                plan=objects_plan,
                readers={".aedat": read_aedat2},
            ),
            EventSet(
                name="poker-dvs",
                sensor=_POKER_SENSOR,
                classes=4,
                license="non-commercial, with credit",
                homepage="http://www2.imse-cnm.csic.es/caviar/POKERDVS.html",
                files="pips_train.tar.gz and pips_test.tar.gz, or poker_dvs.tar.gz, or their"
                " folders",
                recordings=(48, 20),
                unsplit=131,
                archives=("pips", "poker"),
                wanted=_is_card_file,
                plan=cards_plan,
                readers={
                    ".npy": partial(read_event_array, sensor=_POKER_SENSOR),
                    ".aedat": partial(read_aedat2, sensor=_POKER_SENSOR),
                },
            ),
        )
    }
)


def find_set(name: str) -> EventSet:
    """Return the set of a name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in EVENT_SETS:
        raise unknown_name("dataset", name, EVENT_SETS)
    return EVENT_SETS[name]


def candidate_folders(spec: EventSet, data_dir: places.StrPath | None) -> list[Path]:
    """Return the folders to look in, in their order: the sub-folder of the set's name first."""
    # all below a folder is looked through, so the third adds nothing
    given = places.given_folders(spec.name, data_dir)[1::-1]
    return given if data_dir is not None else [*given, places.cache_folder(spec.name)]


def find_source(spec: EventSet, data_dir: places.StrPath | None) -> Source | None:
    """Return the first folder with files of the set; None if there is none."""
    for folder in candidate_folders(spec, data_dir):
        source = Source(folder, spec.wanted, spec.archives)
        if source.found:
            return source
    return None


def not_found(spec: EventSet, data_dir: places.StrPath | None) -> DataError:
    """Return the error for a set that is nowhere."""
    looked = ", ".join(map(str, candidate_folders(spec, data_dir)))
    return DataError(
        f"{spec.name}: files not found; looked in {looked}. Get {spec.files} from {spec.homepage},"
        f" and put them into a folder {spec.name} below $GRADASSAY_DATA, or give --data-dir."
    )
