"""Memory of an online estimate does not grow with the number of steps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import numpy as np
from gradassay.core.batch import Batch
from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.estimators.online import OnlineEstimate
from gradassay.torch_snn import TorchBackend

name, online = sys.argv[1], sys.argv[2] == "online"
backend = TorchBackend("float32")

def run(steps):
    network = network_named("fc-300", 20, 5, steps=steps)
    params = initial_params(network, Key(0), gain=2.0).map(backend.asarray)
    inputs, targets = np.full((64, 20), 0.5), np.zeros(64, dtype=int)
    batch = Batch(backend.asarray(inputs), backend.asarray(targets))
    estimator = make_estimator(name)
    state = estimator.init(backend, network, Key(1))
    if not online:
        estimator.estimate(backend, network, params, batch, state, Key(2))
        return
    blocks = OnlineEstimate(estimator, backend, network, batch, state, Key(2))
    while not blocks.finished:
        blocks.advance(params, 2)

def peak():
    # of this program's own memory: getrusage starts from that of the process which started it
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

run(6)
before = peak()
run(600)
print((peak() - before) / 1024)
"""


def grown(name: str, way: str) -> float:
    """Return by how many MiB the peak at T = 600 is above that at T = 6."""
    words = [sys.executable, "-c", SCRIPT, name, way]
    return float(subprocess.run(words, capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak there")
@pytest.mark.parametrize("name", ["spatial_bp", "opzo"])
def test_memory_is_flat_in_the_number_of_steps(name: str) -> None:
    # one array of all steps, 600 x 64 x 300 of float32, takes 44 MiB
    assert grown(name, "online") < 8
    assert grown(name, "whole") > 80
