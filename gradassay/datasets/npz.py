"""Arrays of a user's own, in .npz files."""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets.archives import ZIP_KINDS
from gradassay.datasets.dataset import OWN_LICENSE, Dataset, array_checksums
from gradassay.datasets.npy import read_npy
from gradassay.datasets.scaling import AS_STORED, BYTES, Scaling

ARRAYS = ("train_inputs", "train_targets", "test_inputs", "test_targets")
_READ = (*ARRAYS, "inputs", "targets", "shape", "classes", "scale")


def load_npz(path: Path) -> Dataset:
    r"""Return the data set of a .npz file, or of a folder with two of them.

    Parameters
    ----------
    path : Path
        A file with the arrays ``train_inputs``, ``train_targets``, ``test_inputs`` and
        ``test_targets``; or a folder with ``train.npz`` and ``test.npz``, each with ``inputs`` and
        ``targets``. Beside them, or in ``train.npz``, may stand

        - ``shape``: (rows, columns) or (channels, rows, columns) of an image; without it the
          inputs are features;
        - ``classes``: how many there are; otherwise one more than the largest training target;
        - ``scale``: what bytes are multiplied with; otherwise 1/255.

        Inputs are (N, features), the same at every time step, or (N, T, features), a sequence;
        where there is a shape, also (N, \*shape) and (N, T, \*shape). They are bytes (uint8) or
        floats, which become float32. Targets are whole numbers from 0.

    Returns
    -------
    Dataset
        Named ``npz:PATH``.

    Raises
    ------
    DataError
        If a file is missing or damaged, or an array has another form.

    Notes
    -----
    Nothing pickled is read, nor arrays of other names. No more memory is taken than the file has
    content, at most 16 GiB an array.
    """
    found = _arrays(path)
    shape = _shape(path, found)
    inputs = [_inputs(path, name, found[name], shape) for name in ARRAYS[::2]]
    targets = [_targets(path, name, found[name]) for name in ARRAYS[1::2]]
    if not targets[0].size:
        raise DataError(f"{path}: train_targets is empty; expected at least 1 sample.")
    classes = _number(path, found, "classes", default=int(targets[0].max()) + 1)
    if classes != int(classes):
        raise DataError(f"{path}: classes is {classes}; expected a whole number.")
    return Dataset(
        f"npz:{path}",
        inputs[0],
        targets[0],
        inputs[1],
        targets[1],
        classes=int(classes),
        shape=shape or inputs[0].shape[-1:],
        source=str(path),
        checksums=array_checksums(inputs[0], targets[0], inputs[1], targets[1]),
        license=OWN_LICENSE,
        scaling=_scaling(path, found, inputs),
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays under their names in a single file."""
    if not os.path.isdir(path):
        found = read_arrays(path)
    else:
        parts = {part: read_arrays(path / f"{part}.npz") for part in ("train", "test")}
        found = {
            f"{part}_{name}": array
            for part, arrays in parts.items()
            for name, array in arrays.items()
            if name in ("inputs", "targets")
        }
        found |= {name: array for name, array in parts["train"].items() if name not in found}
    missing = [name for name in ARRAYS if name not in found]
    if missing:
        raise DataError(
            f"{path}: lacks {', '.join(missing)}; expected {', '.join(ARRAYS)}, or a folder with"
            " train.npz and test.npz that hold inputs and targets."
        )
    return found


def read_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """Return those arrays of a .npz file that belong to a data set, by name.

    Raises
    ------
    DataError
        If the file is missing or damaged, or an array is of Python objects or too large.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return {
                name.removesuffix(".npy"): _read_member(archive, name)
                for name in archive.namelist()
                if name.removesuffix(".npy") in _READ
            }
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        KeyError,
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        problem = f"is no whole .npz file ({reason})"
    raise DataError(f"{file}: {problem}. Write it again with numpy.savez.")


def _read_member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Return one array."""
    if archive.getinfo(name).compress_type not in ZIP_KINDS:
        raise ValueError(f"{name} is compressed by another method than deflate")
    with archive.open(name) as stream:
        try:
            return read_npy(stream)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from error


def _shape(path: Path, found: Mapping[str, NDArray[Any]]) -> tuple[int, ...]:
    """Return the shape of an image; () where none is given."""
    if "shape" not in found:
        return ()
    given = found["shape"]
    right = given.ndim == 1 and len(given) in (2, 3) and given.dtype.kind in "iu"
    if not right or given.min() < 1:
        raise DataError(
            f"{path}: shape is {_shown(given)}; expected (rows, columns) or (channels, rows,"
            " columns)."
        )
    return tuple(int(size) for size in given)


def _inputs(path: Path, name: str, array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return inputs as (N, features) or (N, T, features), bytes or float32."""
    if shape and array.shape[-len(shape) :] == shape and array.ndim > len(shape):
        array = array.reshape(*array.shape[: -len(shape)], math.prod(shape))
    if array.ndim not in (2, 3):
        raise DataError(
            f"{path}: {name} has shape {array.shape}; expected (N, features) or (N, T, features)."
            " Give the shape of an image in the array `shape`."
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise DataError(f"{path}: {name} has dtype {array.dtype}; expected uint8 or floats.")
    with np.errstate(over="ignore"):
        floats = array.astype(np.float32)
    if not np.isfinite(floats).all():
        raise DataError(
            f"{path}: {name} has entries that are not finite as float32; remove or repair them."
        )
    return floats


def _targets(path: Path, name: str, array: NDArray[Any]) -> NDArray[np.int64]:
    """Return targets as int64."""
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise DataError(
            f"{path}: {name} has dtype {array.dtype} and shape {array.shape}; expected whole"
            " numbers, one for each sample."
        )
    return array.astype(np.int64)


def _number(path: Path, found: Mapping[str, NDArray[Any]], name: str, default: float) -> float:
    """Return a single positive number, or the default where it is not given."""
    if name not in found:
        return default
    array = found[name]
    if array.size != 1 or array.dtype.kind not in "iuf" or not 0 < array.item() < math.inf:
        raise DataError(f"{path}: {name} is {_shown(array)}; expected one positive number.")
    return float(array.item())


def _shown(array: NDArray[Any]) -> str:
    """Return the entries of a short array, or the shape of a long one."""
    if array.size > 4 or array.dtype.kind not in "iuf":
        return f"an array of {array.dtype.kind!r} of shape {array.shape}"
    return repr(array.tolist())


def _scaling(path: Path, found: Mapping[str, NDArray[Any]], inputs: list[NDArray[Any]]) -> Scaling:
    """Return what bytes are multiplied with; floats stay as they are."""
    stored = {array.dtype for array in inputs}
    if len(stored) > 1:
        raise DataError(
            f"{path}: train_inputs and test_inputs have dtypes {' and '.join(map(str, stored))};"
            " expected the same."
        )
    if inputs[0].dtype != np.uint8:
        return AS_STORED
    return Scaling(factor=(_number(path, found, "scale", default=BYTES.factor[0]),))
