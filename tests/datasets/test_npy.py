"""The reader of .npy streams: what NumPy wrote, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from gradassay.datasets.npy import read_npy


def written(array: Any, version: tuple[int, int] = (1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), version, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_what_was_written(version: tuple[int, int], order: Any) -> None:
    array = np.arange(24, dtype=">i2").reshape(2, 3, 4, order=order)
    found = read_npy(io.BytesIO(written(array, version)))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (written(1.0, (3, 0)), r"has .npy version \(3, 0\); expected 1.0 or 2.0"),
        (written(np.array([None])), "holds Python objects; expected numbers"),
        (written(np.zeros(3, "V0")), "has entries of no size"),
        (written(np.zeros(3))[:-1], "has 23 of 24 bytes"),
        (written(np.zeros(3)) + b"x", "has more than 24 bytes"),
        (b"text", "magic string"),
    ],
)
def test_anything_else_says_what_is_wrong(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_npy(io.BytesIO(data))
