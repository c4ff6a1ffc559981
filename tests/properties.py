"""How many examples a property test tries; `make properties` tries a hundred times as many."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))


def examples(count: int) -> int:
    """Return `count`, times the environment's EXAMPLES_TIMES."""
    return count * TIMES
