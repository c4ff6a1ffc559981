"""Functions that users call say in one line what is wrong with what they were given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gradassay import frames
from gradassay.core.builders import network_named
from gradassay.core.claims import Passes
from gradassay.core.errors import GradassayError
from gradassay.core.network import Network
from gradassay.core.noise import NoiseModel
from gradassay.cost import closed_form
from gradassay.cost.declared import Declared
from gradassay.crosscheck.golden import read_pack
from gradassay.crosscheck.nir import find_dialect, read_graph
from gradassay.datasets import Framing, dataset_status, load_dataset
from gradassay.estimators import make_estimator
from gradassay.estimators.dfa import DFA
from gradassay.reports import read_results, write_report, write_results
from gradassay.sweeps import read_grid, read_sweep
from gradassay.training import TrainingSettings, named_recipe
from gradassay.verify import Design, Settings, check_estimator, parametrize_with_checks, verify
from tests.cli.wrong_files import LONG, write_wrong_files

NAN, HUGE = float("nan"), 2**70
anything: Any = object()  # what no function takes


def network() -> Network:
    return network_named("fc-4", 3, 2)


def problem() -> Any:
    return frames.problem("digits", network="fc-4", steps=2)


def passes() -> Declared:
    return Declared(Passes(1, 1), online=True)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "dataset": (lambda: frames.problem("digitz"), "Did you mean 'digits'?"),
    "dataset type": (lambda: frames.problem(anything), "dataset: got <object"),
    "option": (lambda: frames.problem(netwrok="fc-4"), "Did you mean 'network'?"),
    "network type": (lambda: frames.problem(network=4), "network: got 4"),
    "steps type": (lambda: frames.problem(steps="two"), "steps: got 'two'"),
    "steps 2.5": (lambda: frames.problem(steps=2.5), "steps: got 2.5"),
    "seed type": (lambda: frames.problem(seed="x"), "seed: got 'x'"),
    "seed None": (lambda: frames.problem(seed=None), "seed: got None"),
    "seed huge": (lambda: frames.problem(seed=HUGE), "--seed: got 1180591620717411303424"),
    "samples": (lambda: frames.problem(train_samples=0), "got 0; expected 1 to 1,437"),
    "samples type": (lambda: frames.problem(train_samples="x"), "train_samples: got 'x'"),
    "gain": (lambda: frames.problem(gain=NAN), "gain: got nan"),
    "gain type": (lambda: frames.problem(gain="x"), "gain: got 'x'"),
    "loss": (lambda: frames.problem(mse_weight=2.0), "mse_weight: got 2.0"),
    "backend type": (lambda: frames.problem(backend=3), "backend: got 3"),
    "device": (lambda: frames.problem(device="tpu"), "device: got 'tpu'"),
    "no problem": (lambda: frames.measure(anything, "dfa"), "problem: got <object"),
    "no estimator": (lambda: frames.measure(problem(), []), "estimators: got none"),
    "estimator": (lambda: frames.measure(problem(), "dfaa"), "Did you mean 'dfa'?"),
    "estimator type": (lambda: frames.measure(problem(), anything), "estimators: got <object"),
    "estimator in it": (lambda: frames.cost(problem(), {"x": anything}), "estimators: got <obj"),
    "estimator class": (lambda: frames.cost(problem(), {"x": DFA}), "estimators: got <class"),
    "budget": (lambda: frames.measure(problem(), "dfa", budget=1), "budget: got 1"),
    "batch size": (lambda: frames.measure(problem(), "dfa", batch_size=0), "batch_size: got 0"),
    "epochs": (lambda: frames.train(problem(), "dfa", epochs=0), "epochs: got 0"),
    "epochs 1.5": (lambda: frames.train(problem(), "dfa", epochs=1.5), "epochs: got 1.5"),
    "epohcs": (lambda: frames.train(problem(), "dfa", epohcs=1), "Did you mean 'epochs'?"),
    "table": (lambda: frames.save("o", seed=0, trainin=pd.DataFrame()), "Did you mean 'training'?"),
    "column": (lambda: frames.save("o", seed=0, training=pd.DataFrame()), "has no column subject"),
    "frame": (lambda: frames.save("o", seed=0, training=anything), "training: got object"),
    "save seed": (lambda: frames.save("o", seed=anything), "seed: got <object"),
    "in the way": (lambda: frames.save("results", seed=0), "already holds results"),
    "read": (lambda: frames.read("none"), "does not exist"),
    "columns": (lambda: frames.columns("trainin"), "Did you mean 'training'?"),
    "verify nothing": (lambda: verify({}), "estimators: got {}"),
    "verify name": (lambda: verify("dfa"), "estimators: got 'dfa'"),  # type: ignore[arg-type]
    "verify a name": (lambda: verify({"x": "dfa"}), "estimators: got 'dfa'"),  # type: ignore[dict-item]
    "verify class": (lambda: verify({"x": DFA}), "got the class DFA"),  # type: ignore[dict-item]
    "suite": (lambda: verify({"dfa": DFA()}, suite="quik"), "Did you mean 'quick'?"),
    "workers": (lambda: verify({"dfa": DFA()}, workers=0), "workers: got 0"),
    "verify seed": (lambda: verify({"dfa": DFA()}, seed=anything), "seed: got <object"),
    "check name": (lambda: check_estimator("dfa"), "make_estimator(NAME)"),  # type: ignore[arg-type]
    "check class": (lambda: check_estimator(DFA), "got the class DFA"),  # type: ignore[arg-type]
    "pytest nothing": (lambda: parametrize_with_checks([]), "estimators: got {}"),
    "pytest name": (lambda: parametrize_with_checks(["dfa"]), "got 'dfa'"),  # type: ignore[list-item]
    "margin": (lambda: Settings(margin=NAN), "margin: got nan"),
    "rate": (lambda: Settings(false_alarm_rate=1), "false alarm rate: got 1"),
    "effort": (lambda: Settings(budget=1.5), "budget: got 1.5"),  # type: ignore[arg-type]
    "time": (lambda: Settings(time_limit=float("inf")), "time limit: got inf"),
    "settings seed": (lambda: Settings(seed=HUGE), "seed: got 1180591620717411303424"),
    "name type": (lambda: make_estimator(anything), "estimator: got <object"),
    "name": (lambda: make_estimator("opzoo"), "Did you mean 'opzo'?"),
    "sum": (lambda: make_estimator("opzo+"), "estimator: got 'opzo+'"),
    "sum of one": (lambda: make_estimator("dfa+dfa"), "hybrid: got methods"),
    "method option": (lambda: make_estimator("opzo", alfa=1), "Did you mean 'alpha'?"),
    "method value": (lambda: make_estimator("opzo", alpha=-1), "alpha: got -1"),
    "network": (lambda: network_named("fd-4", 3, 2), "network: got 'fd-4'"),
    "network name": (lambda: network_named(anything, 3, 2), "network: got <object"),
    "inputs": (lambda: network_named("fc-4", 0, 2), "inputs: got 0"),
    "inputs type": (lambda: network_named("fc-4", anything, 2), "network inputs: got <object"),
    "inputs shape": (lambda: network_named("conv5", (3, 32), 2), "network inputs: got (3, 32)"),  # type: ignore[arg-type]
    "classes": (lambda: network_named("fc-4", 3, 0), "outputs: got 0"),
    "classes type": (lambda: network_named("fc-4", 3, anything), "network classes: got <object"),
    "T": (lambda: network_named("fc-4", 3, 2, steps=0), "steps: got 0"),
    "T 1.5": (lambda: network_named("fc-4", 3, 2, steps=1.5), "steps: got 1.5"),
    "T huge": (lambda: network_named("fc-4", 3, 2, steps=HUGE), "T of at most 1,000,000"),
    "no layers": (lambda: Network(()), "layer"),
    "noise scale": (lambda: NoiseModel(-1.0), "-1.0"),
    "noise law": (lambda: NoiseModel(1.0, "cauchy"), "noise law: got 'cauchy'"),  # type: ignore[arg-type]
    "spikes": (lambda: closed_form(network(), passes(), {"lif1": -1.0}), "spikes of lif1: got -1"),
    "spikes NaN": (lambda: closed_form(network(), passes(), {"lif1": NAN}), "of lif1: got nan"),
    "no spikes": (lambda: closed_form(network(), passes(), {}), "expected those of lif1 as well"),
    "results": (lambda: read_results("damaged_table"), "training.parquet: unreadable"),
    "results version": (lambda: read_results("newer"), "schema version 1000000; expected"),
    "results name": (lambda: read_results(LONG), "does not exist"),
    "write": (lambda: write_results("a_file", manifest={}), "'a_file' is a file"),
    "report": (lambda: write_report("none"), "does not exist"),
    "sweep": (lambda: read_sweep("none"), "no sweep"),
    "sweep column": (lambda: read_sweep("none", columns=["valu"]), "Did you mean 'value'?"),
    "sweep filter": (lambda: read_sweep("none", filters=[("valu", ">", 1)]), "column: got 'valu'"),
    "sweep damaged": (lambda: read_sweep("damaged_sweep"), "manifest.json: unreadable"),
    "grid": (lambda: read_grid("none.toml"), "No such file"),
    "data": (lambda: load_dataset("digitz"), "Did you mean 'digits'?"),
    "data type": (lambda: load_dataset(anything), "dataset: got <object"),
    "data damaged": (lambda: load_dataset("npz:damaged.npz"), "damaged.npz"),
    "status": (lambda: dataset_status("digitz"), "Did you mean 'digits'?"),
    "frames": (lambda: Framing(0), "steps: got 0"),
    "design": (lambda: Design.for_budget(DFA(), 1, batch_size=2), "budget: got 1"),
    "training": (lambda: TrainingSettings(epochs=0), "epochs: got 0"),
    "recipe": (lambda: named_recipe("x"), "recipe: got 'x'"),
    "pack": (lambda: read_pack(Path("none")), "none: no such file or directory"),
    "graph": (lambda: read_graph(Path("damaged.nir")), "damaged.nir: not an HDF5 file"),
    "dialect": (lambda: find_dialect("nors"), "Did you mean 'norse'?"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    write_wrong_files(folder)
    return folder


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_call_is_one_line_that_names_what_is_wrong(
    name: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    call, words = WRONG[name]
    with pytest.raises(GradassayError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (files / "o").exists()


def test_numbers_of_numpy_are_numbers() -> None:
    made = frames.problem("digits", network="fc-4", steps=np.int64(2), seed=np.int32(1))
    assert (made.network.steps, made.options.seed) == (2, 1)
