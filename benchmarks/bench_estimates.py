"""Time and memory of estimates, one by one and folded."""

from benchmarks.common import ESTIMATORS, estimates, problem


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
