"""Crops, flips and cutout: what each pixel of a changed image is, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gradassay.core.backend import Backend
from gradassay.core.errors import ConfigurationError
from gradassay.core.network import Network
from gradassay.core.params import Params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.training import PlacedData, TrainingSettings, train
from gradassay.training.augmentation import Moves, draw_moves, moved, require_images

Place = Callable[[Backend], PlacedData]
ALL = TrainingSettings(crop=2, flip=True, cutout=3)


def moves_of_one(
    *, down: int = 0, right: int = 0, mirrored: bool = False, cut: tuple[int, int, int] = (0, 0, 0)
) -> Moves:
    row, column, side = cut
    return Moves(
        np.array([down]),
        np.array([right]),
        np.array([mirrored]),
        np.array([row]),
        np.array([column]),
        side,
    )


def by_hand(image: NDArray[Any], moves: Moves, number: int) -> NDArray[Any]:
    """Pad, crop, flip and cut out one image, (channels, rows, columns), pixel by pixel."""
    channels, rows, columns = image.shape
    found = np.zeros_like(image)
    for c in range(channels):
        for i in range(rows):
            for j in range(columns):
                across = columns - 1 - j if moves.mirrored[number] else j
                row, column = i + moves.down[number], across + moves.right[number]
                top, left = (
                    moves.row[number] - moves.side // 2,
                    moves.column[number] - moves.side // 2,
                )
                cut = top <= i < top + moves.side and left <= j < left + moves.side
                if 0 <= row < rows and 0 <= column < columns and not cut:
                    found[c, i, j] = image[c, row, column]
    return found


@given(seed=st.integers(0, 2**32), channels=st.integers(1, 3), steps=st.integers(0, 3))
def test_every_pixel_is_that_of_the_loop_by_hand(seed: int, channels: int, steps: int) -> None:
    generator, shape = np.random.default_rng(seed), (channels, 5, 6)
    images = generator.random((4, max(steps, 1), *shape)).astype(np.float32)
    inputs = images.reshape((4, steps, -1) if steps else (4, -1))
    moves = draw_moves(ALL, shape, 4, generator)
    found = moved(inputs, shape, moves).reshape(images.shape)
    for number in range(4):
        for step in range(max(steps, 1)):
            expected = by_hand(images[number, step], moves, number)
            np.testing.assert_array_equal(found[number, step], expected)


def test_a_flip_alone_mirrors_left_and_right() -> None:
    image = np.arange(6, dtype=np.float32)[None]
    found = moved(image, (2, 3), moves_of_one(mirrored=True))
    assert found.tolist() == [[2, 1, 0, 5, 4, 3]]


def test_no_move_is_the_image_itself_and_leaves_it_alone() -> None:
    image = np.arange(12, dtype=np.float32)[None]
    found = moved(image, (3, 2, 2), moves_of_one())
    np.testing.assert_array_equal(found, image)
    found[:] = 9
    assert image[0, 3] == 3


def test_a_cutout_of_side_3_clears_9_pixels_and_less_at_the_border() -> None:
    image = np.ones((1, 25), dtype=np.float32)
    assert moved(image, (5, 5), moves_of_one(cut=(2, 2, 3))).sum() == 25 - 9
    assert moved(image, (5, 5), moves_of_one(cut=(0, 4, 3))).sum() == 25 - 4


def test_crops_are_even_over_all_offsets_and_half_of_the_images_are_flipped() -> None:
    """Binomial counts of 100,000 draws: all 25 offsets and the flip within 5 standard errors."""
    count = 100_000
    moves = draw_moves(ALL, (3, 8, 8), count, np.random.default_rng(0))
    cells = np.bincount((moves.down + 2) * 5 + moves.right + 2, minlength=25)
    assert len(cells) == 25
    assert abs(cells - count / 25).max() < 5 * (count / 25 * 24 / 25) ** 0.5
    assert abs(moves.mirrored.sum() - count / 2) < 5 * (count / 4) ** 0.5


@pytest.mark.parametrize("name", ["crop", "cutout"])
def test_moves_by_the_whole_image_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"for images of 8 x 9 pixels; expected less than"):
        require_images(TrainingSettings().replace(**{name: 8}), (8, 9))


@pytest.mark.parametrize("name", ["crop", "cutout"])
def test_settings_below_zero_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name}: got -1; expected an integer"):
        TrainingSettings().replace(**{name: -1})


def as_images(data: PlacedData) -> PlacedData:
    return PlacedData(*(replace(part, shape=(8, 8)) for part in (data.train, data.test)))


def test_data_without_an_image_shape_is_refused(
    network: Network, params: Params, few_samples: Place
) -> None:
    backend = ReferenceBackend()
    with pytest.raises(ConfigurationError, match="got data without an image shape"):
        train(make_estimator("dfa"), backend, network, params, few_samples(backend), ALL)


def test_training_sees_other_images_each_epoch_and_the_same_from_both_backends(
    network: Network, params: Params, few_samples: Place
) -> None:
    settings = ALL.replace(epochs=2, batch_size=20, learning_rate=1e-9)
    losses = []
    for backend in (ReferenceBackend(), TorchBackend("float64")):
        data = as_images(few_samples(backend))
        rows = train(make_estimator("spatial_bp"), backend, network, params, data, settings).epochs
        losses.append([row.train_loss for row in rows])
    plain = train(
        make_estimator("spatial_bp"), backend, network, params, data,
        settings.replace(crop=0, flip=False, cutout=0),
    ).epochs  # fmt: skip
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    assert abs(losses[0][0] - losses[0][1]) > 1e-4
    # the weights hardly move, so that without changes both epochs have the same loss
    assert plain[0].train_loss == pytest.approx(plain[1].train_loss, rel=1e-6)
    assert losses[0][0] != pytest.approx(plain[0].train_loss, rel=1e-4)
