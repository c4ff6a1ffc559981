"""What a command ends with."""

from __future__ import annotations

PASSED, FAILED, UNUSABLE, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 130
# what shells tell of a program that SIGPIPE ends: nothing is said to have passed that nobody read
UNREAD = 141
