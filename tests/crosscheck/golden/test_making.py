"""A pack is determined by its seed, and its tolerances hold for other arithmetic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gradassay.core.batch import Batch
from gradassay.core.keys import Key
from gradassay.core.noise import Noise
from gradassay.core.params import Params
from gradassay.core.trace import Trace
from gradassay.crosscheck.golden import Pack, check_answers, make_pack, manifest_schema
from gradassay.crosscheck.golden.making import network_entry, pack_files
from gradassay.crosscheck.golden.problems import networks
from gradassay.crosscheck.golden.schema import Case, Method
from gradassay.estimators import make_estimator, zoo_names
from gradassay.torch_snn import TorchBackend

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def made() -> Pack:
    return make_pack()


def test_the_same_seed_gives_the_same_bytes(made: Pack) -> None:
    files = pack_files(made)
    assert files == pack_files(make_pack())
    assert sum(map(len, files.values())) < 66_000 * len(zoo_names())


def test_the_pack_that_is_kept_is_made_again(made: Pack, pack: Pack) -> None:
    assert made.manifest.checksum == pack.manifest.checksum
    assert made.manifest.cases == pack.manifest.cases
    for ours, kept in zip(made.manifest.files, pack.manifest.files, strict=True):
        assert (ours.path, ours.role, ours.dtype, ours.shape) == (
            kept.path,
            kept.role,
            kept.dtype,
            kept.shape,
        )
        assert ours.tolerance == pytest.approx(kept.tolerance, rel=0.02)
        if ours.role == "given" or ours.dtype == "<i8":
            assert np.array_equal(made.arrays[ours.path], pack.arrays[ours.path])
    answers = {path: made.arrays[path] for path in pack.expected}
    assert {row.verdict for row in check_answers(pack, answers)} == {"PASS"}


def test_every_estimator_is_there_or_refused_with_a_reason(pack: Pack) -> None:
    for case in pack.manifest.cases:
        told = {method.name for method in case.methods} | set(case.refused)
        assert told == set(zoo_names())
        assert set(case.refused) <= {"intermediate_global"}


def test_dyadic_potentials_are_exact_in_both_precisions_and_meet_the_threshold(pack: Pack) -> None:
    for name in ("fc_dyadic", "fc2_dyadic", "fc2_hard_dyadic", "conv_dyadic"):
        cases = [case for case in pack.manifest.cases if case.name.startswith(f"{name}/")]
        double, single = ([pack.arrays[p] for p in case.membrane.values()] for case in cases)
        assert all(np.array_equal(a, b) for a, b in zip(double, single, strict=True))
        assert any((u == 1).any() for u in double)
        assert all(pack.expected[p].tolerance == 0 for c in cases for p in c.membrane.values())


def test_no_random_potential_lies_within_its_bound_of_the_threshold(pack: Pack) -> None:
    for case in pack.manifest.cases:
        if "random" in case.name:
            for path in case.membrane.values():
                apart = np.abs(pack.arrays[path].astype(np.float64) - case.network.threshold)
                assert apart.min() > pack.expected[path].tolerance > 0


@pytest.mark.parametrize(("dtype", "share"), [("<f8", 1e-11), ("<f4", 5e-3)])
def test_tolerances_are_small_against_what_they_allow_for(
    pack: Pack, dtype: str, share: float
) -> None:
    for path, file in pack.expected.items():
        if file.dtype == dtype:
            assert file.tolerance <= share * np.abs(pack.arrays[path]).max(), path


def test_the_schema_that_is_published_is_the_one_in_force() -> None:
    assert json.loads((DOCS / "golden.schema.json").read_text()) == manifest_schema()


def torch_answers(pack: Pack, case: Case, dtype: str) -> dict[str, np.ndarray]:
    """Return the whole of a case from the independent backend, in its own precision."""
    backend = TorchBackend(dtype=dtype)
    network = networks()[case.name.split("/")[0]][0]
    neuron = msgspec.structs.replace(network.neuron, leak=case.network.leak)
    network = network.replace(neuron=neuron)
    assert network_entry(network) == case.network
    given = {path: backend.asarray(array) for path, array in pack.arrays.items()}
    params = Params({name: given[path] for name, path in case.params.items()})
    batch = Batch(given[case.inputs], given[case.targets])
    trace = backend.forward(network, params, batch, record=frozenset({"spikes", "membrane"}))
    found = forward_by_path(case, trace)
    for method in case.methods:
        estimator = make_estimator(method.name, **method.options)
        noise = noise_of(case, method, given)
        state = {name: given[path] for name, path in method.state.items()}
        estimate = estimator.estimate(backend, network, params, batch, state, Key(0), noise=noise)
        found |= {path: estimate.gradient[name] for name, path in method.gradient.items()}
        found |= {path: estimate.state[name] for name, path in method.state_after.items()}
    return {
        path: np.asarray(backend.to_numpy(array)).astype(pack.expected[path].dtype)
        for path, array in found.items()
    }


def forward_by_path(case: Case, trace: Trace) -> dict[str, Any]:
    found: dict[str, Any] = {path: trace.spikes[name] for name, path in case.spikes.items()}
    found |= {path: trace.membrane[name] for name, path in case.membrane.items()}
    return found | {
        case.outputs: trace.outputs,
        case.losses: trace.losses,
        case.errors: trace.errors,
    }


def noise_of(case: Case, method: Method, given: dict[str, Any]) -> Noise | None:
    model = make_estimator(method.name, **method.options).noise
    if method.noise is None or method.scale is None or model is None:
        return None
    values = {name: given[path] for name, path in case.noise[method.noise].items()}
    if method.noise == "weights":
        values = {name: z[None] for name, z in values.items()}
    return Noise(method.scale, values, model.position)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_torch_in_its_own_precision_passes_everything(pack: Pack, dtype: str) -> None:
    answers: dict[str, np.ndarray] = {}
    for case in pack.manifest.cases:
        if case.name.endswith(dtype):
            answers |= torch_answers(pack, case, dtype)
    rows = [row for row in check_answers(pack, answers) if row.verdict != "not answered"]
    assert len(rows) == len(pack.expected) // 2
    assert [row for row in rows if row.verdict == "FAIL"] == []
