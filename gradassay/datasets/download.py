"""Downloads into the cache folder, from two mirrors in turn."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Sequence
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
    remedy = ways_to_supply(spec)
    make_folder(spec.name, place.folder, remedy)
    for file in spec.files:
        if not _holds_content(place, file):
            retrieve(
                spec.name,
                f"{file.name}.gz",
                file.published_hash,
                spec.mirrors,
                place.folder,
                remedy=remedy,
                timeout_s=timeout_s,
            )


def make_folder(dataset: str, folder: Path, remedy: str) -> None:
    """Make the folder; raise if it cannot be made or written."""
    reason = "no permission to write"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return
    except OSError as error:
        reason = error.strerror or str(error)
    raise DataError(f"{dataset}: cannot write the cache folder {folder} ({reason}). {remedy}")


def _holds_content(place: Place, file: FileSpec) -> bool:
    """Whether the place has the published content already, compressed in whatever way."""
    path = place.find(file.name)
    if path is None:
        return False
    try:
        return read_content(path).sha256 == file.sha256
    except DataError:
        return False


def retrieve(
    dataset: str,
    file: str,
    known_hash: str,
    mirrors: Sequence[str],
    folder: Path,
    *,
    remedy: str,
    timeout_s: tuple[float, float] = TIMEOUT_S,
) -> None:
    """Download one file into a folder from the first mirror that gives it.

    Parameters
    ----------
    dataset, file : str
        Whose file it is, and its name.
    known_hash : str
        In pooch's form, ``"sha256:..."``.
    mirrors : sequence of str
        Folders on the web, each with a closing slash, tried in turn.
    folder : Path
        Receives the file.
    remedy : str
        Last sentence of an error.
    timeout_s : tuple of float
        For the connection, and between two pieces of the answer.

    Raises
    ------
    DataError
        If no mirror gives the published file.
    """
    import pooch

    # `identity`: a server that decompresses on the way would change the hash
    downloader: Any = pooch.HTTPDownloader(
        timeout=timeout_s, headers={"Accept-Encoding": "identity"}
    )
    reasons = []
    with _quiet(pooch.get_logger()):
        for mirror in mirrors:
            try:
                pooch.retrieve(
                    url=f"{mirror}{file}",
                    known_hash=known_hash,
                    fname=file,
                    path=folder,
                    downloader=downloader,
                )
                return
            # pooch says ValueError for a wrong hash; all errors of requests are OSError
            except (OSError, ValueError) as error:
                reasons.append(f"{mirror} ({_reason(error)})")
    raise DataError(f"{dataset}: could not download {file}; tried {', '.join(reasons)}. {remedy}")


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
