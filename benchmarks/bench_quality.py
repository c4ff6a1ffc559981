"""Tracked figures, lower is better: error against surrogate BP, bias bound, operations,
test error of a short training.

They are statistics of fixed seeds: a change means that the numbers changed, not the machine.
"""

import numpy as np

from benchmarks.common import ESTIMATORS, problem
from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.cost import cost_rows
from gradassay.datasets.load import load_dataset
from gradassay.estimators import make_estimator
from gradassay.torch_snn import TorchBackend
from gradassay.training.data import place_data
from gradassay.training.loop import train
from gradassay.training.settings import TrainingSettings
from gradassay.verify.measuring.design import Design
from gradassay.verify.measuring.measurement import measure
from gradassay.verify.suite import verify


class Measured:
    params = [ESTIMATORS]
    param_names = ["estimator"]

    def setup(self, name):
        design = Design(blocks=16, batches=4, draws=4, batch_size=16, warmup=50)
        rows = measure({name: make_estimator(name)}, problem(), {name: design}, seed=0)
        self.rows = {row.quantity: row for row in rows if row.layer == "total"}

    def track_mean_squared_error(self, name):
        return self.rows["mean_squared_error"].value

    def track_total_variance(self, name):
        return self.rows["total_variance"].value

    def track_squared_bias_upper_bound(self, name):
        return self.rows["squared_bias"].high


class Operations:
    params = [ESTIMATORS]
    param_names = ["estimator"]
    unit = "operations"

    def track_operations_per_update(self, name):
        on = problem()
        rows = cost_rows(
            {name: make_estimator(name)},
            on.backend,
            on.network,
            on.params,
            on.batch([np.arange(64)]),
            Key(0),
            on.name,
            repeats=6,
        )
        return next(row.value for row in rows if row.quantity == "operations")


class Exactness:
    params = [ESTIMATORS]
    param_names = ["estimator"]

    def track_largest_relative_difference_of_exact_checks(self, name):
        return max(result.measured for result in verify({name: make_estimator(name)}, seed=0))


class ShortTraining:
    params = [["spatial_bp", "dfa", "opzo"]]
    param_names = ["estimator"]
    unit = "%"
    version = "1"

    def track_test_error_of_digits_after_five_epochs(self, name):
        backend, data = TorchBackend("float32"), load_dataset("digits")
        network = network_named("fc-100-100", data.train_inputs.shape[1], 10, steps=6)
        settings = TrainingSettings(epochs=5, batch_size=64, learning_rate=0.1, seed=0)
        outcome = train(
            make_estimator(name),
            backend,
            network,
            initial_params(network, Key(0), gain=2.0),
            place_data(backend, data),
            settings,
        )
        return 100 * (1 - outcome.epochs[-1].test_accuracy)


Measured.track_mean_squared_error.unit = "relative"
Measured.track_total_variance.unit = "relative"
Measured.track_squared_bias_upper_bound.unit = "relative"
for tracked in (
    Measured.track_mean_squared_error,
    Measured.track_total_variance,
    Measured.track_squared_bias_upper_bound,
    Operations.track_operations_per_update,
    Exactness.track_largest_relative_difference_of_exact_checks,
):
    tracked.version = "1"
