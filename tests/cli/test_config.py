"""Options from a TOML file, under those of the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradassay.cli.main import main

FILE = """
network = "fc-6"
steps = 2
estimators = "dfa,opzo"
epochs = 2
train-samples = 64
optimiser = "adamw"
schedule = "step"
milestones = [0.3, 0.6]
mse_weight = 0.25
set = ["opzo.alpha=0.1"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(FILE)
    return path


def test_options_of_the_file_hold_where_the_command_line_says_nothing(
    config: Path, tmp_path: Path
) -> None:
    out = tmp_path / "t"
    assert main(["train", "--config", str(config), "--epochs", "1", "--out", str(out)]) == 0
    told = json.loads((out / "manifest.json").read_text())["settings"]
    assert "optimiser='adamw'" in told["training"]["opzo"]
    assert "epochs=1" in told["training"]["opzo"]
    assert "schedule='step', milestones=(0.3, 0.6)" in told["training"]["opzo"]
    assert "alpha=0.1" in told["estimators"]["opzo"]
    assert json.loads(told["network"])["loss"] == {"mse_weight": 0.25}


def test_a_file_has_no_effect_on_the_next_command(config: Path, tmp_path: Path) -> None:
    main(["train", "--config", str(config), "--epochs", "1", "--out", str(tmp_path / "one")])
    words = ["train", "--network", "fc-6", "--steps", "2", "--epochs", "1"]
    words += ["--train-samples", "64", "--estimators", "dfa"]
    assert main([*words, "--out", str(tmp_path / "two")]) == 0
    told = json.loads((tmp_path / "two" / "manifest.json").read_text())["settings"]
    assert "optimiser='sgd'" in told["training"]["dfa"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epohcs = 3", "Did you mean --epochs?"),
        ('epochs = "x"', 'unable to convert "x" into int'),
        ("epochs = ", "expected a TOML file"),
        ("epochs = 0", "epochs: got 0; expected an integer of at least 1."),
        ("mse_weight = 2.0", "mse_weight: got 2.0"),
        ('optimiser = "adam"', "optimiser"),
    ],
)
def test_a_wrong_file_is_one_line(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    assert main(["train", "--config", str(path), "--out", str(tmp_path / "t")]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--config"], "--config: got no file"), (["--config", "none.toml"], "No such file")],
)
def test_a_file_that_is_not_there_is_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words]) == 2
    assert message in capsys.readouterr().err
