"""Thousands of damaged idx files: each is a correct read or one DataError, never another error."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets import read_idx

Encode = Callable[[NDArray[np.uint8]], bytes]
FLIPS, HEADERS, NOISES = 800, 400, 300
IMAGES = np.random.default_rng(1).integers(0, 256, (4, 5, 6), dtype=np.uint8)


def flipped(data: bytes, generator: np.random.Generator) -> Iterator[bytes]:
    """Yield copies with one to four bits flipped, anywhere."""
    for _ in range(FLIPS):
        damaged = bytearray(data)
        for bit in generator.integers(0, 8 * len(data), generator.integers(1, 5)):
            damaged[bit // 8] ^= 1 << (bit % 8)
        yield bytes(damaged)


def with_other_headers(generator: np.random.Generator) -> Iterator[bytes]:
    """Yield files whose header announces anything, with a little body."""
    for _ in range(HEADERS):
        rank = int(generator.integers(0, 6))
        sizes = generator.integers(0, 2 ** generator.integers(1, 33), rank, dtype=np.uint64)
        kind = 8 if generator.random() < 0.9 else int(generator.integers(0, 256))
        announced = bytes([0, 0, kind, rank]) + struct.pack(f">{rank}I", *sizes.tolist())
        yield announced + generator.bytes(int(generator.integers(0, 60)))


def outcome(path: Path, data: bytes) -> NDArray[np.uint8] | DataError:
    path.write_bytes(data)
    try:
        return read_idx(path)
    except DataError as error:
        return error


def test_a_flipped_gzip_file_gives_the_original_or_an_error(encode: Encode, tmp_path: Path) -> None:
    data = gzip.compress(encode(IMAGES), mtime=7)
    results = [outcome(tmp_path / "f", each) for each in flipped(data, np.random.default_rng(2))]
    arrays = [result for result in results if not isinstance(result, DataError)]
    assert all(np.array_equal(array, IMAGES) for array in arrays)
    assert len(arrays) < len(results) / 10  # only flips in gzip's own header fields do no harm


def test_a_flipped_plain_file_gives_its_own_bytes_or_an_error(
    encode: Encode, tmp_path: Path
) -> None:
    for damaged in flipped(encode(IMAGES), np.random.default_rng(3)):
        result = outcome(tmp_path / "f", damaged)
        if not isinstance(result, DataError):
            assert encode(result) == damaged


def test_every_truncation_is_an_error(encode: Encode, tmp_path: Path) -> None:
    for data in (encode(IMAGES), gzip.compress(encode(IMAGES))):
        for length in range(len(data)):
            assert isinstance(outcome(tmp_path / "f", data[:length]), DataError)


@pytest.mark.parametrize("zipped", [False, True])
def test_any_header_is_read_as_announced_or_refused(
    encode: Encode, tmp_path: Path, zipped: bool
) -> None:
    for data in with_other_headers(np.random.default_rng(4)):
        result = outcome(tmp_path / "f", gzip.compress(data) if zipped else data)
        if not isinstance(result, DataError):
            assert encode(result) == data


@pytest.mark.parametrize("prefix", [b"", b"\x1f\x8b", b"\x1f\x8b\x08", b"\0\0\x08"])
def test_noise_is_read_as_announced_or_refused(
    encode: Encode, tmp_path: Path, prefix: bytes
) -> None:
    generator = np.random.default_rng(len(prefix))
    for _ in range(NOISES):
        data = prefix + generator.bytes(int(generator.integers(0, 64)))
        result = outcome(tmp_path / "f", data)
        if not isinstance(result, DataError):
            assert encode(result) == data
