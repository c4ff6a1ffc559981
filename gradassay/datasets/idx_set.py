"""The four idx files of a data set, checked against the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets.dataset import Dataset
from gradassay.datasets.idx import IdxContent, read_content
from gradassay.datasets.places import Place
from gradassay.datasets.specs import DATASETS, DatasetSpec, FileSpec


def read_place(spec: DatasetSpec, place: Place) -> Dataset:
    """Return the data set from the files of one place.

    Raises
    ------
    DataError
        If a file is defective, images and labels do not belong together, or a file's content is
        not the published one.
    """
    paths = [found_file(place, file) for file in spec.files]
    contents = [
        read_content(path, dimensions=rank_of(file), remedy=place.remedy)
        for file, path in zip(spec.files, paths, strict=True)
    ]
    arrays = [content.array for content in contents]
    for first in (0, 2):
        check_pair(spec, arrays[first : first + 2], paths[first : first + 2], place.remedy)
    for file, path, content in zip(spec.files, paths, contents, strict=True):
        check_content(file, path, content, place.remedy)
    return Dataset(
        name=spec.name,
        train_inputs=scaled_rows(arrays[0]),
        train_targets=arrays[1].astype(np.int64),
        test_inputs=scaled_rows(arrays[2]),
        test_targets=arrays[3].astype(np.int64),
        classes=spec.classes,
        shape=spec.shape,
        source=str(place),
        checksums={file.name: file.sha256 for file in spec.files},
        license=spec.license,
    )


def found_file(place: Place, file: FileSpec) -> Path:
    """Return the path of a file in a place; the plain name if it is gone, for the reader to say."""
    return place.find(file.name) or place.folder / file.name


def rank_of(file: FileSpec) -> int:
    """Return the number of dimensions that the file's name announces (``idx3``)."""
    return int(file.name.partition("-idx")[2][0])


def check_content(file: FileSpec, path: Path, content: IdxContent, remedy: str) -> None:
    """Raise unless the decompressed content is the published one."""
    if content.sha256 == file.sha256:
        return
    owner = _owner_of(content.sha256)
    if owner is not None:
        raise DataError(
            f"{path.name}: content is {owner}; expected another file ({path})."
            " Keep each data set in a folder of its own name."
        )
    raise DataError(
        f"{path.name}: content differs from the published file (sha256 {content.sha256[:12]}...,"
        f" expected {file.sha256[:12]}...; {path}). {remedy}"
    )


def _owner_of(digest: str) -> str | None:
    """Return the known file of that content, for people, or None."""
    for spec in DATASETS:
        for file in spec.files:
            if file.sha256 == digest:
                return f"{file.name} of {spec.name}"
    return None


def check_pair(
    spec: DatasetSpec, arrays: Sequence[NDArray[np.uint8]], paths: Sequence[Path], remedy: str
) -> None:
    """Raise unless images and labels have the right shape, the same count and known classes."""
    (images, labels), (image_path, label_path) = arrays, paths
    if images.shape[1:] != spec.shape:
        raise DataError(
            f"{image_path.name}: has images of shape {images.shape[1:]}; expected {spec.shape}."
            f" {remedy}"
        )
    if len(images) != len(labels):
        raise DataError(
            f"{label_path.name}: has {len(labels):,} labels for the {len(images):,} images of"
            f" {image_path.name}; expected as many. {remedy}"
        )
    if len(labels) == 0:
        raise DataError(f"{label_path.name}: holds no samples; expected at least 1. {remedy}")
    if labels.max() >= spec.classes:
        where = int(np.argmax(labels >= spec.classes))
        raise DataError(
            f"{label_path.name}: has label {labels[where]} at index {where:,}; expected 0 to"
            f" {spec.classes - 1}. {remedy}"
        )


def scaled_rows(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images as rows of float32 in [0, 1]."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows /= np.float32(255)
    return rows
