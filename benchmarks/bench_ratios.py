"""Ratios of times of one round, each with the interval of its median: what `make asv-check` judges.

A ratio to bare products of the same shapes, taken in turn in one process, says little about the
machine and much about the code. Lower is better. `<name>_low` and `<name>_high` are the interval's
ends; nothing is reported where the machine was disturbed.
"""

import subprocess
import sys

import numpy as np

from gradassay.bench.compare import DISTURBED, spread
from gradassay.bench.draws import run_draws
from gradassay.bench.suite import bench_network, run_bench
from gradassay.core.memory import keep_freed_memory
from gradassay.cost.timing import interleaved_seconds, median_interval

METHODS = ["spatial_bp", "opzo"]
# network: inputs, samples, rounds
STEPS = {
    "fc-800-800": ("784", 128, 25),
    "fc-64-64": ("64", 128, 41),
    "32C3-AP2-32C3-AP2-FC": ("1x28x28", 16, 15),
}
# network: inputs, samples, replicates, rounds
DRAWS = {"fc-64": ("64", 16, 256, 15), "fc-800": ("784", 128, 12, 15)}


def interval_ends(interval, disturbed):
    """Return value, low and high, or not-a-numbers."""
    ends = (interval.value, interval.low, interval.high)
    return (float("nan"),) * 3 if disturbed else ends


class StepToFloor:
    """A training step over the products that it cannot do without."""

    params = [list(STEPS), METHODS]
    param_names = ["network", "estimator"]
    timeout = 600

    def setup_cache(self):
        keep_freed_memory()
        found = {}
        for name, (inputs, samples, rounds) in STEPS.items():
            network = bench_network(name, inputs, 10, 6)
            seen = run_bench(network, samples, METHODS, rounds=rounds, peers=False)
            for one in seen.timings:
                found[name, one.name] = interval_ends(one.to_floor, seen.disturbed)
        return found

    def track_step(self, found, network, estimator):
        return found[network, estimator][0]

    def track_step_low(self, found, network, estimator):
        return found[network, estimator][1]

    def track_step_high(self, found, network, estimator):
        return found[network, estimator][2]


class Draws:
    """Folded draws over their products, and over the same draws in a plain loop."""

    params = [list(DRAWS), METHODS, ["floor", "loop"]]
    param_names = ["network", "estimator", "over"]
    timeout = 600

    def setup_cache(self):
        keep_freed_memory()
        found = {}
        for name, (inputs, samples, replicates, rounds) in DRAWS.items():
            network = bench_network(name, inputs, 10, 6)
            seen = run_draws(network, samples, METHODS, replicates, rounds=rounds)
            timings = {one.name: one for one in seen.timings}
            for method in METHODS:
                folded = timings[f"{method}, folded"]
                loop = folded.faster_than[f"{method}, one by one"]
                of_loop = (1 / loop.value, 1 / loop.high, 1 / loop.low)
                found[name, method, "floor"] = interval_ends(folded.to_floor, seen.disturbed)
                found[name, method, "loop"] = (float("nan"),) * 3 if seen.disturbed else of_loop
        return found

    def track_draws(self, found, network, estimator, over):
        return found[network, estimator, over][0]

    def track_draws_low(self, found, network, estimator, over):
        return found[network, estimator, over][1]

    def track_draws_high(self, found, network, estimator, over):
        return found[network, estimator, over][2]


class Start:
    """Importing the package, and the command's help, over importing torch."""

    params = ["import", "help"]
    param_names = ["start"]

    def setup_cache(self):
        commands = {
            "torch": [sys.executable, "-c", "import torch"],
            "import": [sys.executable, "-c", "import gradassay"],
            "help": [sys.executable, "-m", "gradassay", "--help"],
        }
        runs = {
            name: lambda _, words=words: subprocess.run(words, capture_output=True, check=True)
            for name, words in commands.items()
        }
        seconds = {n: np.array(s) for n, s in interleaved_seconds(runs, 11).items()}
        disturbed = spread(list(seconds["torch"])) > DISTURBED
        return {
            name: interval_ends(median_interval(list(seconds[name] / seconds["torch"])), disturbed)
            for name in self.params
        }

    def track_start(self, found, start):
        return found[start][0]

    def track_start_low(self, found, start):
        return found[start][1]

    def track_start_high(self, found, start):
        return found[start][2]


for tracked in (StepToFloor, Draws, Start):
    for verb in vars(tracked):
        if verb.startswith("track_"):
            getattr(tracked, verb).unit = "ratio"
            getattr(tracked, verb).version = "1"
