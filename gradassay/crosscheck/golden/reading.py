"""A pack and somebody's answers, read with nothing trusted."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from gradassay.core.errors import DataError
from gradassay.crosscheck.golden.npy import decode
from gradassay.crosscheck.golden.schema import (
    ANSWERS_FORMAT,
    FORMAT,
    SCHEMA_VERSION,
    AnswersManifest,
    Case,
    File,
    Manifest,
)
from gradassay.crosscheck.golden.source import (
    MANIFEST,
    MOST_BYTES,
    Source,
    open_source,
    require_path,
)

MOST_MANIFEST = 4 * 2**20
MOST_OVERHEAD = 2048

Kind = TypeVar("Kind", Manifest, AnswersManifest)


@dataclass(frozen=True)
class Pack:
    """A pack in memory.

    Parameters
    ----------
    manifest : Manifest
    arrays : mapping from path to array
    """

    manifest: Manifest
    arrays: Mapping[str, np.ndarray]

    @property
    def expected(self) -> dict[str, File]:
        """What is to be answered, by path."""
        return {file.path: file for file in self.manifest.files if file.role == "expected"}


class _Header(msgspec.Struct):
    format: str
    schema_version: int


def read_manifest(data: bytes, name: str, form: str, kind: type[Kind]) -> Kind:
    """Return the manifest in some bytes; format and version are looked at before the rest.

    Raises
    ------
    DataError
        If it is no such manifest, or of another version.
    """
    try:
        header = msgspec.json.decode(data, type=_Header)
        if header.format != form:
            raise DataError(f"{name}: got format {header.format[:40]!r}; expected {form!r}.")
        if header.schema_version != SCHEMA_VERSION:
            raise DataError(
                f"{name}: got schema version {header.schema_version}; expected {SCHEMA_VERSION}."
                " Make it anew, or use the version of gradassay that made it."
            )
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        told = repr(str(error))[1:200]
        raise DataError(f"{name}: not a manifest of format {form} ({told}).") from error


def read_pack(path: Path) -> Pack:
    """Return a pack from a folder or a ``.zip``.

    Raises
    ------
    DataError
        If anything about it is not as its manifest says.
    """
    source = open_source(path)
    manifest = read_manifest(source.read(MANIFEST, MOST_MANIFEST), MANIFEST, FORMAT, Manifest)
    _require_sizes(manifest)
    arrays = {file.path: _read_file(source, file) for file in manifest.files}
    for case in manifest.cases:
        _require_case(case, arrays, manifest)
    if manifest.checksum != checksum_of(manifest.cases, manifest.files):
        raise DataError(
            f"{MANIFEST}: its checksum is not that of its cases and files; make the pack anew."
        )
    return Pack(manifest, arrays)


def checksum_of(cases: list[Case], files: list[File]) -> str:
    """Return what names the problems: sha256 of the cases as JSON, and of what is given."""
    digest = hashlib.sha256(msgspec.json.encode(cases, order="sorted"))
    for file in sorted(files, key=lambda file: file.path):
        digest.update(f"{file.path} {file.dtype} {file.shape}\n".encode())
        if file.role == "given":
            digest.update(f"{file.sha256}\n".encode())
    return digest.hexdigest()


def _require_sizes(manifest: Manifest) -> None:
    """Refuse sizes that do not fit their shapes, before a file is read."""
    paths = [file.path for file in manifest.files]
    if len(set(paths)) < len(paths):
        raise DataError(f"{MANIFEST}: names a file twice.")
    for file in manifest.files:
        needed = math.prod(file.shape) * int(file.dtype[2:])
        if not needed < file.bytes <= needed + MOST_OVERHEAD:
            raise DataError(
                f"{MANIFEST}: {file.path[:80]!r}: got {file.bytes:,} bytes; expected {needed:,} and"
                f" a header for shape {str(file.shape)[:80]}."
            )
    total = sum(file.bytes for file in manifest.files)
    if total > MOST_BYTES:
        raise DataError(f"{MANIFEST}: {total:,} bytes in all; expected at most {MOST_BYTES:,}.")


def _read_file(source: Source, file: File) -> np.ndarray:
    data = source.read(file.path, file.bytes)
    if len(data) != file.bytes:
        raise DataError(f"{file.path}: truncated after {len(data):,} of {file.bytes:,} bytes.")
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise DataError(f"{file.path}: its sha256 is not that of the manifest; it was changed.")
    return fitting(decode(data, file.path), file)


def fitting(array: np.ndarray, file: File) -> np.ndarray:
    """Return an array of the dtype and shape that the manifest says.

    Raises
    ------
    DataError
        If it has others.
    """
    if array.dtype != np.dtype(file.dtype):
        raise DataError(f"{file.path}: got dtype {array.dtype.str}; expected {file.dtype}.")
    if list(array.shape) != file.shape:
        raise DataError(f"{file.path}: got shape {array.shape}; expected {tuple(file.shape)}.")
    return array


def _require_case(case: Case, arrays: Mapping[str, np.ndarray], manifest: Manifest) -> None:
    """Every path of a case is a file, and spikes and potentials have the same shape."""
    for name in _names(case):
        require_path(name, MANIFEST)
    roles = {file.path: file.role for file in manifest.files}
    for role, paths in (("given", _given(case)), ("expected", _expected(case))):
        for path in paths:
            if roles.get(path) != role:
                raise DataError(
                    f"{MANIFEST}: case {case.name} names {path[:80]!r}; expected a file with the"
                    f" role {role!r}."
                )
    shapes = [arrays[path].shape for path in case.spikes.values()]
    same = shapes == [arrays[path].shape for path in case.membrane.values()]
    if not same or case.spikes.keys() != case.membrane.keys() or any(len(s) != 3 for s in shapes):
        raise DataError(
            f"{MANIFEST}: case {case.name}: got spikes and membrane potentials that do not"
            " fit; expected the same layers with the same shapes (T, B, n)."
        )


def _names(case: Case) -> Iterator[str]:
    """Yield all names that a verdict may print."""
    yield case.name
    yield from (*case.spikes, *case.membrane)
    for method in case.methods:
        yield from (method.name, *method.state_after, *method.gradient)


def _given(case: Case) -> Iterator[str]:
    yield from (case.inputs, case.targets, *case.params.values())
    for mapping in (*case.noise.values(), *(method.state for method in case.methods)):
        yield from mapping.values()


def _expected(case: Case) -> Iterator[str]:
    yield from (case.outputs, case.losses, case.errors)
    yield from (*case.spikes.values(), *case.membrane.values())
    for method in case.methods:
        yield from (*method.state_after.values(), *method.gradient.values())


def read_answers(path: Path, pack: Pack) -> dict[str, np.ndarray]:
    """Return the expected arrays that somebody answered, by path.

    Parameters
    ----------
    path : pathlib.Path
        A folder or a ``.zip``.
    pack : Pack
        What was asked.

    Raises
    ------
    DataError
        If the answers are to another pack, unreadable, of another dtype or shape, or none.
    """
    source = open_source(path)
    manifest = read_manifest(
        source.read(MANIFEST, MOST_MANIFEST), MANIFEST, ANSWERS_FORMAT, AnswersManifest
    )
    if manifest.pack != pack.manifest.checksum:
        raise DataError(
            f"{path}: answers to the pack {manifest.pack[:16]}...; expected"
            f" {pack.manifest.checksum[:16]}... Name the right one with --pack."
        )
    expected = pack.expected
    stray = sorted(set(manifest.files or {}) - set(expected))
    if stray:
        raise DataError(f"{MANIFEST}: names {stray[0][:80]!r}, which the pack does not ask for.")
    wanted = expected if manifest.files is None else manifest.files
    answered = [name for name in wanted if manifest.files is not None or source.holds(name)]
    if not answered:
        raise DataError(f"{path}: holds none of the {len(expected):,} arrays that are asked for.")
    return {name: _read_answer(source, expected[name], manifest) for name in answered}


def _read_answer(source: Source, file: File, manifest: AnswersManifest) -> np.ndarray:
    needed = math.prod(file.shape) * int(file.dtype[2:])
    data = source.read(file.path, needed + MOST_OVERHEAD)
    if manifest.files is not None:
        if hashlib.sha256(data).hexdigest() != manifest.files[file.path]:
            raise DataError(f"{file.path}: its sha256 is not that of the manifest.")
    return fitting(decode(data, file.path), file)
