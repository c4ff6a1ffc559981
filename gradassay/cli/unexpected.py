"""Exceptions that nobody foresaw, as one line that says whose they are."""

from __future__ import annotations

import traceback
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def told(error: BaseException) -> str:
    """Return one line on an exception that is no `GradassayError`.

    Parameters
    ----------
    error : BaseException
        As it reached the command line.

    Returns
    -------
    str
        What ran out of memory or which file cannot be used; otherwise where the defect is: in the
        file of somebody else's code that is furthest down the stack, or in gradassay.
    """
    name = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    place = _foreign_place(error)
    if place is None and _is_lack_of_memory(error):
        return f"not enough memory ({_short(str(error))}). Use a smaller network, batch or T."
    if place is None and isinstance(error, OSError) and error.filename is not None:
        reason = error.strerror or type(error).__name__
        return f"{_short(str(error.filename))}: {reason}. Name another file or folder."
    whose = "gradassay; please report it" if place is None else place
    return f"{_short(name)}. It is a defect of {whose}; --debug shows the traceback."


def _foreign_place(error: BaseException) -> str | None:
    """Return file, line and function of the last frame that is neither ours nor a library's."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if _is_foreign(path):
            return f"{path.name}, line {frame.lineno}, in {frame.name}"
    return None


def _is_foreign(path: Path) -> bool:
    """Whether a file is a user's own: not ours, nor installed, nor Python's."""
    if path.is_relative_to(PACKAGE) or "site-packages" in path.parts:
        return False
    return path.suffix == ".py" and not path.is_relative_to(Path(traceback.__file__).parent)


def _is_lack_of_memory(error: BaseException) -> bool:
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "allocate memory" in str(error)
    )


def _short(text: str, most: int = 200) -> str:
    """Return a text in one line, cut to a readable length."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
