"""The backend as an object: arrays in and out, memory, precision, what it keeps, errors."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from gradassay.core.backend import Backend
from gradassay.core.batch import Batch
from gradassay.core.errors import ConfigurationError, DataError, GradassayError, UsageError
from gradassay.core.network import Loss
from gradassay.core.neuron import Neuron
from gradassay.core.noise import Noise
from gradassay.core.trace import Recorded
from gradassay.torch_snn import TorchBackend
from gradassay.torch_snn.placement import require_placed


def test_name_and_dtype_are_those_of_the_contract() -> None:
    backend: Backend = TorchBackend("float64")
    assert (backend.name, backend.dtype) == ("torch", np.float64)
    assert TorchBackend().dtype is np.float32


def test_backend_survives_pickling_and_compares_by_value() -> None:
    backend = TorchBackend("float64")
    assert pickle.loads(pickle.dumps(backend)) == backend
    assert len({backend, TorchBackend("float64"), TorchBackend("float32")}) == 2


def test_asarray_shares_memory_of_arrays_that_need_no_change() -> None:
    array = np.arange(6.0).reshape(2, 3)
    back = TorchBackend("float64")
    assert back.asarray(array).data_ptr() == array.ctypes.data
    assert back.to_numpy(back.asarray(array)).ctypes.data == array.ctypes.data
    assert back.asarray(array.T).tolist() == array.T.tolist()


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.uint8, np.int64])
def test_asarray_makes_integers_int64(kind: type[np.integer[Any]]) -> None:
    assert TorchBackend().asarray(np.array([1, 2], kind)).dtype == torch.int64


def test_asarray_makes_floats_the_dtype_of_the_backend() -> None:
    assert TorchBackend("float32").asarray(np.zeros(2)).dtype == torch.float32
    assert TorchBackend("float64").asarray(np.zeros((), np.float32)).dtype == torch.float64


def test_asarray_copies_read_only_and_reversed_arrays_without_a_warning() -> None:
    frozen = np.arange(3.0)
    frozen.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert TorchBackend("float64").asarray(frozen).tolist() == [0, 1, 2]
        assert TorchBackend("float64").asarray(frozen[::-1]).tolist() == [2, 1, 0]


def test_nothing_is_recorded_that_was_not_asked_for(make_problem: Any) -> None:
    p = make_problem()
    trace = p.backend.forward(p.network, p.params, p.batch, record={"received", "eligibility"})
    kinds = get_args(Recorded)
    kept = {kind for kind in kinds if getattr(trace, kind)}
    assert kept == {"received", "eligibility"}
    assert list(trace.eligibility) == ["hidden1", "hidden2", "readout"]


@pytest.mark.parametrize("static", [True, False], ids=["static", "sequence"])
@pytest.mark.parametrize("hidden", [(7, 6), "mixed", "encoder", "residual"])
def test_verbs_leave_parameters_inputs_noise_carry_and_trace_as_they_were(
    make_problem: Any, hidden: Any, static: bool
) -> None:
    p = make_problem(hidden, static=static, steps=4, alpha=0.3)
    first = p.block(0, 2, None)
    trace = p.forward()
    held = [*p.params.values(), p.batch.inputs, p.batch.targets, *p.noise.values.values()]
    held += [*first.carry.values(), trace.errors, trace.outputs]
    for kind in ("derivative", "membrane", "spikes", "received"):
        held += getattr(trace, kind).values()
    for kind in ("eligibility", "activity", "received_eligibility", "received_activity"):
        held += [kept.values for kept in getattr(trace, kind).values()]
    before = [array.clone() for array in held]
    p.block(2, 4, first.carry)
    p.online(trace)
    for name, spikes in trace.spikes.items():
        signal = torch.ones_like(spikes)
        for verb in (p.backend.membrane_gradient, p.backend.membrane_tangent):
            verb(p.network.neuron, name, trace, signal, reset_gradient=True)
            assert torch.equal(signal, torch.ones_like(signal))
    for layer in p.network.weighted:
        values = torch.ones(2, 4, layer.inputs, dtype=torch.float64)
        p.backend.apply(layer, p.params[f"{layer.name}.weight"], values)
        assert torch.equal(values, torch.ones_like(values))
    p.backend.loss(p.network, trace.outputs, p.batch.targets)
    assert all(torch.equal(a, b) for a, b in zip(before, held, strict=True))


@pytest.mark.parametrize("over", ["step", "sequence"])
def test_loss_verb_is_the_loss_of_the_forward_pass(make_problem: Any, over: Any) -> None:
    p = make_problem("encoder", loss=Loss(0.4, over))
    trace = p.forward()
    assert torch.equal(trace.outputs, trace.spikes["out"])
    losses, errors = p.backend.loss(p.network, trace.outputs, p.batch.targets)
    assert torch.equal(losses, trace.losses)
    assert torch.equal(errors, trace.errors)
    if over == "sequence":
        with pytest.raises(ConfigurationError, match="outputs: got 2 steps"):
            p.backend.loss(p.network, trace.outputs[:2], p.batch.targets)
    else:
        losses, errors = p.backend.loss(p.network, trace.outputs[2:3], p.batch.targets)
        assert torch.equal(errors, trace.errors[2:3])
    with pytest.raises(DataError, match="outputs: got shape"):
        p.backend.loss(p.network, trace.outputs, p.batch.targets[:2])


def test_spiking_readout_takes_no_noise(make_problem: Any) -> None:
    p = make_problem("encoder")
    noise = Noise(1.0, {"out": torch.ones(6, 4, 3, dtype=torch.float64)})
    with pytest.raises(UsageError, match="noise layer: got 'out'"):
        p.backend.forward(p.network, p.params, p.batch, noise=noise)


def test_autograd_records_nothing_of_parameters_that_require_gradients(make_problem: Any) -> None:
    p = make_problem()
    p = replace(p, params=p.params.map(lambda a: a.clone().requires_grad_()))
    trace = p.forward()
    assert not trace.outputs.requires_grad
    assert not any(g.requires_grad for g in p.online(trace).values())


@pytest.mark.parametrize("smooth", [True, False], ids=["smooth", "spiking"])
@pytest.mark.parametrize("reset_gradient", [True, False])
def test_float32_gradient_is_float64_gradient_within_rounding(
    make_problem: Any, reset_gradient: bool, smooth: bool
) -> None:
    options = {"static": False, "steps": 5, "neuron": Neuron(smooth=smooth), "loss": Loss(0.3)}
    double, single = (make_problem(dtype=d, **options) for d in ("float64", "float32"))
    for name in ("lif1", "lif2"):
        distance = (double.forward().membrane[name] - 1).abs().min()
        assert distance > 1e-4, "a membrane potential so near the threshold could flip its spike"
    # Each of 3 weighted layers, forwards and backwards, adds up at most 7 products a neuron over 5
    # steps, and the gradient 20 over samples and steps; k = 4 steepens errors of u into psi's.
    bound = 4 * (2 * 3 * 7 + 5 + 20) * float(np.finfo(np.float32).eps)
    wanted = double.through_time(reset_gradient=reset_gradient)
    for name, array in single.through_time(reset_gradient=reset_gradient).items():
        assert array.dtype == torch.float32
        error = float((array.double() - wanted[name]).norm() / wanted[name].norm())
        assert 0 < error < bound, name


def test_loss_of_huge_outputs_is_finite_and_exact(make_problem: Any) -> None:
    p = make_problem((2,), steps=1)
    params = {n: a * 0 for n, a in p.params.items()}
    params["readout.bias"] = torch.tensor([1e4, 0.0, -1e4], dtype=torch.float64)
    batch = Batch(p.batch.inputs[:3], torch.tensor([0, 1, 2]))
    trace = p.backend.forward(p.network, params, batch)
    assert trace.losses.tolist() == [[0.0, 1e4, 2e4]]
    assert trace.errors.tolist() == [[[0, 0, 0], [1, -1, 0], [1, 0, -1]]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("float16",), "dtype: got 'float16'; expected one of float32, float64."),
        (("float23",), "Did you mean 'float32'"),
        (("float32", "gpu"), "device: got 'gpu'; expected one of cpu"),
        (("float32", "cuda:99"), "device: got 'cuda:99'; expected one of cpu"),
        (("float32", "meta"), "device: got 'meta'"),
    ],
)
def test_unknown_dtype_or_device_is_a_usage_error_of_one_line(
    arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        TorchBackend(*arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_cuda_without_a_gpu_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="device: got 'cuda'; expected one of cpu"):
        TorchBackend("float32", "cuda")


def test_array_of_text_is_refused() -> None:
    with pytest.raises(DataError, match="array: got dtype <U1"):
        TorchBackend().asarray(np.array(["a"]))


def test_whole_numbers_that_int64_cannot_hold_are_refused() -> None:
    backend = TorchBackend()
    largest = np.array([0, 2**63 - 1], dtype=np.uint64)
    assert backend.asarray(largest).tolist() == [0, 2**63 - 1]
    for order in ("<u8", ">u8"):
        with pytest.raises(DataError, match=r"array: got 9223372036854775808; expected at most"):
            backend.asarray((largest + np.uint64(1)).astype(order))
    assert backend.asarray(largest[:0]).dtype == torch.int64


def test_arrays_on_another_gpu_are_refused() -> None:
    with FakeTensorMode():
        first, second = (torch.empty(1, device=f"cuda:{n}") for n in range(2))
    require_placed("z", second, torch.float32, torch.device("cuda:1"))
    require_placed("z", second, torch.float32, torch.device("cuda"))
    with pytest.raises(DataError, match=r"z: got torch.float32 on cuda:0; expected .* on cuda:1"):
        require_placed("z", first, torch.float32, torch.device("cuda:1"))


FORWARD_ERRORS: list[tuple[type[GradassayError], str, dict[str, Any]]] = [
    (ConfigurationError, "steps: got 0; expected 1 to T = 6", {"steps": 0}),
    (ConfigurationError, "steps: got 7; expected 1 to T = 6", {"steps": 7}),
    (UsageError, "Did you mean 'spikes'", {"record": {"spike"}}),
    (ConfigurationError, "holds no traces", {"record": {"eligibility"}, "carry": {}}),
    (ConfigurationError, "holds no traces", {"record": {"received_eligibility"}, "carry": {}}),
    (UsageError, "noise position: got 'none'", {"noise": Noise(1, {}, "none")}),
    (UsageError, "noise layer: got 'readout'", {"noise": Noise(1, {"readout": torch.ones(1)})}),
    (DataError, "noise of lif1: got shape (4, 7)", {"noise": Noise(1, {"lif1": torch.ones(4, 7)})}),
    (
        DataError,
        "noise of lif1: got torch.float32 on cpu; expected torch.float64",
        {"noise": Noise(1, {"lif1": torch.ones(6, 4, 7)})},
    ),
]


@pytest.mark.parametrize(("error", "words", "options"), FORWARD_ERRORS)
def test_forward_refuses_what_cannot_be(
    make_problem: Any, error: type[GradassayError], words: str, options: dict[str, Any]
) -> None:
    p = make_problem()
    with pytest.raises(error) as caught:
        p.backend.forward(p.network, p.params, p.batch, **options)
    assert words in str(caught.value)


def test_short_block_under_a_loss_of_the_sequence_is_refused(make_problem: Any) -> None:
    p = make_problem(loss=Loss(over="sequence"))
    with pytest.raises(ConfigurationError, match="expected the whole sequence, T = 6"):
        p.backend.forward(p.network, p.params, p.batch, steps=2)


def test_sequence_of_another_length_than_the_block_is_refused(make_problem: Any) -> None:
    p = make_problem(static=False)
    with pytest.raises(DataError, match="inputs: got 6 steps; expected the block's 2"):
        p.backend.forward(p.network, p.params, p.batch, steps=2)


def test_arrays_that_asarray_did_not_make_are_refused(make_problem: Any) -> None:
    p = make_problem()
    with pytest.raises(
        DataError, match=r"inputs: got torch.float64 on cpu; expected torch.float32"
    ):
        TorchBackend("float32").forward(p.network, p.params, p.batch)
    with pytest.raises(DataError, match=r"hidden1.weight: got ndarray; expected torch.float64"):
        p.backend.forward(p.network, p.params.map(np.asarray), p.batch)


@pytest.mark.parametrize("replicates", [0, 3])
def test_replicates_that_do_not_divide_the_batch_axis_are_refused(
    make_problem: Any, replicates: int
) -> None:
    p = make_problem()
    with pytest.raises(DataError, match=f"expected a multiple of replicates = {replicates}"):
        p.online(p.forward(), replicates)


def test_gradient_through_time_names_what_the_trace_lacks(make_problem: Any) -> None:
    p = make_problem(neuron=Neuron(reset="hard"))
    trace = p.backend.forward(p.network, p.params, p.batch, record={"derivative", "spikes"})
    signal = torch.ones_like(trace.spikes["lif1"])
    verb = p.backend.membrane_gradient
    with pytest.raises(DataError, match="trace: holds no membrane of 'lif1'"):
        verb(p.network.neuron, "lif1", trace, signal, reset_gradient=True)
    verb(p.network.neuron, "lif1", trace, signal, reset_gradient=False)
    with pytest.raises(DataError, match=r"argument: got shape \(2, 4, 7\); expected \(6, 4, 7\)"):
        verb(p.network.neuron, "lif1", trace, signal[:2], reset_gradient=False)
