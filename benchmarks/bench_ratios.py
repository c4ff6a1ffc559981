"""Ratios of times of one round, each with an interval: what `make asv-check` judges.

A ratio to bare products of the same shapes, taken in turn in one process, says little about the
machine and much about the code. Lower is better. Three processes measure each, since where arrays
come to lie differs between processes: the figure is the median of theirs, the interval covers all
their intervals, `<name>_low` to `<name>_high`. One that found the machine disturbed does not count
and is repeated; after three such nothing is reported.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from gradassay.bench.compare import DISTURBED, spread
from gradassay.cost.timing import interleaved_seconds, median_interval

METHODS = ["spatial_bp", "opzo"]
PROCESSES, DISTURBANCES = 3, 3
STEPS = {
    "fc-800-800": ["--rounds", "25"],
    "fc-64-64": ["--inputs", "64", "--rounds", "41"],
    "32C3-AP2-32C3-AP2-FC": ["--inputs", "1x28x28", "--batch-size", "16", "--rounds", "11"],
}
DRAWS = {
    "fc-64": ["--inputs", "64", "--batch-size", "16", "--replicates", "256", "--rounds", "11"],
    "fc-800": ["--batch-size", "128", "--replicates", "12", "--rounds", "9"],
}
NOTHING = (float("nan"),) * 3


def measured(network, words):
    """Return what each process found, by name: lists of timings; none if too disturbed."""
    found, disturbed, counted = {}, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.json"
        while counted < PROCESSES:
            command = [sys.executable, "-m", "gradassay", "bench", "--network", network, *words]
            command += ["--no-peers", "--json", str(file), "--overwrite"]
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode == 3:
                disturbed += 1
                if disturbed == DISTURBANCES:
                    return {}
                continue
            done.check_returncode()
            counted += 1
            for timing in json.loads(file.read_text())["timings"]:
                found.setdefault(timing["name"], []).append(timing)
    return found


def together(intervals):
    """Return the median of several medians, and the ends of all their intervals."""
    if not intervals:
        return NOTHING
    low = min(one["low"] for one in intervals)
    return median(one["value"] for one in intervals), low, max(one["high"] for one in intervals)


class StepToFloor:
    """A training step over the products that it cannot do without."""

    params = [list(STEPS), METHODS]
    param_names = ["network", "estimator"]
    timeout = 900

    def setup_cache(self):
        found = {}
        for network, words in STEPS.items():
            timings = measured(network, words)
            for method in METHODS:
                seen = [one["to_floor"] for one in timings.get(method, [])]
                found[network, method] = together(seen)
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
    timeout = 900

    def setup_cache(self):
        found = {}
        for network, words in DRAWS.items():
            timings = measured(network, words)
            for method in METHODS:
                folded = timings.get(f"{method}, folded", [])
                found[network, method, "floor"] = together([one["to_floor"] for one in folded])
                loops = [one["faster_than"][f"{method}, one by one"] for one in folded]
                value, low, high = together(loops)
                found[network, method, "loop"] = (1 / value, 1 / high, 1 / low)
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
        if spread(list(seconds["torch"])) > DISTURBED:
            return dict.fromkeys(self.params, NOTHING)
        found = {}
        for name in self.params:
            ratio = median_interval(list(seconds[name] / seconds["torch"]))
            found[name] = (ratio.value, ratio.low, ratio.high)
        return found

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
            getattr(tracked, verb).version = "2"
