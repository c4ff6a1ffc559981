import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradassay.core.builders import fully_connected
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.keys import Key
from gradassay.core.noise import Law, NoiseModel, Pairing, draw_noise

LAWS: tuple[Law, ...] = ("gaussian", "rademacher", "sphere")


@pytest.mark.parametrize("law", LAWS)
def test_noise_has_mean_0_and_identity_second_moment(law: Law) -> None:
    network = fully_connected(3, (6,), 2, steps=4)
    z = draw_noise(NoiseModel(0.1, law), network, 20_000, Key(1)).values["lif1"].reshape(-1, 6)
    count = len(z)
    assert np.abs(z.mean(axis=0)).max() < 5 / np.sqrt(count)
    # entries of the second moment have variance at most 2 / count
    assert np.abs(z.T @ z / count - np.eye(6)).max() < 5 * np.sqrt(2 / count)


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
