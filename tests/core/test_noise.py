import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, DataError, GradassayError, UsageError
from gradassay.core.keys import Key
from gradassay.core.noise import (
    Law,
    Noise,
    NoiseModel,
    Pairing,
    Position,
    draw,
    draw_noise,
    require_injectable,
)

LAWS: tuple[Law, ...] = ("gaussian", "rademacher", "sphere", "uniform", "laplace")


@pytest.mark.parametrize("law", LAWS)
def test_noise_has_mean_0_and_identity_second_moment(law: Law) -> None:
    network = fully_connected(3, (6,), 2, steps=4)
    z = draw_noise(NoiseModel(0.1, law), network, 20_000, Key(1)).values["lif1"].reshape(-1, 6)
    count = len(z)
    assert np.abs(z.mean(axis=0)).max() < 5 / np.sqrt(count)
    # entries of the second moment have variance at most (E z^4 - 1) / count
    most = 5 if law == "laplace" else 2
    assert np.abs(z.T @ z / count - np.eye(6)).max() < 5 * np.sqrt(most / count)


@pytest.mark.parametrize(
    ("law", "fourth", "eighth"),
    # the eighth moment bounds the error of the fourth
    [("gaussian", 3.0, 105.0), ("uniform", 9 / 5, 9.0), ("laplace", 6.0, 2520.0)],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fourth_moment_is_the_laws(
    law: Law, fourth: float, eighth: float, dtype: type[np.floating]
) -> None:
    z = draw(law, (100_000, 4), Key(2).generator(), dtype)  # on the sphere, 2 for four units
    assert z.dtype == dtype
    assert z.shape == (100_000, 4)
    # six means within 5 standard errors: fails by chance less than once in 200,000
    error = np.sqrt((eighth - fourth**2) / z.size)
    assert abs((z.astype(np.float64) ** 4).mean() - fourth) < 5 * error
    if law == "uniform":
        assert np.sqrt(3) * (1 - 1e-4) < np.abs(z).max() <= np.float32(np.sqrt(3))


def test_a_law_on_the_sphere_has_one_radius_for_each_row_and_keeps_the_dtype() -> None:
    for dtype in (np.float32, np.float64):
        z = draw("sphere", (3, 5, 7), Key(0).generator(), dtype)
        assert z.dtype == dtype
        rounding = 10 * float(np.finfo(dtype).eps)
        np.testing.assert_allclose((z.astype(np.float64) ** 2).sum(axis=-1), 7, rtol=rounding)
        normal = Key(0).generator().standard_normal((3, 5, 7), dtype=dtype)
        assert (np.sign(z) == np.sign(normal)).all()


def test_rademacher_noise_is_signs_and_sphere_has_its_radius() -> None:
    network = fully_connected(3, (7,), 2, steps=2)
    signs = draw_noise(NoiseModel(0.1, "rademacher"), network, 9, Key(1)).values["lif1"]
    assert set(np.unique(signs)) == {-1.0, 1.0}
    sphere = draw_noise(NoiseModel(0.1, "sphere"), network, 9, Key(1)).values["lif1"]
    np.testing.assert_allclose((sphere**2).sum(axis=-1), 7, rtol=1e-13)


@given(st.integers(1, 7), st.sampled_from(LAWS))
def test_antithetic_pairs_cancel_and_an_odd_last_step_stands_alone(steps: int, law: Law) -> None:
    network = fully_connected(2, (5, 4), 2, steps=steps)
    noise = draw_noise(NoiseModel(0.1, law, "time"), network, 3, Key(steps))
    for z in noise.values.values():
        paired = steps // 2 * 2
        np.testing.assert_array_equal(z[0:paired:2], -z[1:paired:2])
        assert np.abs(z[-1]).min() > 0


@pytest.mark.parametrize("pairing", ["none", "time"])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_replicates_noise_depends_on_its_number_alone(
    law: Law, pairing: Pairing, dtype: type[np.floating]
) -> None:
    network = fully_connected(2, (5, 4), 2, steps=3)
    model = NoiseModel(0.1, law, pairing)
    together = draw_noise(model, network, 2, Key(3), range(4, 7), dtype)
    for place, number in enumerate(range(4, 7)):
        alone = draw_noise(model, network, 2, Key(3), (number,), dtype)
        for name, z in together.values.items():
            assert z.dtype == dtype
            np.testing.assert_array_equal(z[:, 2 * place : 2 * place + 2], alone.values[name])


def test_layers_steps_samples_and_replicates_have_different_noise() -> None:
    network = fully_connected(2, (5, 5), 2, steps=2)
    noise = draw_noise(NoiseModel(0.1), network, 2, Key(3), range(2)).values
    rows = np.concatenate([z.reshape(-1, 5) for z in noise.values()])
    assert len(np.unique(rows, axis=0)) == len(rows) == 16


@pytest.mark.parametrize("scale", [0.0, -0.1, float("nan"), float("inf")])
def test_scale_must_be_positive(scale: float) -> None:
    with pytest.raises(ConfigurationError, match=r"alpha: got .*; expected a positive number"):
        NoiseModel(scale)


def test_unknown_law_and_pairing_say_what_exists() -> None:
    with pytest.raises(UsageError, match=r"noise law: got 'gauss'.*Did you mean 'gaussian'"):
        NoiseModel(0.1, "gauss")  # type: ignore[arg-type]
    with pytest.raises(
        UsageError, match="noise pairing: got 'steps'; expected one of batch, none, time"
    ):
        NoiseModel(0.1, "gaussian", "steps")  # type: ignore[arg-type]


def test_every_word_of_a_noise_model_is_checked_with_its_whole_message() -> None:
    with pytest.raises(UsageError) as caught:
        NoiseModel(0.1, position="axon")  # type: ignore[arg-type]
    assert str(caught.value) == (
        "noise position: got 'axon'; expected one of membrane, none, spike, weights."
    )
    with pytest.raises(ConfigurationError) as refused:
        NoiseModel("0.1")  # type: ignore[arg-type]
    assert str(refused.value) == "alpha: got '0.1'; expected a positive number."


@pytest.mark.parametrize(
    ("position", "injected"),
    [("spike", True), ("membrane", True), ("none", False), ("weights", False)],
)
@pytest.mark.parametrize("law", ["rademacher", "gaussian"])
def test_noise_on_spikes_or_membrane_potentials_goes_into_the_forward_pass(
    law: Law, position: Position, injected: bool
) -> None:
    model = NoiseModel(0.1, law, position=position)
    assert model.injected is injected
    noise = draw_noise(model, fully_connected(3, (8,), 2, steps=2), 5, Key(0))
    assert (noise.scale, noise.position) == (0.1, position)


@pytest.mark.parametrize("law", ["rademacher", "gaussian"])
def test_noise_that_is_drawn_but_not_injected_is_that_of_the_spikes(law: Law) -> None:
    network = fully_connected(3, (8, 4), 2, steps=2)
    injected = draw_noise(NoiseModel(0.1, law), network, 4, Key(0), range(3))
    other = draw_noise(NoiseModel(0.1, law, position="none"), network, 4, Key(0), range(3))
    assert list(other.values) == list(injected.values) == ["lif1", "lif2"]
    for name, z in injected.values.items():
        assert z.shape == (2, 12, network.layer(name).outputs)
        np.testing.assert_array_equal(other.values[name], z)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_noise_on_the_weights_is_one_draw_for_each_parameter_and_replicate(
    law: Law, dtype: type[np.floating]
) -> None:
    network = fully_connected(3, (4,), 2, steps=2)
    model = NoiseModel(0.1, law, position="weights")
    noise = draw_noise(model, network, 5, Key(1), (6, 2), dtype)
    assert list(noise.values) == list(network.shapes)
    for name, shape in network.shapes.items():
        z = noise.values[name]
        assert z.shape == (2, *shape)
        assert z.dtype == dtype
        for place, number in enumerate((6, 2)):
            generator = next((Key(1) / name).numbered([number]))
            np.testing.assert_array_equal(z[place], draw(law, shape, generator, dtype))


@pytest.mark.parametrize("samples", [1, 4, 5])
@pytest.mark.parametrize("law", LAWS)
def test_the_second_half_of_a_batch_carries_the_negative_of_the_first(
    law: Law, samples: int
) -> None:
    network = fully_connected(3, (4,), 2, steps=3)
    model = NoiseModel(0.1, law, "batch")
    z = draw_noise(model, network, samples, Key(1), dtype=np.float32).values["lif1"]
    half = (samples + 1) // 2
    assert z.shape == (3, samples, 4)
    assert z.dtype == np.float32
    np.testing.assert_array_equal(z[:, half:], -z[:, : samples // 2])
    assert len(np.unique(z[:, :half].reshape(-1, 4), axis=0)) > 1


def test_noise_without_arrays_has_no_bits_and_is_of_spikes() -> None:
    noise = Noise(0.5)
    assert dict(noise.values) == {}
    assert noise.raw == {}
    assert noise.position == "spike"


def test_a_function_of_noise_is_applied_to_every_array_and_keeps_scale_and_position() -> None:
    noise = Noise(0.5, {"a": np.ones(2), "b": np.zeros(3)}, "membrane")
    for found in (noise.map(lambda z: z + 1), noise.placed(lambda z: z + 1)):
        assert (found.scale, found.position) == (0.5, "membrane")
        assert {name: z.tolist() for name, z in found.values.items()} == {
            "a": [2.0, 2.0],
            "b": [1.0, 1.0, 1.0],
        }


NETWORK = fully_connected(3, (8, 4), 2, steps=2)
SHAPES = "(steps of the block, batch axis, units)."


@pytest.mark.parametrize(
    ("noise", "error", "words"),
    [
        (
            Noise(0.1, {}, "none"),
            UsageError,
            "noise position: got 'none'; expected one of membrane, spike.",
        ),
        (
            Noise(0.1, {"lif3": np.zeros((2, 5, 4))}),
            UsageError,
            "noise layer: got 'lif3'; expected one of lif1, lif2. Did you mean 'lif2'?",
        ),
        (
            Noise(0.1, {"lif2": np.zeros((2, 4, 4))}),
            DataError,
            f"noise of lif2: got shape (2, 4, 4); expected (2, 5, 4), {SHAPES}",
        ),
        (
            draw_noise(NoiseModel(0.1, "rademacher"), NETWORK, 6, Key(0)),
            DataError,
            f"noise of lif1: got shape (2, 6, 8); expected (2, 5, 8), {SHAPES}",
        ),
    ],
)
def test_noise_that_does_not_fit_says_what_was_expected(
    noise: Noise, error: type[GradassayError], words: str
) -> None:
    with pytest.raises(error) as caught:
        require_injectable(NETWORK, noise, 2, 5)
    assert str(caught.value) == words


def test_noise_that_fits_passes_and_its_bits_stay_bits() -> None:
    require_injectable(NETWORK, Noise(0.1, {"lif2": np.zeros((2, 5, 4))}, "membrane"), 2, 5)
    made: list[np.ndarray] = []

    def placed(array: np.ndarray) -> np.ndarray:
        made.append(array)
        return array

    noise = draw_noise(NoiseModel(0.1, "rademacher"), NETWORK, 6, Key(0)).placed(placed)
    require_injectable(NETWORK, noise, 2, 6)
    assert not made
