"""One sequence in steps, states alone, and where their random numbers come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import Estimator, State
from gradassay.core.keys import Key
from gradassay.core.network import Loss, Network
from gradassay.core.noise import Noise, draw_noise
from gradassay.core.params import Params, key_normal
from gradassay.estimators import make_estimator
from gradassay.estimators.layerwise import LayerwiseEstimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.estimators.opzo import OPZO
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.checks.results import relative_difference
from gradassay.verify.oracles.small_problems import convolution_problem, dyadic_problem

BACKEND, PROBLEM = ReferenceBackend(), dyadic_problem((5, 4), steps=3, seed=0)
MODEL = (BACKEND, PROBLEM.network, PROBLEM.params)
SEQUENCE = Key(2).generator().random((3, 4, 6)) * 2
TARGETS = PROBLEM.batch.targets
KEY = Key(6)


@dataclass(frozen=True)
class Constant(OPZO):
    """Draws its noise in its own way."""

    def draw(
        self, backend: Backend, network: Network, batch: Batch, key: Key, numbers: range
    ) -> Noise:
        values = {
            layer.name: np.linspace(-1, 1, 3 * batch.size * len(numbers) * layer.units).reshape(
                3, -1, layer.units
            )
            for layer in network.spiking
        }
        return Noise(self.alpha, values)


ONLINE: dict[str, Estimator] = {
    "dfa": make_estimator("dfa"),
    "dkp": make_estimator("dkp", step=0.5),
    "opzo": make_estimator("opzo", momentum=0.5),
    "opzo that draws by itself": Constant(momentum=0.5),
    "zo_two_point": make_estimator("zo_two_point"),
    "zo forward": make_estimator("zo_two_point", form="forward"),
    "pzo_two_point": make_estimator("pzo_two_point"),
    "zo baseline": make_estimator("zo_single_point", baseline=0.5),
    "forward_gradient": make_estimator("forward_gradient"),
    "forward gradient in weights": make_estimator("forward_gradient", space="weight"),
    "local_learning": make_estimator("local_learning"),
    "sum": make_estimator("opzo+0.5*local_learning+0.25*intermediate_global", momentum=0.5),
}
every_online = pytest.mark.parametrize("estimator", ONLINE.values(), ids=ONLINE.keys())


def state_of(estimator: Estimator) -> State:
    """Return a state that has learnt from two passes."""
    state = estimator.init(BACKEND, PROBLEM.network, Key(4))
    for number in range(2):
        state = estimator.advance(*MODEL, PROBLEM.batch, state, Key(5) / number)
    return state


@every_online
@pytest.mark.parametrize("replicates", [None, range(2, 4)])
@pytest.mark.parametrize("static", [True, False])
def test_steps_add_up_to_the_sequence_replicate_by_replicate(
    estimator: Estimator, replicates: range | None, static: bool
) -> None:
    batch = PROBLEM.batch if static else Batch(SEQUENCE, TARGETS)
    state = state_of(estimator)
    whole = estimator.estimate(*MODEL, batch, state, KEY, replicates=replicates)
    run = OnlineEstimate(
        estimator, BACKEND, PROBLEM.network, batch, state, KEY, replicates=replicates
    )
    total: Any = None
    for start, steps in ((0, 1), (1, 2)):
        assert run.done == start
        assert not run.finished
        part = run.advance(PROBLEM.params, steps)
        rows = slice(start, start + steps)
        outputs = whole.trace.outputs[rows]
        np.testing.assert_allclose(part.trace.outputs, outputs, rtol=1e-12, atol=1e-14)
        assert part.state is run.state
        total = part.gradient if total is None else total.map(np.add, part.gradient)
    assert run.finished
    assert {n: a.shape for n, a in total.items()} == {n: a.shape for n, a in whole.gradient.items()}
    assert relative_difference(total, whole.gradient) <= 1e-12
    assert relative_difference(run.state, whole.state) <= 1e-12


@every_online
def test_steps_of_folded_mini_batches_add_up_to_those_of_each(estimator: Estimator) -> None:
    state, order = state_of(estimator), np.array([3, 0, 1, 2])
    folded = Batch(
        np.concatenate([SEQUENCE, SEQUENCE[:, order]], axis=1),
        np.concatenate([TARGETS, TARGETS[order]]),
        2,
    )
    whole = estimator.estimate(*MODEL, folded, state, KEY, replicates=range(2))
    run = OnlineEstimate(
        estimator, BACKEND, PROBLEM.network, folded, state, KEY, replicates=range(2)
    )
    total = run.advance(PROBLEM.params).gradient
    while not run.finished:
        total = total.map(np.add, run.advance(PROBLEM.params).gradient)
    assert relative_difference(total, whole.gradient) <= 1e-12


@pytest.mark.parametrize("name", ["forward gradient in weights", "opzo"])
def test_steps_with_given_noise_are_those_of_the_sequence_with_it(name: str) -> None:
    estimator, state = ONLINE[name], state_of(ONLINE[name])
    assert estimator.noise is not None
    noise = draw_noise(estimator.noise, PROBLEM.network, 4, Key(9))
    whole = estimator.estimate(*MODEL, PROBLEM.batch, state, KEY, noise=noise)
    run = OnlineEstimate(
        estimator, BACKEND, PROBLEM.network, PROBLEM.batch, state, KEY, noise=noise
    )
    total = run.advance(PROBLEM.params, 2).gradient
    total = total.map(np.add, run.advance(PROBLEM.params).gradient)
    assert relative_difference(total, whole.gradient) <= 1e-12


def test_noise_of_steps_is_never_drawn_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    estimator, state = ONLINE["opzo"], state_of(ONLINE["opzo"])

    def refuse(*_: object) -> None:
        raise AssertionError("drawn as a whole")

    monkeypatch.setattr(LayerwiseEstimator, "draw", refuse)
    run = OnlineEstimate(estimator, BACKEND, PROBLEM.network, PROBLEM.batch, state, KEY)
    assert run.advance(PROBLEM.params, 3).gradient["hidden1.weight"].any()


@every_online
@pytest.mark.parametrize("replicates", [None, range(2, 4)])
def test_advance_gives_the_state_of_an_estimate(
    estimator: Estimator, replicates: range | None
) -> None:
    state = state_of(estimator)
    arguments = (*MODEL, PROBLEM.batch, state, KEY)
    found = estimator.advance(*arguments, replicates=replicates)
    expected = estimator.estimate(*arguments, replicates=replicates).state
    assert set(found) == set(expected)
    for name in found:
        np.testing.assert_array_equal(found[name], expected[name])


def test_advance_takes_no_pass_for_a_method_without_a_state() -> None:
    estimator, none = make_estimator("zo_two_point"), dict[str, Any]()
    nothing: Any = None
    assert estimator.advance(nothing, nothing, nothing, nothing, none, KEY) is none


@pytest.mark.parametrize("name", ["zo_single_point", "opzo", "localzo", "forward_gradient"])
def test_noise_comes_from_its_own_stream(name: str) -> None:
    estimator = make_estimator(name)
    assert estimator.noise is not None
    state = state_of(estimator)
    arguments = (*MODEL, PROBLEM.batch, state, KEY)
    for replicates in (None, range(3, 5)):
        numbers = replicates or range(1)
        noise = draw_noise(estimator.noise, PROBLEM.network, 4, KEY / "noise", numbers)
        found = estimator.estimate(*arguments, replicates=replicates).gradient
        given = estimator.estimate(*arguments, replicates=replicates, noise=noise).gradient
        assert relative_difference(found, given) == 0


@pytest.mark.parametrize("problem", [PROBLEM, convolution_problem(0)], ids=lambda p: p.name)
def test_fixed_weights_come_from_named_streams_with_the_gain_over_the_root_of_the_fan_in(
    problem: Any,
) -> None:
    network = problem.network
    found = make_estimator("feedback_alignment", gain=3.0).init(BACKEND, network, KEY)
    shapes = {n.removesuffix(".weight"): s for n, s in network.shapes.items() if "weight" in n}
    first = network.weighted[0].name
    assert set(found) == set(shapes) - {first}
    for name, matrix in found.items():
        drawn = key_normal(KEY / "feedback" / name, shapes[name])
        scale = 3.0 / math.sqrt(math.prod(shapes[name][1:]))
        np.testing.assert_allclose(matrix, scale * drawn, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "options", "prefix"),
    [
        ("dfa", {"gain": 3.0}, ""),
        ("dkp", {"gain": 3.0}, ""),
        ("local_learning", {"gain": 3.0}, "readout/"),
        ("opzo", {"start": "random"}, ""),
    ],
)
def test_direct_feedback_comes_from_named_streams_with_the_gain_over_the_root_of_the_units(
    name: str, options: dict[str, Any], prefix: str
) -> None:
    found = make_estimator(name, **options).init(BACKEND, PROBLEM.network, KEY)
    gain = options.get("gain", 1.0)
    for layer, units in (("lif1", 5), ("lif2", 4)):
        drawn = key_normal(KEY / "feedback" / layer, (units, 3))
        np.testing.assert_allclose(
            found[prefix + layer], gain / math.sqrt(units) * drawn, rtol=1e-14
        )
    assert set(found) - {"updates"} == {prefix + "lif1", prefix + "lif2"}


def test_state_of_intermediate_learning_is_zero_before_its_layer_and_drawn_there() -> None:
    problem = dyadic_problem((5, 4, 3), steps=2, seed=0)
    estimator = make_estimator("intermediate_global", gain=3.0)
    found = estimator.init(BACKEND, problem.network, KEY)
    assert {n: a.shape for n, a in found.items()} == {
        "lif1": (5, 3),
        "readout/lif2": (4, 3),
        "updates": (),
    }
    assert not found["lif1"].any()
    drawn = key_normal(KEY / "feedback" / "lif2", (4, 3))
    np.testing.assert_allclose(found["readout/lif2"], 1.5 * drawn, rtol=1e-14)
    chosen = make_estimator("intermediate_global", layer="lif3")
    assert set(chosen.init(BACKEND, problem.network, KEY)) == {
        "lif1",
        "lif2",
        "readout/lif3",
        "updates",
    }


def test_states_of_a_sum_are_drawn_each_from_its_own_key() -> None:
    both = make_estimator("dfa+0.5*local_learning").init(BACKEND, PROBLEM.network, KEY)
    for name in ("dfa", "local_learning"):
        alone = make_estimator(name).init(BACKEND, PROBLEM.network, KEY / name)
        for array, value in alone.items():
            np.testing.assert_array_equal(both[f"{name}/{array}"], value)


def test_a_sum_refuses_what_a_part_refuses() -> None:
    made = make_estimator("opzo+0.5*local_learning", output="sequence", pairing="none")
    network = PROBLEM.network.replace(loss=Loss(over="sequence"))
    state = made.init(BACKEND, network, KEY)
    assert made.estimate(BACKEND, network, *MODEL[2:], PROBLEM.batch, state, KEY).gradient
    with pytest.raises(ConfigurationError, match="opzo output: got 'sequence' with a loss of the"):
        made.estimate(*MODEL, PROBLEM.batch, state, KEY)


@pytest.mark.parametrize("replicates", [None, range(2)])
@pytest.mark.parametrize("name", ["opzo", "opzo+0.5*local_learning"])
def test_weights_rest_during_the_warm_up_in_every_replicate(
    name: str, replicates: range | None
) -> None:
    estimator = make_estimator(name, warm_up=1)
    cold = estimator.init(BACKEND, PROBLEM.network, KEY)
    warm = estimator.advance(*MODEL, PROBLEM.batch, cold, KEY, replicates=replicates)
    lead = () if replicates is None else (2,)
    for state, rests in ((cold, True), (warm, False)):
        found = estimator.estimate(*MODEL, PROBLEM.batch, state, KEY, replicates=replicates)
        for array, shape in PROBLEM.network.shapes.items():
            assert found.gradient[array].shape == (*lead, *shape)
            assert bool(found.gradient[array].any()) != rests


def test_warm_and_cold_replicates_are_told_apart() -> None:
    estimator = make_estimator("opzo", warm_up=1)
    state = {
        "lif1": np.ones((2, 5, 3)),
        "lif2": np.ones((2, 4, 3)),
        "updates": np.array([0.0, 1.0]),
    }
    found = estimator.estimate(*MODEL, PROBLEM.batch, state, KEY, replicates=range(2)).gradient
    for array in found.values():
        assert not array[0].any()
        assert array[1].any()


def test_parameters_that_change_between_steps_change_the_steps_after() -> None:
    run = OnlineEstimate(
        ONLINE["dfa"], BACKEND, PROBLEM.network, PROBLEM.batch, state_of(ONLINE["dfa"]), KEY
    )
    first = run.advance(PROBLEM.params).trace.outputs
    moved = Params({n: a + (n == "readout.bias") for n, a in PROBLEM.params.items()})
    after = run.advance(moved, 2).trace.outputs
    whole = BACKEND.forward(PROBLEM.network, PROBLEM.params, PROBLEM.batch).outputs
    np.testing.assert_array_equal(first, whole[:1])
    np.testing.assert_allclose(after, whole[1:] + 1, rtol=1e-13)


@pytest.mark.parametrize("name", ["opzo", "zo_two_point", "localzo"])
def test_noise_is_drawn_in_the_backends_precision_whole_or_by_steps(name: str) -> None:
    torch32, estimator = TorchBackend("float32"), make_estimator(name)
    assert estimator.noise is not None
    state = estimator.init(torch32, PROBLEM.network, KEY)
    batch = Batch(torch32.asarray(PROBLEM.batch.inputs), torch32.asarray(TARGETS))
    params = PROBLEM.params.map(torch32.asarray)
    drawn = draw_noise(estimator.noise, PROBLEM.network, 4, KEY / "noise", dtype=torch32.dtype).map(
        torch32.asarray
    )
    arguments: tuple[Any, ...] = (torch32, PROBLEM.network, params, batch, state, KEY)
    given = estimator.estimate(*arguments, noise=drawn).gradient.map(torch32.to_numpy)
    whole = estimator.estimate(*arguments).gradient.map(torch32.to_numpy)
    assert relative_difference(whole, given) == 0
    run = OnlineEstimate(estimator, torch32, PROBLEM.network, batch, state, KEY)
    total = run.advance(params).gradient.map(torch32.to_numpy)
    while not run.finished:
        total = total.map(np.add, run.advance(params).gradient.map(torch32.to_numpy))
    assert relative_difference(total, given) < 1e-5
