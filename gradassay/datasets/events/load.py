"""Event sets as frames."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np

from gradassay.core.errors import DataError
from gradassay.datasets.dataset import Dataset
from gradassay.datasets.events.frame_cache import Arrays, cached, made
from gradassay.datasets.events.framing import Framing, frames_of
from gradassay.datasets.events.plans import Part, Piece
from gradassay.datasets.events.recording import Events
from gradassay.datasets.events.sets import EventSet, find_set, find_source, not_found
from gradassay.datasets.events.source import Source
from gradassay.datasets.places import StrPath

PARTS: tuple[Part, Part] = ("train", "test")


def load_events(
    name: str, framing: Framing, data_dir: StrPath | None = None, *, cache: bool = True
) -> Dataset:
    """Return an event set as frames.

    Parameters
    ----------
    name : str
        One of `EVENT_SETS`.
    framing : Framing
        How recordings become frames.
    data_dir : path-like, optional
        The only folder to search: its sub-folder of the set's name, and itself. By default
        ``$GRADASSAY_DATA`` and the user's cache folder.
    cache : bool
        Whether to keep the frames in the user's cache folder, and to take them from there; the key
        is made of the framing and of the names, sizes and times of change of the files.

    Returns
    -------
    Dataset
        Inputs are counts of events as bytes, (N, T, 2 * rows * columns), polarity 0 first.

    Raises
    ------
    UsageError
        If there is no set of that name.
    DataError
        If files are missing or damaged.
    """
    spec = find_set(name)
    source = find_source(spec, data_dir)
    if source is None:
        raise not_found(spec, data_dir)
    told = {"framing": framing, "files": source.fingerprint()}

    def make() -> Arrays:
        return make_frames(spec, source, framing)

    arrays, checksums = cached(name, told, make) if cache else made(make)
    inputs = (arrays["train-inputs"], arrays["train-targets"])
    tests = (arrays["test-inputs"], arrays["test-targets"])
    counts = len(inputs[1]), len(tests[1])
    return Dataset(
        name,
        *inputs,
        *tests,
        classes=spec.classes,
        shape=framing.frame_shape(spec.sensor),
        source=str(source.folder),
        checksums=checksums,
        license=spec.license,
        part="" if spec.is_whole(*counts) else f"{counts[0]:,} + {counts[1]:,} samples",
    )


def make_frames(spec: EventSet, source: Source, framing: Framing) -> Arrays:
    """Return inputs and targets of both parts, from the recordings."""
    pieces = planned(spec, source)
    size = math.prod(framing.frame_shape(spec.sensor))
    arrays: Arrays = {}
    for part in PARTS:
        own = [piece for piece in pieces if piece.part == part]
        arrays[f"{part}-inputs"] = np.zeros((len(own), framing.steps, size), dtype=np.uint8)
        arrays[f"{part}-targets"] = np.array([piece.target for piece in own], dtype=np.int64)
    places: dict[Part, dict[Piece, int]] = {part: {} for part in PARTS}
    for piece in pieces:
        places[piece.part][piece] = len(places[piece.part])
    for piece, events in samples(spec, source, pieces):
        frames = frames_of(events, framing)
        arrays[f"{piece.part}-inputs"][places[piece.part][piece]] = frames
    return arrays


def planned(spec: EventSet, source: Source) -> list[Piece]:
    """Return the samples of a set, those for training and for testing.

    Raises
    ------
    DataError
        If a part is empty, a class does not exist, or a sample is listed twice or for both parts.
    """
    pieces = spec.plan(source)
    for part in PARTS:
        if not any(piece.part == part for piece in pieces):
            raise DataError(
                f"{spec.name}: found no {part} recordings in {source.folder}; expected"
                f" {spec.files}."
            )
    for piece in pieces:
        if not 0 <= piece.target < spec.classes:
            raise DataError(
                f"{piece.path}: has class {piece.target}; expected 0 to {spec.classes - 1}."
            )
    _require_once(pieces, source)
    return pieces


def _require_once(pieces: list[Piece], source: Source) -> None:
    """Refuse a sample that is there twice, and a recording of which both parts have something."""
    train, test = ({piece.path for piece in pieces if piece.part == part} for part in PARTS)
    if both := sorted(train & test):
        raise DataError(
            f"{both[0]}: is listed for training and for testing in {source.folder}; expected one."
        )
    stretches = Counter((piece.path, piece.start_us, piece.stop_us) for piece in pieces)
    twice = next((one for one, count in stretches.items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{twice[0]}: is listed twice in {source.folder}; expected it once.")


def samples(
    spec: EventSet,
    source: Source,
    pieces: list[Piece],
    damaged: dict[PurePosixPath, str] | None = None,
) -> Iterator[tuple[Piece, Events]]:
    """Yield the events of each sample, in the order of the files.

    Parameters
    ----------
    spec, source, pieces
        The set, where it lies and what of it is read.
    damaged : dict of path to str, optional
        Where it is given, damaged recordings are passed over and noted in it.

    Raises
    ------
    DataError
        If a recording is missing or damaged; says which.
    """
    wanted: dict[object, list[Piece]] = {}
    for piece in pieces:
        wanted.setdefault(piece.path, []).append(piece)
    for path, content in source.members(lambda path: path in wanted):
        try:
            events = spec.readers[path.suffix](content)
        except DataError as error:
            problem = f"{path}: {error} ({source.folder})"
            if damaged is None:
                raise DataError(problem) from error
            damaged[path] = problem
            wanted.pop(path, None)
            continue
        for piece in wanted.pop(path, []):
            if piece.start_us is None or piece.stop_us is None:
                yield piece, events
            else:
                yield piece, events.between(piece.start_us, piece.stop_us)
    if wanted:
        missing = [str(path) for path in wanted]
        raise DataError(
            f"{spec.name}: lacks {', '.join(missing[:3])}"
            f"{f' and {len(missing) - 3:,} more' if len(missing) > 3 else ''} in {source.folder}."
        )
