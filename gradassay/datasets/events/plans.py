"""Which recordings of a set are for training, which for testing, and of which class they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from gradassay.core.errors import DataError
from gradassay.datasets.events.aedat3 import read_trials
from gradassay.datasets.events.source import Source
from gradassay.datasets.natural import natural

Part = Literal["train", "test"]


class Sample(NamedTuple):
    """One sample: a recording, or a stretch of one.

    Parameters
    ----------
    path : PurePosixPath
        Of the recording.
    part : {"train", "test"}
        What it is for.
    target : int
        Its class, from 0.
    start_us, stop_us : int or None
        The stretch; None for all.
    """

    path: PurePosixPath
    part: Part
    target: int
    start_us: int | None = None
    stop_us: int | None = None


Plan = Callable[[Source], list[Sample]]
_DIGITS = tuple("0123456789")
_NUMBER = re.compile(r"[0-9]{1,18}")


def digits_plan(source: Source) -> list[Sample]:
    """Return the recordings of N-MNIST.

    Those of a file ``train*.txt`` or ``test*.txt`` whose lines say number and class, beside
    ``NUMBER.bs2`` or ``NUMBER.bin``, if there is one; or else ``Train/CLASS/*.bin`` and
    ``Test/CLASS/*.bin``.
    """
    names = source.names()
    lists = {path for path in names if path.suffix == ".txt"}
    if lists:
        return list(_listed(source, lists, set(names)))
    return _by_folder([path for path in names if path.suffix == ".bin"], _DIGITS)


def _listed(
    source: Source, lists: set[PurePosixPath], names: set[PurePosixPath]
) -> Iterator[Sample]:
    """Yield what lists of number and class say."""
    for path, content in source.members(lambda path: path in lists):
        part: Part = "train" if path.name.lower().startswith("train") else "test"
        for line in content.decode("ascii", "replace").splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) != 2 or not _NUMBER.fullmatch(words[0]) or words[1] not in _DIGITS:
                raise DataError(f"{path}: got the line {line[:40]!r}; expected number and class.")
            recordings = [path.with_name(words[0] + suffix) for suffix in (".bs2", ".bin")]
            found = next((one for one in recordings if one in names), recordings[0])
            yield Sample(found, part, int(words[1]))


_RECORDING = re.compile(r"user[0-9A-Za-z_]{1,80}\.aedat")


def gestures_plan(source: Source) -> list[Sample]:
    """Return the trials of DVS-Gesture.

    ``trials_to_train.txt`` and ``trials_to_test.txt`` name recordings; ``NAME_labels.csv`` beside
    ``NAME.aedat`` cuts one into trials. Or trials that are cut already, ``CLASS.npy`` with classes
    from 0, in folders whose names contain ``Train`` and ``Test``.
    """
    cut = [path for path in source.names() if path.suffix == ".npy"]
    if cut:
        return _by_folder(cut, [str(number) for number in range(11)], lambda path: path.stem)
    texts = {
        path: content.decode("ascii", "replace")
        for path, content in source.members(lambda path: path.suffix in (".txt", ".csv"))
    }
    samples = []
    for part in ("train", "test"):
        for path in (path for path in texts if path.name == f"trials_to_{part}.txt"):
            for name in texts[path].split():
                if not _RECORDING.fullmatch(name):
                    raise DataError(f"{path}: got {name[:40]!r}; expected user...aedat.")
                samples += _trials(path.with_name(name), part, texts)
    return samples


def _trials(recording: PurePosixPath, part: Part, texts: dict[PurePosixPath, str]) -> list[Sample]:
    """Return the trials of one recording."""
    labels = recording.with_name(f"{recording.stem}_labels.csv")
    if labels not in texts:
        raise DataError(f"{labels}: is not there; expected it beside {recording.name}.")
    try:
        trials = read_trials(texts[labels])
    except DataError as error:
        raise DataError(f"{labels}: {error}") from error
    return [
        Sample(recording, part, trial.label - 1, trial.start_us, trial.stop_us) for trial in trials
    ]


CIFAR_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def objects_plan(source: Source) -> list[Sample]:
    """Return the recordings of CIFAR10-DVS, ``CLASS/*.aedat``.

    There is no published split: of each class the first nine tenths, in the order of their
    numbers, are for training and the rest for testing, as is usual.
    """
    return _split(source.names(), CIFAR_CLASSES, lambda path: path.parent.name)


POKER_CLASSES = ("cl", "he", "di", "sp")
_CARD = re.compile(r".?(club|heart|diamond|spade)[0-9]{2}i?\.aedat")


def cards_plan(source: Source) -> list[Sample]:
    """Return the recordings of POKER-DVS, in one of two forms.

    48 + 20 that Tonic passes on: folders whose names end with ``cl``, ``he``, ``di`` or ``sp``,
    below folders whose names contain ``train`` and ``test``. Or the 131 of its authors, of which no
    split is published: of each class the first nine tenths, in the order of their numbers, are for
    training and the rest for testing. Their files are ``?spade01.aedat``, or ``?spade01i.aedat`` of
    a symbol that is upside down.
    """
    names = source.names()
    if any(_part_of(path) == "test" for path in names):
        return _by_folder(names, POKER_CLASSES, card_class)
    return _split(names, POKER_CLASSES, card_class)


def card_class(path: PurePosixPath) -> str:
    """Return the class that the name of a recording of POKER-DVS, or else its folder, ends with.

    Examples
    --------
    >>> card_class(PurePosixPath("nheart07i.aedat")), card_class(PurePosixPath("a/x_di/1.npy"))
    ('he', 'di')
    """
    original = _CARD.fullmatch(path.name)
    return original[1][:2] if original else path.parent.name[-2:]


def _by_folder(
    names: Sequence[PurePosixPath],
    classes: Sequence[str],
    class_of: Callable[[PurePosixPath], str] = lambda path: path.parent.name,
) -> list[Sample]:
    """Return recordings whose folders say part and class, in a fixed order."""
    samples = []
    for path in _sorted(names):
        part = _part_of(path)
        if part is not None and class_of(path) in classes:
            samples.append(Sample(path, part, classes.index(class_of(path))))
    return samples


def _split(
    names: Sequence[PurePosixPath],
    classes: Sequence[str],
    class_of: Callable[[PurePosixPath], str],
) -> list[Sample]:
    """Return recordings of which of each class the last tenth, rounded up, is for testing."""
    samples = []
    for target, name in enumerate(classes):
        own = _sorted(path for path in names if class_of(path) == name)
        first = len(own) * 9 // 10
        samples += [Sample(path, "train", target) for path in own[:first]]
        samples += [Sample(path, "test", target) for path in own[first:]]
    return samples


def _sorted(names: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """Return paths in the order of the numbers in them."""
    return sorted(names, key=lambda path: natural(str(path)))


def _part_of(path: PurePosixPath) -> Part | None:
    """Return what the folders above a recording say that it is for."""
    above = [name.lower() for name in path.parts[:-1]]
    for part in ("test", "train"):
        if any(part in name for name in above):
            return part
    return None
