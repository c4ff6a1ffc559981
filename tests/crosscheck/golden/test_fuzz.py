"""Thousands of damaged inputs: each is a value or one DataError, never another error.

The number of inputs is in `docs/golden.md`, which a test here compares.
"""

from __future__ import annotations

import copy
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradassay.cli.golden import row_text
from gradassay.core.errors import DataError
from gradassay.crosscheck.golden import Pack, check_answers, read_answers, read_pack, write_pack
from gradassay.crosscheck.golden.npy import decode, encode
from gradassay.crosscheck.golden.reading import checksum_of
from gradassay.crosscheck.golden.schema import Manifest
from tests.properties import examples

DOCS = Path(__file__).parents[3] / "docs"
BYTES, HEADERS, MANIFESTS, VALUES, ANSWERS, ARCHIVES = 3000, 3000, 1500, 2000, 1000, 1500
ARRAY = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3, 4), }"
WORDS = [b"(", b")", b"'", b"<f8", b"<f4", b"|O", b"True", b"None", b"-1", b"9" * 30, b"{", b","]

Mutation = tuple[str, float, int]
mutations = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "cut", "insert", "drop"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=6,
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def fuzzed(count: int) -> settings:
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(
        max_examples=max(count, examples(100)), derandomize=True, deadline=None, database=None,
        suppress_health_check=slow,
    )  # fmt: skip


def mutated(data: bytes, changes: list[Mutation]) -> bytes:
    found = bytearray(data)
    for kind, place, value in changes:
        at = int(place * len(found))
        if kind == "flip" and found:
            found[at] ^= 1 << (value % 8)
        elif kind == "set" and found:
            found[at] = value
        elif kind == "cut":
            del found[at:]
        elif kind == "insert":
            found[at:at] = bytes([value])
        else:
            del found[at : at + value % 16]
    return bytes(found)


@pytest.fixture(scope="module")
def place(small: Pack) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as parent:
        write_pack(small, Path(parent) / "pack")
        yield Path(parent) / "pack"


@fuzzed(BYTES)
@given(mutations)
def test_a_damaged_array_is_a_value_or_an_error(changes: list[Mutation]) -> None:
    try:
        found = decode(mutated(encode(ARRAY), changes), "array.npy")
    except DataError:
        return
    assert found.dtype.str in ("<f8", "<f4", "<i8")
    assert found.nbytes <= ARRAY.nbytes + 64


@fuzzed(HEADERS)
@given(mutations, st.lists(st.tuples(st.integers(0, 70), st.sampled_from(WORDS)), max_size=4))
def test_a_damaged_header_is_a_value_or_an_error(
    changes: list[Mutation], words: list[tuple[int, bytes]]
) -> None:
    header = HEADER
    for at, word in words:
        header = header[:at] + word + header[at + len(word) :]
    header = mutated(header, changes)
    data = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + ARRAY.tobytes()
    try:
        found = decode(data, "array.npy")
    except DataError:
        return
    assert found.nbytes == ARRAY.nbytes


@fuzzed(MANIFESTS)
@given(mutations)
def test_a_damaged_manifest_is_a_value_or_an_error(
    small: Pack, place: Path, changes: list[Mutation]
) -> None:
    original = (place / "manifest.json").read_bytes()
    try:
        (place / "manifest.json").write_bytes(mutated(original, changes))
        found = read_pack(place)
    except DataError:
        return
    finally:
        (place / "manifest.json").write_bytes(original)
    assert found.manifest.checksum == small.manifest.checksum


@fuzzed(VALUES)
@given(st.data(), values)
def test_a_manifest_with_any_value_anywhere_is_a_value_or_an_error(
    place: Path, data: st.DataObject, value: object
) -> None:
    original = (place / "manifest.json").read_text()
    manifest: Any = copy.deepcopy(json.loads(original))
    at = manifest
    while True:
        keys = range(len(at)) if isinstance(at, list) else sorted(at)
        key = data.draw(st.sampled_from(keys))
        deeper = isinstance(at[key], dict | list) and len(at[key]) > 0
        if not deeper or data.draw(st.integers(0, 4)) == 0:
            break
        at = at[key]
    at[key] = value
    message = ""
    try:
        (place / "manifest.json").write_text(json.dumps(with_checksum(manifest)))
        found = read_pack(place)
        wrong = {path: found.arrays[path] + 1 for path in found.expected}
        assert "\n" not in "".join(row_text(row) for row in check_answers(found, wrong))
    except DataError as error:
        message = str(error)
    finally:
        (place / "manifest.json").write_text(original)
    assert "\n" not in message


def with_checksum(manifest: Any) -> Any:
    """Return the manifest with a checksum that fits, so that what lies behind it is reached."""
    try:
        found = msgspec.convert(manifest, Manifest)
    except msgspec.ValidationError:
        return manifest
    return manifest | {"checksum": checksum_of(found.cases, found.files)}


@fuzzed(ANSWERS)
@given(mutations, mutations, st.booleans(), st.booleans())
def test_damaged_answers_are_values_or_an_error(
    small: Pack, place: Path, first: list[Mutation], second: list[Mutation], one: bool, other: bool
) -> None:
    path = small.manifest.cases[0].outputs
    told = {
        "format": "gradassay-golden-answers",
        "schema_version": 1,
        "pack": small.manifest.checksum,
    }
    answers = place.parent / "answers"
    (answers / path).parent.mkdir(parents=True, exist_ok=True)
    data = encode(small.arrays[path])
    (answers / path).write_bytes(mutated(data, first) if one else data)
    text = json.dumps(told).encode()
    (answers / "manifest.json").write_bytes(mutated(text, second) if other else text)
    try:
        assert set(read_answers(answers, small)) == {path}
    except DataError:
        assert one or other
    finally:
        shutil.rmtree(answers)


@pytest.fixture(scope="module")
def archive(place: Path) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as found:
        for file in sorted(place.rglob("*")):
            found.write(file, file.relative_to(place).as_posix())
    return target.getvalue()


@fuzzed(ARCHIVES)
@given(mutations, st.booleans())
def test_a_damaged_archive_is_a_value_or_an_error(
    small: Pack, place: Path, archive: bytes, changes: list[Mutation], at_the_end: bool
) -> None:
    start = archive.find(b"PK\1\2") if at_the_end else 0  # the directory of an archive is last
    target = place.parent / "pack.zip"
    target.write_bytes(archive[:start] + mutated(archive[start:], changes))
    try:
        found = read_pack(target)
    except DataError:
        return
    assert found.manifest == small.manifest


def test_the_number_of_inputs_is_told() -> None:
    total = BYTES + HEADERS + MANIFESTS + VALUES + ANSWERS + ARCHIVES
    assert f"{total:,} damaged inputs" in (DOCS / "golden.md").read_text()
