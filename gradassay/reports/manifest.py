"""What a results folder says about its run: versions, machine, seed, settings, checksums."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gradassay import __version__

SCHEMA_VERSION = 4
PACKAGES = ("numpy", "scipy", "torch", "pandas", "pyarrow")


def build_manifest(
    command: str | Sequence[str],
    seed: int,
    settings: Mapping[str, object],
    data_checksums: Mapping[str, str],
    *,
    interval_method: str = "",
) -> dict[str, Any]:
    """Return the manifest of a run, ready for JSON.

    Parameters
    ----------
    command : str or sequence of str
        The command line that made the results; a sequence is quoted for a shell.
    seed : int
        Seed of the run.
    settings : mapping
        Every option in force. What JSON does not know is written as its text.
    data_checksums : mapping of str to str
        File name to checksum, for example ``sha256:...``.
    interval_method : str, optional
        One or two sentences that say how the intervals were made.

    Returns
    -------
    dict
        Keys ``schema_version``, ``command``, ``date_utc``, ``seed``, ``settings``,
        ``data_checksums``, ``interval_method``, ``versions``, ``platform``, ``cpu_count``; with
        ``commit`` among the versions where the package runs from a checkout.

    Notes
    -----
    Versions come from the metadata of installed packages; none of them is imported.

    Examples
    --------
    >>> manifest = build_manifest(["gradassay", "measure", "a b"], 7, {"batch": 8}, {})
    >>> manifest["command"], manifest["seed"], manifest["settings"]
    ("gradassay measure 'a b'", 7, {'batch': 8})
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command if isinstance(command, str) else shlex.join(command),
        "date_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seed": int(seed),
        "settings": to_plain(settings),
        "data_checksums": to_plain(data_checksums),
        "interval_method": interval_method,
        "versions": installed_versions(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
    }


def installed_versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of the libraries that are installed."""
    versions = {"python": platform.python_version(), "gradassay": __version__}
    commit = checked_out(Path(__file__).parents[2])
    if commit:
        versions["commit"] = commit
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def checked_out(folder: Path) -> str:
    """Return the commit of a git checkout, with ``-dirty`` where files were changed since.

    Empty where the folder is no root of a checkout, or git is not to be had.
    """
    if not (folder / ".git").exists():
        return ""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def to_plain(value: object) -> Any:
    """Return the value in words of strict JSON; what JSON lacks becomes text.

    Examples
    --------
    >>> to_plain({"axes": (1, 2), "limit": float("inf")})
    {'axes': [1, 2], 'limit': 'inf'}
    """
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return str(value)
