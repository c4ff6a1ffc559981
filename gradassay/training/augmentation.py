"""Random crops, flips and cutout of training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradassay.core.errors import ConfigurationError
from gradassay.training.settings import TrainingSettings


@dataclass(frozen=True, eq=False)
class Moves:
    """How each image of a batch is changed.

    Parameters
    ----------
    down, right : array of int, shape (B,)
        Pixels by which the crop lies beside the image.
    mirrored : array of bool, shape (B,)
        Whether left and right change places.
    row, column : array of int, shape (B,)
        Centre of the square that is cut out.
    side : int
        Of that square; 0 for none.
    """

    down: NDArray[np.int64]
    right: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    side: int

    def of(self, numbers: NDArray[np.integer]) -> Moves:
        """Return the moves of some of the images."""
        return Moves(
            self.down[numbers],
            self.right[numbers],
            self.mirrored[numbers],
            self.row[numbers],
            self.column[numbers],
            self.side,
        )


def augments(settings: TrainingSettings) -> bool:
    """Whether training images are changed at all."""
    return bool(settings.crop or settings.flip or settings.cutout)


def require_images(settings: TrainingSettings, shape: Sequence[int]) -> None:
    """Refuse augmentation of what is no image, or by more than the image.

    Parameters
    ----------
    settings : TrainingSettings
        With ``crop``, ``flip`` and ``cutout``.
    shape : sequence of int
        (rows, columns), (channels, rows, columns), or (features,) of what is no image.

    Raises
    ------
    ConfigurationError
        If it is impossible.
    """
    if not augments(settings):
        return
    if len(shape) < 2:
        raise ConfigurationError(
            "crop, flip, cutout: got data without an image shape; expected images. Leave them out."
        )
    smallest = min(shape[-2:])
    for name in ("crop", "cutout"):
        if getattr(settings, name) >= smallest:
            raise ConfigurationError(
                f"{name}: got {getattr(settings, name)} for images of {shape[-2]} x {shape[-1]}"
                f" pixels; expected less than {smallest}."
            )


def draw_moves(
    settings: TrainingSettings, shape: Sequence[int], count: int, generator: np.random.Generator
) -> Moves:
    """Return random moves of `count` images of a shape.

    A crop is drawn evenly from all those of the image's size out of the image with ``crop`` pixels
    of zeros around it; half of the images are flipped; the centre of the cutout is any pixel, so
    that the square can reach over the border.
    """
    rows, columns = shape[-2:]
    reach = settings.crop
    return Moves(
        generator.integers(-reach, reach + 1, count),
        generator.integers(-reach, reach + 1, count),
        generator.integers(0, 2, count).astype(bool) & settings.flip,
        generator.integers(0, rows, count),
        generator.integers(0, columns, count),
        settings.cutout,
    )


def moved(inputs: NDArray[Any], shape: Sequence[int], moves: Moves) -> NDArray[Any]:
    """Return images after their moves; what lies outside, or is cut out, is 0.

    Parameters
    ----------
    inputs : array, shape (B, n) or (B, T, n)
        Features channel by channel and row by row; every channel and step moves alike.
    shape : sequence of int
        (rows, columns) or (channels, rows, columns).
    moves : Moves
        One for each image.
    """
    rows, columns = shape[-2:]
    sources, seen = _sources(rows, columns, moves)
    maps = inputs.reshape(len(inputs), -1, rows * columns)
    pixels = np.empty_like(maps)
    for image, source, found in zip(maps, sources, pixels, strict=True):  # faster than at once
        np.take(image, source, axis=1, out=found, mode="clip")
    pixels *= seen[:, None, :].astype(inputs.dtype)
    return pixels.reshape(inputs.shape)


def _sources(rows: int, columns: int, moves: Moves) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return for each image and pixel where it comes from, and whether that is to be seen."""
    row = np.arange(rows)[None, :, None]
    column = np.arange(columns)[None, None, :]
    half = moves.side // 2
    top, left = _each(moves.row) - half, _each(moves.column) - half
    cut = (top <= row) & (row < top + moves.side) & (left <= column) & (column < left + moves.side)
    across = np.where(_each(moves.mirrored), columns - 1 - column, column)
    source_row, source_column = row + _each(moves.down), across + _each(moves.right)
    inside = (0 <= source_row) & (source_row < rows)
    inside = inside & (0 <= source_column) & (source_column < columns)
    sources = np.where(inside, source_row * columns + source_column, 0)
    count = len(moves.row)
    return sources.reshape(count, -1), (inside & ~cut).reshape(count, -1)


def _each(array: NDArray[Any]) -> NDArray[Any]:
    """Return one number for each image, to stand beside rows and columns."""
    return array[:, None, None]
