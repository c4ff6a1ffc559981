"""The idx reader: round trips, and one clear line for every defect."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets import read_idx
from gradassay.datasets.idx import read_content

Encode = Callable[[NDArray[np.uint8]], bytes]
IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
shapes = st.lists(st.integers(0, 6), min_size=1, max_size=3).map(tuple)


@given(shape=shapes, seed=st.integers(0, 2**32 - 1), zipped=st.booleans())
def test_reader_returns_what_was_written(
    encode: Encode,
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, ...],
    seed: int,
    zipped: bool,
) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path_factory.getbasetemp() / "round-trip.bin"
    path.write_bytes(gzip.compress(encode(array)) if zipped else encode(array))
    content = read_content(path, dimensions=len(shape))
    assert content.array.dtype == np.uint8
    np.testing.assert_array_equal(content.array, array)
    assert content.sha256 == sha256(encode(array)).hexdigest()


def test_compression_is_seen_from_the_bytes_and_not_from_the_name(
    encode: Encode, tmp_path: Path
) -> None:
    (tmp_path / "plain.gz").write_bytes(encode(IMAGES))
    (tmp_path / "zipped").write_bytes(gzip.compress(encode(IMAGES)))
    for name in ("plain.gz", "zipped"):
        np.testing.assert_array_equal(read_idx(tmp_path / name), IMAGES)


def test_array_can_be_written_to(encode: Encode, tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(encode(IMAGES))
    array = read_idx(tmp_path / "images")
    array[0, 0, 0] = 9
    assert array[0, 0, 0] == 9


def header(kind: int, *sizes: int) -> bytes:
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


GOOD = header(8, 2, 3) + bytes(6)
ZIPPED = gzip.compress(GOOD, mtime=0)
DEFECTS = {
    "empty": (b"", "is empty (0 bytes)"),
    "empty inside gzip": (gzip.compress(b""), "is empty (0 bytes after decompression)"),
    "three bytes": (GOOD[:3], "truncated after 3 of at least 8 bytes"),
    "no sizes": (GOOD[:9], "truncated after 9 of at least 12 bytes"),
    "body cut": (GOOD[:-1], "truncated after 17 of 18 bytes"),
    "body cut inside gzip": (gzip.compress(GOOD[:-2]), "truncated after 16 of 18 bytes"),
    "gzip cut": (ZIPPED[:-9], "truncated gzip file"),
    "gzip header cut": (ZIPPED[:5], "truncated gzip file"),
    "trailing": (GOOD + b"x", "has trailing bytes after the 18 that its header announces"),
    "trailing inside gzip": (gzip.compress(GOOD + b"xy"), "has trailing bytes after the 18"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(99), "is no idx file: starts with 89 50 4e 47"),
    "floats": (header(0x0D, 2) + bytes(8), "has element type 0x0d; expected 0x08"),
    "no dimension": (bytes([0, 0, 8, 0]), "has 0 dimensions; expected 1 to 3"),
    "four dimensions": (header(8, 1, 1, 1, 1) + b"x", "has 4 dimensions; expected 1 to 3"),
    "crc": (ZIPPED[:-8] + b"\0\0\0\0" + ZIPPED[-4:], "corrupt gzip file (CRC check failed"),
    "length": (ZIPPED[:-1] + b"\x01", "corrupt gzip file (Incorrect length"),
    "deflate": (ZIPPED[:10] + b"\xff" * 20, "corrupt gzip file (Error -3"),
    "gzip method": (b"\x1f\x8b\x07" + ZIPPED[3:], "corrupt gzip file (Unknown compression"),
    "garbage after gzip": (ZIPPED + b"garbage", "corrupt gzip file (Not a gzipped file"),
    "oversized": (
        header(8, 2**32 - 1, 9, 28),
        "header announces an array of 4294967295 x 9 x 28 = 1,082,331,758,340 bytes; expected at"
        " most 268,435,456",
    ),
    "oversized inside gzip": (gzip.compress(header(8, 2**28 + 1)), "header announces an array of"),
}


@pytest.mark.parametrize("case", DEFECTS)
def test_defect_is_one_line_that_names_file_and_remedy(case: str, tmp_path: Path) -> None:
    data, message = DEFECTS[case]
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_idx(path, remedy="Delete it and run `gradassay data get mnist`.")
    text = str(caught.value)
    assert text.startswith(f"train-images-idx3-ubyte.gz: {message}")
    assert text.endswith(". Delete it and run `gradassay data get mnist`.")
    assert "\n" not in text


def test_missing_file_directory_and_pipe_are_told_apart(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("nothing", "no such file"),
        ("folder", "is a directory"),
        ("pipe", "is not a regular file"),
    ):
        with pytest.raises(DataError, match=f"^{name}: {message}"):
            read_idx(tmp_path / name)


def test_missing_file_below_a_file_is_an_error_of_data(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "file" / "images")


def test_wrong_number_of_dimensions_is_named(encode: Encode, tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(encode(np.zeros(3, np.uint8)))
    with pytest.raises(DataError, match=r"^labels: has 1 dimension; expected 3\. Replace it"):
        read_idx(tmp_path / "labels", dimensions=3)


BOMB = gzip.compress(header(8, 100) + bytes(60_000_000))
HEAVY = {
    "oversized header": header(8, 2**32 - 1, 28, 28) + bytes(50),
    "header just below the cap": header(8, 2**28) + bytes(50),
    "zipped header just below the cap": gzip.compress(header(8, 2**28) + bytes(50)),
    "bomb behind a small header": BOMB,
}


@pytest.mark.parametrize("case", HEAVY)
def test_memory_is_bounded_by_what_the_file_holds_and_announces(case: str, tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(HEAVY[case])
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000  # a chunk of 256 KiB and gzip's buffers


def test_what_the_system_refuses_to_open_is_an_error_of_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r": cannot be read \(File name too long\)\. Replace it"):
        read_idx(tmp_path / ("x" * 300))
