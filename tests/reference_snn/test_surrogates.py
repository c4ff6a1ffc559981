"""Each surrogate derivative is the derivative of its documented smooth function."""

import numpy as np
import pytest

from gradassay.core.errors import UsageError
from gradassay.core.neuron import Neuron, Surrogate, SurrogateKind
from gradassay.reference_snn.neuron import fire, surrogate_derivative

KINDS: tuple[SurrogateKind, ...] = (
    "sigmoid",
    "arctan",
    "triangle",
    "rectangle",
    "superspike",
    "gaussian",
)
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@pytest.mark.parametrize("scale", [0.5, 2.0, 4.0, 25.0])
def test_psi_is_the_numerical_derivative_of_the_smooth_function(
    kind: SurrogateKind, scale: float
) -> None:
    neuron = Neuron(surrogate=Surrogate(kind, scale), smooth=True, threshold=0.75)
    # off the corners of the piecewise functions, which no point of this grid meets
    x = (np.arange(-400, 400) + 0.4142) / 100 / scale
    u, step = neuron.threshold + x, 1e-6 / scale
    numerical = (fire(neuron, u + step) - fire(neuron, u - step)) / (2 * step)
    np.testing.assert_allclose(
        surrogate_derivative(neuron, u), numerical, rtol=1e-6, atol=1e-8 * scale
    )


@every_kind
def test_smooth_spike_is_one_half_at_threshold_and_rises(kind: SurrogateKind) -> None:
    neuron = Neuron(surrogate=Surrogate(kind, 3.0), smooth=True)
    u = np.linspace(-50, 50, 2001)
    values = fire(neuron, u)
    assert (np.diff(values) >= 0).all()
    assert fire(neuron, np.array([1.0]))[0] == 0.5
    assert np.isfinite(values).all()


@every_kind
def test_psi_is_even_about_the_threshold_and_far_from_it_small(kind: SurrogateKind) -> None:
    neuron = Neuron(surrogate=Surrogate(kind, 4.0))
    x = np.linspace(0, 30, 301)
    right = surrogate_derivative(neuron, 1.0 + x)
    np.testing.assert_allclose(right, surrogate_derivative(neuron, 1.0 - x), rtol=1e-6, atol=1e-12)
    assert right[0] == right.max() > 0
    assert right[-1] < 1e-3 * right[0]


@pytest.mark.parametrize(
    ("kind", "peak"),
    [
        ("sigmoid", 1.0),
        ("arctan", 2.0),
        ("triangle", 4.0),
        ("rectangle", 4.0),
        ("superspike", 1.0),
        ("gaussian", 4 / np.sqrt(2 * np.pi)),
    ],
)
def test_peak_at_scale_4(kind: SurrogateKind, peak: float) -> None:
    neuron = Neuron(surrogate=Surrogate(kind, 4.0))
    assert surrogate_derivative(neuron, np.array([1.0]))[0] == pytest.approx(peak, rel=1e-15)


def test_a_rectangle_is_0_at_its_edges_and_a_triangle_too() -> None:
    edges = {"rectangle": [0.875, 1.125], "triangle": [0.75, 1.25]}
    kinds: tuple[SurrogateKind, SurrogateKind] = ("rectangle", "triangle")
    for kind in kinds:
        neuron = Neuron(surrogate=Surrogate(kind, 4.0))
        assert surrogate_derivative(neuron, np.array(edges[kind])).tolist() == [0.0, 0.0]
        inside = np.nextafter(edges[kind], 1.0)
        assert (surrogate_derivative(neuron, inside) > 0).all()


def test_unknown_surrogate_says_what_exists() -> None:
    with pytest.raises(UsageError, match=r"surrogate: got 'atan'; expected one of arctan, gauss"):
        Surrogate("atan")  # type: ignore[arg-type]
