"""Pickles without pickle: right ones give what pickle gives, others are refused and not run."""

from __future__ import annotations

import collections
import os
import pickle
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.errors import DataError
from gradassay.datasets.pickles import read_pickle

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 6), dtype=np.uint8)


def require_equal(found: Any, expected: Any) -> None:
    """Compare nested values with arrays in them."""
    assert type(found) is type(expected)
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            require_equal(found[key], value)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            require_equal(one, other)
    else:
        assert found == expected


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("array", [IMAGES, np.asfortranarray(IMAGES), IMAGES[:0], IMAGES.ravel()])
@pytest.mark.parametrize("key", ["data", b"data"])
def test_a_batch_is_what_pickle_reads(protocol: int, array: np.ndarray, key: str | bytes) -> None:
    batch = {key: array, "labels": [3, 0, 300, -70_000], "batch_label": "first", "none": None}
    data = pickle.dumps(batch, protocol=protocol)
    require_equal(read_pickle(data), pickle.loads(data))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=VALUES, protocol=st.integers(3, 5))
def test_plain_values_are_what_pickle_reads(value: Any, protocol: int) -> None:
    require_equal(read_pickle(pickle.dumps(value, protocol=protocol)), value)


def short(text: bytes) -> bytes:
    """A string of Python 2."""
    return b"U" + bytes([len(text)]) + text


def python2_batch(pixels: bytes, rows: int) -> bytes:
    """Return a batch as Python 2's cPickle wrote those of CIFAR, protocol 2."""
    columns = len(pixels) // rows
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85"
        + short(b"b")
        + b"\x87Rq\x03(K\x01"
        + b"K" + bytes([rows]) + b"M" + struct.pack("<H", columns) + b"\x86"
        + b"cnumpy\ndtype\nq\x04" + short(b"u1") + b"K\x00K\x01\x87Rq\x05(K\x03"
        + short(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + b"T" + struct.pack("<i", len(pixels)) + pixels + b"tb"
    )  # fmt: skip
    labels = b"]q\x06(K\x06K\x09e"
    return b"\x80\x02}q\x07(" + short(b"data") + array + short(b"labels") + labels + b"u."


def test_a_batch_of_python_2_is_what_pickle_reads() -> None:
    pixels = bytes(range(256)) * 2
    data = python2_batch(pixels, 2)
    expected = pickle.loads(data, encoding="latin1")
    require_equal(read_pickle(data), expected)
    np.testing.assert_array_equal(read_pickle(data)["data"].ravel(), np.frombuffer(pixels, "u1"))  # type: ignore[index]


class Calls:
    """Pickles to a call of anything."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.told = function, arguments

    def __reduce__(self) -> Any:
        return self.told


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, os.mkdir, eval, exec, getattr, __import__, open])
def test_what_calls_anything_is_refused_and_not_run(
    function: Any, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    argument = {"system": "touch seen", "mkdir": "seen"}.get(
        function.__name__, "__import__('os').mkdir('seen')"
    )
    data = pickle.dumps({"data": Calls(function, argument)}, protocol=protocol)
    with pytest.raises(DataError, match=r"nothing was run"):
        read_pickle(data)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "value",
    [
        collections.OrderedDict(a=1),
        {1, 2},
        frozenset({1}),
        1j,
        np.float64(2.0),
        np.arange(3),
        np.array(["text"]),
        np.array([None], dtype=object),
        Path("x"),
        bytearray(b"x"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_other_values_are_refused(value: Any, protocol: int) -> None:
    with pytest.raises(DataError):
        read_pickle(pickle.dumps({"data": value}, protocol=protocol))


INSTRUCTIONS = {
    "persistent identity": b"Pid\n.",
    "binary persistent identity": b"K\x00Q.",
    "instance": b"(S'touch seen'\nios\nsystem\n.",
    "object": b"(cos\nsystem\nS'touch seen'\no.",
    "new object": b"\x80\x02cbuiltins\nint\n)\x81.",
    "extension": b"\x80\x02\x82\x01.",
    "name of a known module": b"cnumpy\nload\n(S'x'\ntR.",
    "ndarray called": b"cnumpy\nndarray\n((K\x02ttR.",
    "reconstruct of another class": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\ntR.",
    "call of a number": b"K\x01)R.",
    "state of a number": b"K\x01K\x02b.",
    "no stop": b"K\x01",
    "stop of nothing": b".",
    "mark as a value": b"(.",
    "memory never filled": b"h\x07.",
    "append to a number": b"K\x01K\x02a.",
    "odd items": b"}(K\x01u.",
    "list as a key": b"}](K\x01eK\x02s.",
    "end without a mark": b"K\x01t.",
}


@pytest.mark.parametrize("data", INSTRUCTIONS.values(), ids=list(INSTRUCTIONS))
def test_a_malformed_program_is_one_error(data: bytes) -> None:
    with pytest.raises(DataError, match=r"^batch: .*\. Replace it with a whole copy\.$"):
        read_pickle(data, "batch")


def test_a_list_that_holds_itself_is_refused() -> None:
    own: list[Any] = []
    own.append(own)
    with pytest.raises(DataError, match=r"nests deeper than 16 levels"):
        read_pickle(pickle.dumps(own))


def test_what_is_shared_a_million_times_over_takes_no_time() -> None:
    value: list[Any] = []
    for _ in range(12):
        value = [value] * 30  # 30^12 leaves, if each were visited
    found = read_pickle(pickle.dumps(value))
    assert isinstance(found, list)
    assert found[0] is found[29]


def test_what_is_no_text_is_not_made_into_bytes() -> None:
    nested = b"]q\x00" + b"".join(b"h%c\x86q%c" % (n, n + 1) for n in range(60))
    data = b"\x80\x02c_codecs\nencode\n" + nested + b"X\x06\x00\x00\x00latin1\x86R."
    with pytest.raises(DataError, match=r"calls _codecs\.encode in another way"):
        read_pickle(data)  # as text 2^60 brackets


def test_an_array_of_another_size_than_its_shape_is_refused() -> None:
    data = python2_batch(bytes(512), 2).replace(b"T\x00\x02\x00\x00", b"T\xff\x01\x00\x00")
    with pytest.raises(DataError):
        read_pickle(data)
    wide = python2_batch(bytes(512), 2).replace(b"M\x00\x01", b"M\x00\x02")
    with pytest.raises(DataError, match=r"has an array of 512 bytes; expected 1,024, its shape"):
        read_pickle(wide)


def python2_text_batch() -> bytes:
    """Return a batch as Python 2 wrote it with protocol 0: one row of the bytes 1, 255, 128, 65."""
    return (
        b"(dp0\nS'data'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n"
        b"(I0\ntp4\nS'b'\np5\ntp6\nRp7\n(I1\n(I1\nI4\ntp8\ncnumpy\ndtype\np9\n(S'u1'\np10\nI0\n"
        b"I1\ntp11\nRp12\n(I3\nS'|'\np13\nNNNI-1\nI-1\nI0\ntp14\nbI00\nS'\\x01\\xff\\x80A'\np15\n"
        b"tp16\nbs."
    )


def test_a_text_batch_of_python_2_is_what_pickle_reads() -> None:
    data = python2_text_batch()
    require_equal(read_pickle(data), pickle.loads(data, encoding="latin1"))
    for line in (b"Sx'\n", b"S'x\n", b"S'\n", b"S'x'"):
        with pytest.raises(DataError, match="has a string without"):
            read_pickle(line + b".")


def large_text(size: int) -> bytes:
    """Return instructions that push a text and remember it at place 0."""
    return b"T" + struct.pack("<i", size) + b"a" * size + b"q\x00"


ARRAY_OF_TEXT = (
    b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR(K\x01"
    b"J\x00\x00\x01\x00\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89h\x00tb"
)


@pytest.mark.parametrize(
    "again", [b"c_codecs\nencode\n(h\x00U\x06latin1tR", ARRAY_OF_TEXT], ids=["bytes", "array"]
)
def test_one_text_made_into_bytes_over_and_over_takes_no_memory(again: bytes) -> None:
    data = b"\x80\x02(" + large_text(2**16) + again * 1000 + b"l."
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="makes more bytes than it holds"):
            read_pickle(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**21  # 64 MiB, if each were made


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"}\x8a\x08" + struct.pack("<q", 2**61 - 1) + b"Ns.", "has a key beyond"),
        (b"Np%d\n." % (2**61 - 1), "remembers something at no place of 32 bits"),
        (b"Np-1\n.", "remembers something at no place of 32 bits"),
    ],
)
def test_numbers_that_collide_in_a_dictionary_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pickle(data)


def test_a_shape_of_huge_numbers_is_refused_before_it_is_multiplied() -> None:
    huge = b"\x8b" + struct.pack("<i", 10**7) + b"\x7f" * 10**7
    shape = b"J\x00\x00\x01\x00\x85"
    data = large_text(1) + ARRAY_OF_TEXT.replace(shape, huge + huge + b"\x86")
    start = time.process_time()
    with pytest.raises(DataError, match="has an array of another kind"):
        read_pickle(data + b".")
    assert time.process_time() - start < 5  # minutes, if they were multiplied


@pytest.mark.parametrize("data", [b"I" + b"a" * 10**5 + b"\n.", b"S" + b"a" * 10**5 + b"\n."])
def test_what_is_damaged_is_not_quoted_at_length(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        read_pickle(data)
    assert len(str(caught.value)) < 300
