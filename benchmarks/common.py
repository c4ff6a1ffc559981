"""One problem that all benchmarks share: digits-sized data, two hidden layers, fixed seeds."""

import numpy as np

from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.torch_snn import TorchBackend
from gradassay.verify.measuring.problem import Problem

ESTIMATORS = ["spatial_bp", "bptt", "dfa", "zo_single_point", "opzo"]
SAMPLES, FEATURES, CLASSES = 400, 64, 10


def problem(network_name="fc-100-100", steps=6):
    """Random inputs of the size of digits, so that no data set is needed."""
    network = network_named(network_name, FEATURES, CLASSES, steps=steps)
    generator = Key(1).generator()
    return Problem.build(
        network_name,
        TorchBackend("float32"),
        network,
        initial_params(network, Key(0), gain=2.0),
        generator.random((SAMPLES, FEATURES), dtype=np.float32),
        generator.integers(0, CLASSES, SAMPLES),
    )


def estimates(name, on, samples=128):
    """Return a function that makes one estimate on a batch."""
    estimator = make_estimator(name)
    state = estimator.init(on.backend, on.network, Key(2))
    batch = on.batch([np.arange(samples)])

    def run(replicates=None):
        return estimator.estimate(
            on.backend, on.network, on.params, batch, state, Key(3), replicates=replicates
        )

    return run
