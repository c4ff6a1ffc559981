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
from gradassay.datasets.events.plans import Part, Sample
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
    samples = planned(spec, source)
    size = math.prod(framing.frame_shape(spec.sensor))
    arrays: Arrays = {}
    for part in PARTS:
        own = [sample for sample in samples if sample.part == part]
        arrays[f"{part}-inputs"] = np.zeros((len(own), framing.steps, size), dtype=np.uint8)
        arrays[f"{part}-targets"] = np.array([sample.target for sample in own], dtype=np.int64)
    places: dict[Part, dict[Sample, int]] = {part: {} for part in PARTS}
    for sample in samples:
        places[sample.part][sample] = len(places[sample.part])
    for sample, events in read_samples(spec, source, samples):
        frames = frames_of(events, framing)
        arrays[f"{sample.part}-inputs"][places[sample.part][sample]] = frames
    return arrays


def planned(spec: EventSet, source: Source) -> list[Sample]:
    """Return the samples of a set, those for training and for testing.

    Raises
    ------
    DataError
        If a part is empty, a class does not exist, or a sample is listed twice or for both parts.
    """
    samples = spec.plan(source)
    for part in PARTS:
        if not any(sample.part == part for sample in samples):
            raise DataError(
                f"{spec.name}: found no {part} recordings in {source.folder}; expected"
                f" {spec.files}."
            )
    for sample in samples:
        if not 0 <= sample.target < spec.classes:
            raise DataError(
                f"{sample.path}: has class {sample.target}; expected 0 to {spec.classes - 1}."
            )
    _require_once(samples, source)
    return samples


def _require_once(samples: list[Sample], source: Source) -> None:
    """Refuse a sample that is there twice, and a recording of which both parts have something."""
    train, test = ({sample.path for sample in samples if sample.part == part} for part in PARTS)
    if both := sorted(train & test):
        raise DataError(
            f"{both[0]}: is listed for training and for testing in {source.folder}; expected one."
        )
    stretches = Counter((sample.path, sample.start_us, sample.stop_us) for sample in samples)
    twice = next((one for one, count in stretches.items() if count > 1), None)
    if twice is not None:
        raise DataError(f"{twice[0]}: is listed twice in {source.folder}; expected it once.")


def read_samples(
    spec: EventSet,
    source: Source,
    samples: list[Sample],
    damaged: dict[PurePosixPath, str] | None = None,
) -> Iterator[tuple[Sample, Events]]:
    """Yield the events of each sample, in the order of the files.

    Parameters
    ----------
    spec, source, samples
        The set, where it lies and what of it is read.
    damaged : dict of path to str, optional
        Where it is given, damaged recordings are passed over and noted in it.

    Raises
    ------
    DataError
        If a recording is missing or damaged; says which.
    """
    wanted: dict[object, list[Sample]] = {}
    for sample in samples:
        wanted.setdefault(sample.path, []).append(sample)
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
        for sample in wanted.pop(path, []):
            if sample.start_us is None or sample.stop_us is None:
                yield sample, events
            else:
                yield sample, events.between(sample.start_us, sample.stop_us)
    if wanted:
        missing = [str(path) for path in wanted]
        raise DataError(
            f"{spec.name}: lacks {', '.join(missing[:3])}"
            f"{f' and {len(missing) - 3:,} more' if len(missing) > 3 else ''} in {source.folder}."
        )
