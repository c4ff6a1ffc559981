"""What `train` can be told: networks of convolutions, fewer samples, updates, gain, backend."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from gradassay.cli.main import main
from gradassay.core.errors import ConfigurationError
from gradassay.datasets import load_dataset
from gradassay.training import read_metrics
from gradassay.workbench.options import ProblemOptions, StartOptions
from gradassay.workbench.workbench import Workbench

QUICK = ["--steps", "2", "--epochs", "1", "--train-samples", "64"]


def trained(folder: Path, *arguments: str) -> pd.DataFrame:
    assert main(["train", *QUICK, *arguments, "--out", str(folder)]) == 0
    return pd.read_parquet(folder / "training.parquet")


def manifest(folder: Path) -> dict[str, object]:
    settings: dict[str, object] = json.loads((folder / "manifest.json").read_text())["settings"]
    return settings


def test_a_network_of_convolutions_trains(tmp_path: Path) -> None:
    rows = trained(
        tmp_path / "c", "--network", "3C3-AP2-4C3-FC", "--estimators", "spatial_bp,dfa,opzo"
    )
    assert list(rows["subject"]) == ["spatial_bp", "dfa", "opzo"]
    assert rows["train_loss"].between(0.1, 10).all()
    network = json.loads(str(manifest(tmp_path / "c")["network"]))
    assert network["layers"][0]["input_shape"] == [1, 8, 8]


def test_sums_train_and_keep_their_names(tmp_path: Path) -> None:
    name = "opzo+0.01*local_learning"
    rows = trained(tmp_path / "s", "--network", "fc-6", "--estimators", name)
    assert list(rows["subject"]) == [name]
    assert read_metrics(tmp_path / "s.run" / "metrics.jsonl")[0].subject == name
    assert "local_learning" in (tmp_path / "s" / "report.html").read_text()


def test_fewer_samples_are_in_the_records(tmp_path: Path) -> None:
    rows = trained(tmp_path / "f", "--network", "fc-6", "--estimators", "dfa")
    assert set(rows["problem"]) == {"digits, fc-6, T=2, 64 training samples"}
    assert manifest(tmp_path / "f")["train_samples"] == 64


def test_updates_at_each_step_train_to_other_numbers(tmp_path: Path) -> None:
    options = ["--network", "fc-6", "--estimators", "opzo", "--learning-rate", "0.3"]
    losses = {
        update: trained(tmp_path / update, *options, "--update", update)["train_loss"][0]
        for update in ("sequence", "step")
    }
    assert losses["sequence"] != losses["step"]
    assert "update='step'" in str(manifest(tmp_path / "step")["training"])


def test_the_gain_scales_the_initial_weights() -> None:
    options = ProblemOptions(network="fc-6", backend="numpy")
    plain, wide = Workbench.prepare(options), Workbench.prepare(options, StartOptions(gain=5.0))
    scaled = plain.params["hidden1.weight"] * (5.0 / plain.recipe.gain)
    assert wide.params["hidden1.weight"] == pytest.approx(scaled, rel=1e-12)
    assert wide.settings({})["gain"] == 5.0


def test_both_backends_train_alike(tmp_path: Path) -> None:
    options = ["--network", "fc-6", "--estimators", "opzo"]
    losses = {
        backend: trained(tmp_path / backend, *options, "--backend", backend)["train_loss"][0]
        for backend in ("numpy", "torch")
    }
    assert losses["torch"] == pytest.approx(losses["numpy"], rel=1e-3)
    assert manifest(tmp_path / "numpy")["backend"] == "numpy"
    assert manifest(tmp_path / "numpy")["dtype"] == "float64"
    assert manifest(tmp_path / "torch")["dtype"] == "float32"


def test_data_without_an_image_shape_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = dataclasses.replace(load_dataset("digits"), shape=(64,))
    monkeypatch.setattr("gradassay.workbench.workbench.load_dataset", lambda *_, **__: flat)
    with pytest.raises(ConfigurationError, match=r"got 64 features; expected \(channels, rows"):
        Workbench.prepare(ProblemOptions(network="3C3-FC", backend="numpy"))
    assert Workbench.prepare(ProblemOptions(network="fc-6", backend="numpy")).network.inputs == 64
