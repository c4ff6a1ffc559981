"""Files and folders that commands write: whether they can, under which name."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from gradassay.core.atomic import require_writable, write_whole
from gradassay.core.errors import UsageError

# of a file that is named after a data set, which may be a long path
MOST_LETTERS = 100


def require_new_file(option: str, file: Path | None, *, overwrite: bool) -> None:
    """Refuse a file that cannot be written, before the work begins.

    Parameters
    ----------
    option : str
        The option that names it.
    file : pathlib.Path or None
        None needs nothing.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    UsageError
        If it is there, is a folder, its folder does not exist, or it cannot be written.
    """
    if file is None:
        return
    if os.path.isdir(file) or (os.path.exists(file) and not overwrite):
        raise UsageError(f"{option}: {str(file)!r} is there; expected a new file, or --overwrite.")
    if not os.path.isdir(file.absolute().parent):
        raise UsageError(f"{option}: got {str(file)!r}, whose folder does not exist.")
    try:
        require_writable(file)
    except OSError as error:
        raise UsageError(
            f"{option}: cannot write {str(file)!r}: {error.strerror}. Choose another file."
        ) from error


def require_different_files(**files: Path | None) -> None:
    """Refuse two options that name the same file.

    Parameters
    ----------
    **files : pathlib.Path or None
        By the option's name, without its dashes.

    Raises
    ------
    UsageError
        If one would replace what the other wrote.
    """
    seen: dict[Path, str] = {}
    for option, file in files.items():
        if file is None:
            continue
        before = seen.setdefault(file.absolute(), option)
        if before != option:
            raise UsageError(f"--{before} and --{option}: got {str(file)!r} twice; expected two.")


def prepare_out(out: Path | None, default: str, *, overwrite: bool) -> Path:
    """Return the results folder, after checking that it can be written later.

    Raises
    ------
    UsageError
        If it exists with something in it and `overwrite` is not given, or cannot be written.
    """
    from gradassay.reports import require_target

    folder = out if out is not None else Path(default)
    require_target(folder, overwrite=overwrite)
    return folder


def file_name(dataset: str) -> str:
    """Return a data set's name as a file can have it.

    Examples
    --------
    >>> file_name("mnist"), file_name("npz:/data/my set.npz")
    ('mnist', 'npz-data-my-set.npz')
    """
    return re.sub(r"[^\w.]+", "-", dataset).strip("-")[-MOST_LETTERS:].lstrip("-")


def write_json(file: Path, outcome: object) -> None:
    """Write plain data as JSON, whole or not at all."""
    write_whole(file, json.dumps(outcome, indent=1) + "\n")
