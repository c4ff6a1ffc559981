"""Time and memory of estimates: one by one, folded, in blocks of steps; time to a certificate."""

import time

from benchmarks.common import ESTIMATORS, estimates, problem
from gradassay.core.keys import Key
from gradassay.estimators import make_estimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.verify.suite import verify


class Estimate:
    params = [ESTIMATORS]
    param_names = ["estimator"]

    def setup(self, name):
        self.run = estimates(name, problem())
        self.run()

    def time_batch_of_128(self, name):
        self.run()

    def peakmem_batch_of_128(self, name):
        self.run()


class Replicates:
    params = [ESTIMATORS]
    param_names = ["estimator"]

    def setup(self, name):
        self.run = estimates(name, problem(), samples=16)
        self.run(range(2))

    def time_64_folded(self, name):
        self.run(range(64))

    def peakmem_64_folded(self, name):
        self.run(range(64))

    def track_replicates_per_second(self, name):
        started, draws = time.perf_counter(), 0
        while time.perf_counter() - started < 2:
            self.run(range(64))
            draws += 64
        return draws / (time.perf_counter() - started)


class Streaming:
    """Step by step, as a chip would: memory does not grow with the number of steps."""

    params = [["spatial_bp", "dfa"], [6, 600]]
    param_names = ["estimator", "steps"]
    timeout = 300

    def peakmem_online(self, name, steps):
        on = problem(steps=steps)
        batch = on.batch([range(64)])
        estimator = make_estimator(name)
        state = estimator.init(on.backend, on.network, Key(2))
        online = OnlineEstimate(estimator, on.backend, on.network, batch, state, Key(3))
        while not online.finished:
            online.advance(on.params)


class Certificate:
    """Every check of the quick suite on one estimator."""

    params = [["spatial_bp", "opzo"]]
    param_names = ["estimator"]
    number, repeat, timeout = 1, 1, 600

    def time_quick_suite(self, name):
        results = verify({name: make_estimator(name)})
        assert all(result.verdict == "PASS" for result in results)


Replicates.track_replicates_per_second.unit = "replicates/s"
