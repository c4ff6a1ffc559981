"""Images in folders, one for each class."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import DataError
from gradassay.datasets.dataset import OWN_LICENSE, Dataset, array_checksums
from gradassay.datasets.natural import natural
from gradassay.datasets.scaling import BYTES

SUFFIXES = (".png", ".jpg", ".jpeg")
# of one image, before it is decoded
MOST_PIXELS = 2**22
# of one image's file
MOST_FILE_BYTES = 64 * 2**20
# of all images of a part
MOST_BYTES = 16 * 2**30
PARTS = ("train", "test")
# whatever Pillow says of a damaged file
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, AssertionError, OverflowError, MemoryError),
    *(AttributeError, LookupError, TypeError, RuntimeError, struct.error, zlib.error),
)


def load_image_folder(path: Path) -> Dataset:
    """Return the data set of a folder with images.

    Parameters
    ----------
    path : Path
        Holds ``train/CLASS/*.png`` and ``test/CLASS/*.png``, or ``.jpg``, ``.jpeg``: the same
        classes in both parts, all images of one size, all grey or all in colour.

    Returns
    -------
    Dataset
        Named ``folder:PATH``. Classes are in the order of their names, images in that of their
        class and of the numbers and letters of their file names. Grey images have the shape
        (rows, columns), others (3, rows, columns); transparency is left out.

    Raises
    ------
    DataError
        If the folder has another form, or an image is defective, too large or of another size.

    Notes
    -----
    Files whose names begin with a dot are passed over; any other file is refused.
    """
    classes = _classes(path)
    train, train_targets = _read_part(path / "train", classes)
    test, test_targets = _read_part(path / "test", classes)
    shape = _common_shape(path, train, test)
    arrays = (
        train.reshape(len(train), -1),
        train_targets,
        test.reshape(len(test), -1),
        test_targets,
    )
    return Dataset(
        f"folder:{path}",
        *arrays,
        classes=len(classes),
        shape=shape,
        source=str(path),
        checksums=array_checksums(*arrays),
        license=OWN_LICENSE,
        scaling=BYTES,
    )


def _classes(path: Path) -> list[str]:
    """Return the names of the classes, which both parts have."""
    if not os.path.isdir(path):
        raise DataError(
            f"{path}: no such folder; expected one with train/CLASS/*.png and test/CLASS/*.png."
        )
    found = {}
    for part in PARTS:
        folder = path / part
        if not os.path.isdir(folder):
            raise DataError(
                f"{path}: has no folder {part!r}; expected train/CLASS/*.png and test/CLASS/*.png."
            )
        found[part] = sorted(each.name for each in folder.iterdir() if _seen(each))
        for name in found[part]:
            if not (folder / name).is_dir():
                raise DataError(f"{folder / name}: is no folder; expected one for each class.")
    if found["train"] != found["test"]:
        other = sorted(set(found["train"]) ^ set(found["test"]))
        raise DataError(
            f"{path}: {', '.join(other[:5])} is in one of train and test only; expected the same"
            " classes in both."
        )
    if not found["train"]:
        raise DataError(f"{path / 'train'}: holds no class; expected a folder for each.")
    return found["train"]


def sorted_images(folder: Path) -> list[Path]:
    """Return the images of a class, numbers in names in the order of their size."""
    files = [file for file in folder.iterdir() if _seen(file)]
    for file in files:
        if file.suffix.lower() not in SUFFIXES or not file.is_file():
            raise DataError(f"{file}: is no image; expected {', '.join(SUFFIXES)} files only.")
    if not files:
        raise DataError(f"{folder}: holds no image; expected at least 1.")
    return sorted(files, key=lambda file: (natural(file.name), file.name))


def _seen(path: Path) -> bool:
    return not path.name.startswith(".")


def _read_part(folder: Path, classes: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return images and classes of one part."""
    files = [sorted_images(folder / name) for name in classes]
    images = _read_all([file for group in files for file in group])
    targets = np.repeat(np.arange(len(classes)), [len(group) for group in files])
    return images, targets.astype(np.int64)


def _read_all(files: Sequence[Path]) -> NDArray[np.uint8]:
    """Return images of one size and kind, (N, rows, columns) or (N, 3, rows, columns)."""
    first = read_image(files[0])
    if len(files) * first.size > MOST_BYTES:
        raise DataError(
            f"{files[0].parent.parent}: holds {len(files):,} images of {first.size:,} bytes;"
            f" expected at most {MOST_BYTES:,} bytes in all. Make the images smaller."
        )
    images = np.empty((len(files), *first.shape), dtype=np.uint8)
    for number, file in enumerate(files):
        image = read_image(file)
        if image.shape != first.shape:
            raise DataError(
                f"{file}: has shape {image.shape}; expected {first.shape} as {files[0].name} has."
                " Bring all images to one size, all grey or all in colour."
            )
        images[number] = image
    return images


def read_image(file: Path) -> NDArray[np.uint8]:
    """Return one image, (rows, columns) or (3, rows, columns).

    Raises
    ------
    DataError
        If it cannot be read, is no PNG or JPEG, is damaged, or has too many pixels.
    """
    from PIL import Image

    try:
        # its warnings are of sizes that are refused here, and of transparency, which is left out
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decoded(file, _content(file))
    except (*_DAMAGE, Image.DecompressionBombError) as error:
        reason = str(error).partition("\n")[0][:100] or type(error).__name__
        raise DataError(f"{file}: cannot be read as an image ({reason}). Replace it.") from error


def _decoded(file: Path, content: bytes) -> NDArray[np.uint8]:
    """Return the pixels of an image, whose size is looked at first."""
    from PIL import Image

    # of a file, Pillow would allocate what a chunk announces; of bytes it gets what is there
    with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
        columns, rows = image.size
        if rows * columns > MOST_PIXELS:
            raise DataError(
                f"{file}: has {rows:,} x {columns:,} pixels; expected at most {MOST_PIXELS:,}."
            )
        if image.mode.startswith(("I", "F")):
            raise DataError(f"{file}: has more than 8 bits a pixel; expected 8.")
        grey = image.mode in ("1", "L", "LA")
        pixels = np.asarray(image.convert("L" if grey else "RGB"))
    return pixels if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _content(file: Path) -> bytes:
    """Return the bytes of an image's file."""
    size = file.stat().st_size
    if size > MOST_FILE_BYTES:
        raise DataError(
            f"{file}: has {size:,} bytes; expected at most {MOST_FILE_BYTES:,}. Replace it."
        )
    return file.read_bytes()


def _common_shape(path: Path, train: NDArray[np.uint8], test: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the shape that training and test images have."""
    if train.shape[1:] != test.shape[1:]:
        raise DataError(
            f"{path}: training images have shape {train.shape[1:]}, test images {test.shape[1:]};"
            " expected the same."
        )
    return train.shape[1:]
