"""The named networks at full width, small images: the reference and torch agree on them."""

import pytest

from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.reference_snn import ReferenceBackend
from gradassay.torch_snn import TorchBackend
from gradassay.verify.checks.results import relative_difference


@pytest.mark.parametrize(
    ("name", "side"), [("conv5", 8), ("conv9", 8), ("resnet18", 16), ("resnet34", 16)]
)
@pytest.mark.parametrize("method", ["spatial_bp", "opzo"])
def test_reference_and_torch_agree_on_named_networks(name: str, side: int, method: str) -> None:
    network = network_named(name, (2, side, side), 5, steps=2)
    key = Key(3)
    params = initial_params(network, key, gain=2.0)
    params = params.map(lambda w: w + 0.5 if w.shape == (1,) else w)  # open the residual branches
    generator = key.generator()
    batch = Batch(generator.random((1, network.inputs)), generator.integers(0, 5, 1))
    estimator, torch = make_estimator(method, **OPTIONS[method]), TorchBackend("float64")
    found = {}
    for backend in (ReferenceBackend(), torch):
        given = Batch(backend.asarray(batch.inputs), backend.asarray(batch.targets))
        state = estimator.init(backend, network, key)
        arguments = (backend, network, params.map(backend.asarray), given, state, key)
        gradient = estimator.estimate(*arguments).gradient
        found[backend.name] = gradient.map(backend.to_numpy)
    assert float(found["numpy"].norm()) > 0
    assert all(bool(array.any()) for array in found["numpy"].values())
    assert relative_difference(found["torch"], found["numpy"]) < 1e-11


OPTIONS: dict[str, dict[str, object]] = {
    "spatial_bp": {},
    "opzo": {"use": "after", "pairing": "none"},
}
