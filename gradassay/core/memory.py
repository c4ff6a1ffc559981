"""Freed memory that is kept: arrays of a step then lie where those of the step before lay."""

from __future__ import annotations

import ctypes
import sys

# of glibc's malloc.h
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 1 << 30
# older versions of glibc take no larger one
LARGEST_OLD_BYTES = 32 << 20


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory of this process instead of giving it back.

    Arrays of some megabytes, which a step makes and drops, otherwise come from the operating system
    each time, page by page: a fifth of a training step. Has an effect on Linux with glibc only; at
    most 1 GiB at the top of the heap is kept.

    Returns
    -------
    bool
        Whether it has an effect.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    kept = mallopt(TRIM_THRESHOLD, KEPT_BYTES)
    large = mallopt(MMAP_THRESHOLD, KEPT_BYTES) or mallopt(MMAP_THRESHOLD, LARGEST_OLD_BYTES)
    return bool(kept and large)
