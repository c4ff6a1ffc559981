"""Peak memory of a piece of work on NumPy, measured."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the most bytes that Python and NumPy held at once for a piece of work.

    Parameters
    ----------
    work : callable
        Run once before, so that caches are filled, and once while memory is traced.

    Notes
    -----
    By ``tracemalloc``, which sees what NumPy allocates and not what torch does. What the work
    returns counts, as it is alive when the work ends; what was there before does not.

    Examples
    --------
    >>> import numpy as np
    >>> 8000 <= peak_bytes(lambda: np.ones(1000)) < 10000
    True
    """
    work()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        kept = work()
        peak = tracemalloc.get_traced_memory()[1]
        del kept
    finally:
        tracemalloc.stop()
    return peak - before
