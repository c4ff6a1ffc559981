"""Names and settings of estimators and backends, as they are typed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gradassay.cli.main import main
from gradassay.core.errors import UsageError
from gradassay.estimators.dfa import DFA
from gradassay.estimators.opzo import OPZO
from gradassay.reference_snn import ReferenceBackend
from gradassay.training import read_metrics, recipe_for
from gradassay.workbench.backends import VERBS, backend_named
from gradassay.workbench.estimators import chosen_estimators

SUM = "opzo+0.01*local_learning"
HERE = """
from dataclasses import dataclass

from gradassay.estimators.dfa import DFA
from gradassay.reference_snn import ReferenceBackend


@dataclass(frozen=True)
class Doubled(DFA):
    @property
    def name(self):
        return "doubled"


class Placed(ReferenceBackend):
    def __init__(self, device="cpu"):
        self.device = device


ready = ReferenceBackend()
number = 3


def broken(dtype="float64"):
    raise RuntimeError("no licence")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A third party's module in the working folder."""
    (tmp_path / "third_party.py").write_text(HERE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "third_party", raising=False)
    return "third_party"


def test_names_are_split_by_commas_and_sums_stay_whole() -> None:
    chosen = chosen_estimators([f"dfa, {SUM}", "opzo + 0.5*dkp"], None)
    assert list(chosen) == ["dfa", SUM, "opzo+0.5*dkp"]
    assert [estimator.name for estimator in chosen.values()] == list(chosen)


def test_a_setting_is_split_at_the_last_dot_of_the_name() -> None:
    path = "gradassay.estimators.dfa:DFA"
    chosen = chosen_estimators(
        [f"{SUM},{path},opzo"], [f"{SUM}.alpha=0.5", f"{path}.gain=2.5", "opzo.law=rademacher"]
    )
    assert chosen[SUM].noise == OPZO(alpha=0.5).noise
    assert chosen[path] == DFA(gain=2.5)
    assert chosen["opzo"] == OPZO(law="rademacher")


def test_a_recipe_gives_options_that_settings_change() -> None:
    recipe = recipe_for("digits")
    chosen = chosen_estimators(["opzo,dfa"], ["opzo.momentum=0.5"], recipe.options_for)
    assert chosen["opzo"] == OPZO(**(recipe.options_for("opzo") | {"momentum": 0.5}))  # type: ignore[arg-type]
    assert chosen["dfa"] == DFA()


@pytest.mark.parametrize("setting", ["opzo=1", "opzo.=1", ".alpha=1", "opzo.alpha", "opzo.a b=1"])
def test_a_malformed_setting_is_shown(setting: str) -> None:
    with pytest.raises(UsageError, match=r"--set: got .*expected NAME.OPTION=VALUE"):
        chosen_estimators(["opzo"], [setting])


def test_a_third_partys_estimator_trains_under_the_name_that_was_typed(module: str) -> None:
    name = f"{module}:Doubled"
    options = ["--network", "fc-6", "--steps", "2", "--epochs", "1", "--train-samples", "100"]
    assert main(["train", "--estimators", f"{name},dfa", *options, "--out", "t"]) == 0
    rows = read_metrics("t.run/metrics.jsonl")
    assert [row.subject for row in rows] == [name, "dfa"]
    assert rows[0].train_loss == rows[1].train_loss


def test_the_verbs_are_those_of_the_contract() -> None:
    assert {"forward", "weight_gradient", "membrane_tangent", "name", "dtype"} <= set(VERBS)
    assert all(hasattr(ReferenceBackend(), verb) for verb in VERBS)


def test_backends_are_made_by_name(module: str) -> None:
    assert isinstance(backend_named("numpy"), ReferenceBackend)
    assert backend_named("torch").dtype is np.float32
    assert backend_named("torch", "float64").dtype is np.float64
    assert backend_named(f"{module}:ready").name == "numpy"
    placed = backend_named(f"{module}:Placed", device="other")
    assert placed.device == "other"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("jax", {}, "backend: got 'jax'; expected one of numpy, torch."),
        ("numpi", {}, "Did you mean 'numpy'?"),
        (":x", {}, "backend: got ':x'; expected one of"),
        ("no.such.module:x", {}, "cannot be loaded (ModuleNotFoundError: No module named 'no')"),
        (
            "third_party:missing",
            {},
            "cannot be loaded (AttributeError: module 'third_party' has no attribute",
        ),
        ("third_party:number", {}, "int without apply, asarray"),
        ("third_party:broken", {}, "cannot be made (RuntimeError: no licence)."),
        ("third_party:ready", {"device": "gpu"}, "device: got 'gpu' with the backend 'third_party"),
        ("numpy", {"device": "cuda"}, "device: got 'cuda' with the backend 'numpy'"),
        ("numpy", {"dtype": "float32"}, "dtype: got 'float32' with the backend 'numpy'"),
        ("torch", {"dtype": "float16"}, "dtype"),
    ],
)
def test_a_backend_that_cannot_be_had_is_one_line(
    name: str, options: dict[str, str], message: str, module: str
) -> None:
    with pytest.raises(UsageError) as caught:
        backend_named(name, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_entry_point_names_a_backend(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("mine", f"{module}:ready")
    monkeypatch.setattr("gradassay.core.plugins.entry_points", lambda group: [point])
    assert backend_named("mine").name == "numpy"
    with pytest.raises(UsageError, match="expected one of mine, numpy, torch"):
        backend_named("other")


@dataclass(frozen=True)
class EntryPoint:
    """What the package reads of an entry point."""

    name: str
    value: str


def test_a_misspelt_member_of_a_module_is_told_with_the_near_one(module: str) -> None:
    with pytest.raises(UsageError, match=r"Did you mean third_party:Doubled\?"):
        chosen_estimators([f"{module}:Doubles"], None)


def test_an_unknown_name_is_told_how_ones_own_is_given() -> None:
    with pytest.raises(UsageError, match="One of your own is module:attribute"):
        chosen_estimators(["mine"], None)


def test_a_learning_rate_that_nobody_chose_is_told(
    module: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "train",
        "--estimators",
        f"{module}:Doubled,dfa",
        "--network",
        "fc-4",
        "--steps",
        "2",
    ]
    assert main([*command, "--epochs", "1", "--train-samples", "64", "--out", "shared"]) == 0
    told = capsys.readouterr().err
    assert f"{module}:Doubled: learning rate 0.1, that of backpropagation" in told
    assert told.count("learning rate ") == 1
    assert main([*command, "--learning-rate", "0.02", "--out", "given"]) == 0
    assert "learning rate " not in capsys.readouterr().err
