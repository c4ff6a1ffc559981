"""``pytest --gradassay=NAME`` in a process of its own: checks are tests, faults fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"

WRONG = """
from dataclasses import dataclass

from gradassay.crosscheck.torch_implementation import TorchImplementation
from gradassay.estimators.dfa import DFA
from my_neuron import Spike


@dataclass(frozen=True)
class Wrong(DFA):
    def top_down(self, *arguments):
        return -super().top_down(*arguments)


class Strict(TorchImplementation):
    name = "strict"

    def make(self, neuron, units, dtype):
        return neuron

    def step(self, node, current, state):
        u = current if state is None else node.leak * state + current
        spikes = Spike.apply(u, node.threshold) * (u > node.threshold)
        return spikes, u, u - node.threshold * spikes.detach()
"""


def pytest_run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "wrong.py").write_text(WRONG)
    path = os.pathsep.join((str(folder), str(EXAMPLES)))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_a_right_estimator_and_a_right_implementation_pass(tmp_path: Path) -> None:
    done = pytest_run(
        tmp_path, "--gradassay=new_estimator:SparseDFA", "--gradassay=my_neuron:Mine", "-vv"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "well_formed[new_estimator:SparseDFA, " in done.stdout
    assert "conventions_as_claimed[mine, single neurons]" in done.stdout


def test_faults_fail_and_the_text_says_what(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, "--gradassay=wrong:Wrong", "--gradassay=wrong:Strict")
    assert done.returncode == 1
    assert "FAIL feeds_back_its_matrices: wrong:Wrong" in done.stdout
    assert "spikes where u > V, expected spikes where u >= V" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_unknown_name_is_one_line(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, "--gradassay=opzoo")
    assert done.returncode == 4
    assert "estimator: got 'opzoo'; expected one of" in done.stdout + done.stderr


def test_without_the_option_nothing_is_added(tmp_path: Path) -> None:
    assert pytest_run(tmp_path).returncode == 5
