"""Downloads into the cache folder, from two mirrors in turn."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gradassay.core.errors import DataError
from gradassay.datasets.idx import read_content
from gradassay.datasets.places import Place, ways_to_supply
from gradassay.datasets.specs import DatasetSpec, FileSpec

TIMEOUT_S = (5.0, 30.0)
# by the names of requests' classes, which is pooch's own dependency
_REASONS = {
    "ChunkedEncodingError": "the transfer broke off",
    "ConnectTimeout": "no answer in time",
    "ReadTimeout": "no answer in time",
    "ProxyError": "the proxy refused",
    "SSLError": "the certificate was not accepted",
}


def fetch_files(
    spec: DatasetSpec, place: Place, timeout_s: tuple[float, float] = TIMEOUT_S
) -> None:
    """Download the files that a place lacks, or that are not the published ones.

    Parameters
    ----------
    spec : DatasetSpec
        Says the files, their hashes and the mirrors.
    place : Place
        Receives the ``.gz`` files under their published names.
    timeout_s : tuple of float
        For the connection, and between two pieces of the answer.

    Raises
    ------
    DataError
        If the folder cannot be written, or no mirror gives the published file.

    Notes
    -----
    A file appears under its name only when its hash is right: pooch writes to a temporary file in
    the same folder, compares, and moves or deletes it. Two processes may do so at the same time.
    """
    import pooch

    _require_writable(spec, place.folder)
    with _quiet(pooch.get_logger()):
        for file in spec.files:
            if not _holds_content(place, file):
                _fetch_file(spec, file, place.folder, timeout_s)


def _require_writable(spec: DatasetSpec, folder: Path) -> None:
    """Make the folder; raise if it cannot be made or written."""
    reason = "no permission to write"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return
    except OSError as error:
        reason = error.strerror or str(error)
    raise DataError(
        f"{spec.name}: cannot write the cache folder {folder} ({reason}). {ways_to_supply(spec)}"
    )


def _holds_content(place: Place, file: FileSpec) -> bool:
    """Whether the place has the published content already, compressed in whatever way."""
    path = place.find(file.name)
    if path is None:
        return False
    try:
        return read_content(path).sha256 == file.sha256
    except DataError:
        return False


def _fetch_file(
    spec: DatasetSpec, file: FileSpec, folder: Path, timeout_s: tuple[float, float]
) -> None:
    """Download one file from the first mirror that gives it."""
    import pooch

    # `identity`: a server that decompresses on the way would change the hash
    downloader: Any = pooch.HTTPDownloader(
        timeout=timeout_s, headers={"Accept-Encoding": "identity"}
    )
    reasons = []
    for mirror in spec.mirrors:
        try:
            pooch.retrieve(
                url=f"{mirror}{file.name}.gz",
                known_hash=file.published_hash,
                fname=f"{file.name}.gz",
                path=folder,
                downloader=downloader,
            )
            return
        # pooch says ValueError for a wrong hash; all errors of requests are OSError
        except (OSError, ValueError) as error:
            reasons.append(f"{mirror} ({_reason(error)})")
    raise DataError(
        f"{spec.name}: could not download {file.name}.gz; tried {', '.join(reasons)}."
        f" {ways_to_supply(spec)}"
    )


def _reason(error: Exception) -> str:
    """Return a few words for what went wrong."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"HTTP {status}"
    if not isinstance(error, OSError):
        return "content differs from the published file"
    return error.strerror or _REASONS.get(type(error).__name__, "no connection")


@contextmanager
def _quiet(logger: logging.Logger) -> Generator[None]:
    """Keep a logger from telling about each file."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
