"""What a command ends with."""

from __future__ import annotations

PASSED, FAILED, UNUSABLE, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130
