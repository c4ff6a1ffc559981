"""What becomes of damaged files: read or refused, in bounded memory and in one line."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

from gradassay.core.errors import DataError


def outcomes(
    read: Callable[[bytes], object], copies: Iterator[bytes], most_bytes: int
) -> tuple[int, int]:
    """Return how many copies were read and how many refused, in bounded memory."""
    right, wrong, lines = 0, 0, 1
    tracemalloc.start()
    try:
        for copy in copies:
            try:
                read(copy)
                right += 1
            except DataError as error:
                wrong += 1
                lines = max(lines, str(error).count("\n") + 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most_bytes
    assert lines == 1
    return right, wrong
