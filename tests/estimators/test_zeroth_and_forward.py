"""Zeroth order, forward gradients and momentum, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.keys import Key
from gradassay.core.network import Loss
from gradassay.core.noise import Noise, draw_noise
from gradassay.core.trace import Trace
from gradassay.estimators import make_estimator
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.momentum import absorb, corrected
from gradassay.estimators.tangents import node_tangent, weight_tangent
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import (
    SmallProblem,
    convolution_problem,
    dyadic_problem,
)

BACKEND, KEY = ReferenceBackend(), Key(6)
PROBLEM = dyadic_problem((5, 4), steps=3, seed=0)
SEQUENCE = Key(2).generator().random((3, 4, 6)) * 2
WHOLE = SmallProblem(
    "sequence",
    PROBLEM.network.replace(loss=Loss(0.125, "sequence")),
    PROBLEM.params,
    PROBLEM.batch,
)


def estimate(name: str, problem: SmallProblem, **options: Any) -> Any:
    given = {k: options.pop(k) for k in ("noise", "replicates", "batch") if k in options}
    batch = given.pop("batch", problem.batch)
    arguments: tuple[Any, ...] = (BACKEND, problem.network, problem.params, batch, {}, KEY)
    return make_estimator(name, **options).estimate(*arguments, **given)


def noise_of(scale: float) -> Noise:
    generator = Key(8).generator()
    layers = PROBLEM.network.spiking
    return Noise(scale, {x.name: generator.normal(size=(3, 4, x.units)) for x in layers})


@pytest.mark.parametrize("problem", [PROBLEM, WHOLE], ids=["step", "sequence"])
@pytest.mark.parametrize("name", ["single", "central", "forward"])
def test_noise_meets_each_samples_loss_of_the_step_or_of_the_sequence(
    problem: SmallProblem, name: str
) -> None:
    scale, record = 0.2, frozenset({"derivative", "eligibility"})
    noise = noise_of(scale)
    model: tuple[Any, ...] = (problem.network, problem.params, problem.batch)
    plus, minus, clean = (
        BACKEND.forward(*model, noise=z, record=record)  # type: ignore[arg-type]
        for z in (noise, noise.map(lambda z: -z), None)
    )

    def seen(trace: Trace) -> np.ndarray:
        losses = np.asarray(trace.losses)
        return losses if problem is PROBLEM else losses.sum(axis=0, keepdims=True)

    used, slope = plus, seen(plus) / scale
    options: dict[str, Any] = {"alpha": scale}
    if name != "single":
        options["form"] = name
        slope = (seen(plus) - seen(minus)) / (2 * scale)
    if name == "forward":
        used, slope = clean, (seen(plus) - seen(clean)) / scale
    delta = used.derivative["lif2"] * noise.values["lif2"] * slope[..., None]
    expected = np.einsum("tbn,tbi->ni", delta, used.eligibility["hidden2"].values) / 4
    method = "zo_single_point" if name == "single" else "zo_two_point"
    found = estimate(method, problem, noise=noise, **options).gradient
    np.testing.assert_allclose(found["hidden2.weight"], expected, rtol=1e-11)


@pytest.mark.parametrize("replicates", [None, range(2)])
def test_spsa_takes_two_passes_a_replicate_and_leaves_the_state(
    replicates: range | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[object] = []
    forward = ReferenceBackend.forward

    def counted(self: ReferenceBackend, *arguments: Any, **options: Any) -> Trace:
        passes.append(arguments)
        return forward(self, *arguments, **options)

    monkeypatch.setattr(ReferenceBackend, "forward", counted)
    state = dict[str, Any]()
    arguments = (BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, state, KEY)
    found = make_estimator("spsa").estimate(*arguments, replicates=replicates)
    assert len(passes) == 2 * len(replicates or range(1))
    assert found.state is state


def test_momentum_of_a_matrix_with_one_entry() -> None:
    state = {"lif1": np.array([[3.0]]), "updates": np.array(4.0)}
    found = absorb(state, {"lif1": np.array([[1.0]])}, 0.75)
    assert {name: array.tolist() for name, array in found.items()} == {
        "lif1": [[2.5]],
        "updates": 5.0,
    }


def test_momentum_that_is_frozen_at_zero_stays_zero() -> None:
    state = {"lif1": np.zeros((2, 2)), "updates": np.array(1.0)}
    found = absorb(state, {"lif1": np.zeros((3, 2, 2))}, 0.75, freeze_after=1)
    assert {name: array.shape for name, array in found.items()} == {
        "lif1": (3, 2, 2),
        "updates": (3,),
    }
    assert not found["lif1"].any()
    assert found["updates"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(("updates", "weight"), [(0, 0.25), (1, 0.25), (2, 0.4375)])
def test_momentum_is_corrected_for_its_start(updates: int, weight: float) -> None:
    matrix = np.array([[1.0, 2.0]])
    found = corrected(matrix, np.array(float(updates)), 0.75)
    np.testing.assert_allclose(found, matrix / weight, rtol=1e-14)
    np.testing.assert_array_equal(corrected(matrix, np.array(float(updates)), 0.0), matrix)
    both = corrected(np.stack([matrix, matrix]), np.array([1.0, 2.0]), 0.75)
    np.testing.assert_allclose(both[1], matrix / 0.4375, rtol=1e-14)


def test_outputs_do_not_move_where_nothing_does() -> None:
    estimator = make_estimator("spatial_bp")
    assert isinstance(estimator, LayerwiseEstimator)
    observed = estimator.observe(BACKEND, PROBLEM.network, PROBLEM.params, PROBLEM.batch, None, 1)
    np.testing.assert_array_equal(node_tangent(observed, {}, "online"), np.zeros((3, 4, 3)))
    still = {name: np.zeros((1, *shape)) for name, shape in PROBLEM.network.shapes.items()}
    np.testing.assert_array_equal(weight_tangent(observed, still, "online"), np.zeros((3, 4, 3)))


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("temporal", ["online", "spatial", "local_bptt"])
def test_forward_gradient_of_a_sequence_is_the_slope_along_its_direction(
    static: bool, temporal: str
) -> None:
    batch = PROBLEM.batch if static else Batch(SEQUENCE, PROBLEM.batch.targets)
    estimator = make_estimator("forward_gradient", space="weight", temporal=temporal)
    assert estimator.noise is not None
    options: dict[str, Any] = {"temporal": temporal, "batch": batch}
    found = estimate(
        "forward_gradient", PROBLEM, space="weight", replicates=range(2), **options
    ).gradient
    exact = estimate("spatial_bp", PROBLEM, **options).gradient
    drawn = draw_noise(estimator.noise, PROBLEM.network, 4, KEY / "noise", range(2)).values
    for place in range(2):
        slope = sum(float((exact[name] * z[place]).sum()) for name, z in drawn.items())
        for name, z in drawn.items():
            np.testing.assert_allclose(found[name][place], slope * z[place], rtol=1e-9)


@pytest.mark.parametrize("temporal", ["online", "spatial", "local_bptt"])
@pytest.mark.parametrize("problem", [PROBLEM, convolution_problem(0)], ids=lambda p: p.name)
def test_forward_gradient_in_weights_is_the_same_on_torch(
    problem: SmallProblem, temporal: str
) -> None:
    """Torch keeps the trace of a constant input as one array and a weight for each step."""
    estimator = make_estimator("forward_gradient", space="weight", temporal=temporal)
    backend = TorchBackend("float64")
    batch = Batch(backend.asarray(problem.batch.inputs), backend.asarray(problem.batch.targets))
    params = problem.params.map(backend.asarray)
    found = estimator.estimate(
        backend, problem.network, params, batch, {}, KEY, replicates=range(2)
    ).gradient.map(backend.to_numpy)
    expected = estimate(
        "forward_gradient", problem, space="weight", temporal=temporal, replicates=range(2)
    ).gradient
    assert relative_difference(found, expected) < 1e-12
