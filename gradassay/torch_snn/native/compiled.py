"""The C sources as a shared library, compiled once for this processor and kept."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pooch
import torch

from gradassay.core.errors import DataError

SOURCES = Path(__file__).parent
# -ffp-contract=off: sums and products round one by one, as in NumPy
FLAGS = (
    "-O3",
    "-march=native",
    "-fopenmp",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fPIC",
    "-shared",
)
LONGEST_S = 120
# the name in C of each precision, and its number
PRECISIONS: Mapping[torch.dtype, tuple[str, type[Any]]] = {
    torch.float32: ("float32", ctypes.c_float),
    torch.float64: ("float64", ctypes.c_double),
}


@cache
def native_library() -> ctypes.CDLL | None:
    """Return the library; None where there is no C compiler, or it fails.

    The compiler is that of the environment variable CC, or `cc`. The library is kept in the user's
    cache, under a name that depends on sources, flags, compiler and processor.
    """
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        return None
    try:
        return ctypes.CDLL(str(_compiled(compiler)))
    except (OSError, subprocess.SubprocessError):
        return None


@cache
def entry(name: str, arguments: tuple[Any, ...], result: Any = None) -> Any:
    """Return a function of the library with its types; None where there is no library.

    Parameters
    ----------
    name : str
        In C.
    arguments : tuple of ctypes types
    result : ctypes type or None
    """
    library = native_library()
    if library is None:
        return None
    function = getattr(library, name)
    function.argtypes, function.restype = arguments, result
    return function


def require_fit(name: str, got: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Refuse shapes that would be read past their end.

    Raises
    ------
    DataError
        Says what was got and what expected.
    """
    if got != expected:
        raise DataError(f"{name}: got shape {got}; expected {expected}.")


def require_dtype(name: str, got: torch.dtype, expected: torch.dtype) -> None:
    """Refuse numbers that would be read as those of another precision.

    Raises
    ------
    DataError
        Says what was got and what expected.
    """
    if got != expected:
        raise DataError(f"{name}: got {got}; expected {expected}.")


def _compiled(compiler: str) -> Path:
    """Return the library's file, compiled if it is not there."""
    target = subprocess.run(
        [compiler, "-march=native", "-dM", "-E", "-x", "c", os.devnull],
        capture_output=True,
        check=True,
        timeout=LONGEST_S,
    ).stdout
    sources = [path.read_bytes() for path in sorted(SOURCES.glob("*.[ch]"))]
    name = hashlib.sha256(b"\0".join([target, *sources, *(f.encode() for f in FLAGS)]))
    folder = Path(pooch.os_cache("gradassay")) / "native"
    file = folder / f"{name.hexdigest()[:32]}.so"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = Path(scratch) / "library.so"
            units = sorted(map(str, SOURCES.glob("*.c")))
            subprocess.run(
                [compiler, *FLAGS, "-o", str(made), *units, "-lm"],
                capture_output=True,
                check=True,
                timeout=LONGEST_S,
            )
            made.replace(file)
    return file
