"""Which recordings of an event set are there, and whether they can be read."""

from __future__ import annotations

from pathlib import PurePosixPath

from gradassay.core.errors import DataError
from gradassay.datasets.events.load import PARTS, planned, read_samples
from gradassay.datasets.events.plans import Sample
from gradassay.datasets.events.sets import EventSet, find_set, find_source
from gradassay.datasets.places import StrPath
from gradassay.datasets.status import DatasetStatus, FileStatus, State

MOST_NAMED = 100


def events_status(name: str, data_dir: StrPath | None, *, verify: bool) -> DatasetStatus:
    """Return the state of a set's recordings; downloads nothing.

    Parameters
    ----------
    name : str
        One of `EVENT_SETS`.
    data_dir : path-like, optional
        As for `load_events`.
    verify : bool
        Whether to read all recordings; where several are damaged, the first hundred are named,
        each as a file.

    Raises
    ------
    UsageError
        If there is no set of that name.
    """
    spec = find_set(name)
    source = find_source(spec, data_dir)
    if source is None:
        file = FileStatus(spec.files, "missing")
        return _status(spec, "nowhere", (file,), whole=False, verify=verify)
    state: State = "present"
    problem, title, whole, size_bytes = None, spec.files, False, 0
    damaged: dict[PurePosixPath, str] = {}
    try:
        size_bytes = source.size_bytes
        samples = planned(spec, source)
        whole, title = _told_count(spec, samples)
        if verify:
            for _ in read_samples(spec, source, samples, damaged):
                pass
    except DataError as error:
        state, problem = "corrupt", str(error)
    texts = list(damaged.values())
    if texts:
        several = f"{len(texts):,} recordings are damaged"
        state, problem = "corrupt", problem or (texts[0] if len(texts) == 1 else several)
    first = FileStatus(f"recordings: {title}", state, source.folder, size_bytes, problem)
    others = [FileStatus(str(path), "corrupt", problem=text) for path, text in damaged.items()]
    shown = (first, *others[:MOST_NAMED]) if problem not in texts else (first,)
    return _status(spec, str(source.folder), shown, whole=whole, verify=verify)


def _told_count(spec: EventSet, samples: list[Sample]) -> tuple[bool, str]:
    """Return whether there are as many recordings as published, and a text on it."""
    train, test = (
        len({sample.path for sample in samples if sample.part == part}) for part in PARTS
    )
    published = f"{spec.recordings[0]:,} + {spec.recordings[1]:,}"
    if spec.unsplit is not None:
        published += f", or {spec.unsplit:,} in all"
    return spec.is_whole(train, test), f"{train:,} + {test:,} of {published}"


def _status(
    spec: EventSet, place: str, files: tuple[FileStatus, ...], *, whole: bool, verify: bool
) -> DatasetStatus:
    return DatasetStatus(
        name=spec.name,
        found=files[0].state != "missing",
        complete=files[0].state == "present" and whole,
        verified=verify,
        place=place,
        files=files,
        license=spec.license,
        size_bytes=files[0].size_bytes,
        download_bytes=0,
    )
