"""Scripts that show a defect of a library with that library alone, and what they print."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from gradassay.core.errors import UsageError

LONGEST_S = 120


@dataclass(frozen=True)
class Reproduction:
    """A defect, and the shortest script that shows it.

    Parameters
    ----------
    subject : str
        Configuration, for people.
    defect : str
        What is wrong, in one line.
    script : str
        Python; imports the library and torch only.
    printed : str
        What the script printed when it was run.
    expected : str
        What it should print.
    """

    subject: str
    defect: str
    script: str
    printed: str
    expected: str


def printed_by(script: str) -> str:
    """Return what a script prints, run by this Python in a process of its own.

    Parameters
    ----------
    script : str
        Python.

    Raises
    ------
    UsageError
        If it fails, or takes longer than two minutes.

    Examples
    --------
    >>> printed_by("print(1 + 1)")
    '2'
    """
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"script: did not end within {LONGEST_S} s:\n{script}") from None
    if done.returncode:
        told = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise UsageError(f"script: stopped with {told[0]}:\n{script}")
    return done.stdout.strip()
