"""The command line as a user meets it: outputs, exit codes, files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gradassay.cli.main import main

SMALL = ["--network", "fc-12-8", "--steps", "3", "--epochs", "1", "--budget", "256"]
FILES = {
    "checks.parquet",
    "cost.parquet",
    "cost_curves.parquet",
    "exponents.parquet",
    "manifest.json",
    "measurements.parquet",
    "moments.parquet",
    "report.html",
    "scaling.parquet",
    "training.parquet",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "results"
    assert main(["run", *SMALL, "--out", str(folder)]) == 0
    return folder


def test_run_writes_a_whole_results_folder_and_its_report(results: Path) -> None:
    assert {path.name for path in results.iterdir()} == FILES
    manifest = json.loads((results / "manifest.json").read_text())
    assert manifest["seed"] == 0
    assert manifest["data_checksums"]
    assert set(manifest["settings"]["estimators"]) == {
        "spatial_bp",
        "dfa",
        "zo_single_point",
        "opzo",
    }
    training = pd.read_parquet(results / "training.parquet")
    assert list(training["epoch"]) == [1, 1, 1, 1]
    checks = pd.read_parquet(results / "checks.parquet")
    assert set(checks["verdict"]) == {"PASS"}
    assert set(checks["level"]) == {0, 1, 2}
    measured = pd.read_parquet(results / "measurements.parquet")
    assert (measured["low"] <= measured["value"]).all()
    assert (measured["value"] <= measured["high"]).all()
    assert set(measured["layer"]) == {"hidden1", "hidden2", "readout", "total"}
    html = (results / "report.html").read_text()
    for name in ("spatial_bp", "dfa", "zo_single_point", "opzo"):
        assert name in html


def test_zeroth_order_is_far_noisier_than_opzo(results: Path) -> None:
    measured = pd.read_parquet(results / "measurements.parquet")
    total = measured[(measured["layer"] == "total") & (measured["quantity"] == "total_variance")]
    low = dict(zip(total["subject"], total["low"], strict=True))
    high = dict(zip(total["subject"], total["high"], strict=True))
    assert low["zo_single_point"] > 20 * high["opzo"]


def test_the_same_seed_gives_the_same_rows(results: Path, tmp_path: Path) -> None:
    assert main(["run", *SMALL, "--out", str(tmp_path / "again")]) == 0
    for name in ("measurements", "checks"):
        first = pd.read_parquet(results / f"{name}.parquet")
        pd.testing.assert_frame_equal(
            first, pd.read_parquet(tmp_path / "again" / f"{name}.parquet")
        )
    columns = ["subject", "epoch", "train_loss", "train_accuracy", "test_accuracy"]
    first = pd.read_parquet(results / "training.parquet")[columns]
    again = pd.read_parquet(tmp_path / "again" / "training.parquet")[columns]
    pd.testing.assert_frame_equal(first, again)


def test_results_are_never_overwritten_without_being_asked(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (results / "manifest.json").read_bytes()
    assert main(["run", *SMALL, "--out", str(results)]) == 2
    assert "already holds results" in capsys.readouterr().err
    assert (results / "manifest.json").read_bytes() == before


def test_report_makes_the_page_again(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(results), "--page", str(page), "--markdown"]) == 0
    assert page.read_text() == (results / "report.html").read_text()


def test_measure_and_train_write_their_part(tmp_path: Path) -> None:
    options = ["--network", "fc-6", "--steps", "2", "--estimators", "opzo,dfa"]
    assert main(["measure", *options, "--budget", "256", "--out", str(tmp_path / "m")]) == 0
    assert len(pd.read_parquet(tmp_path / "m" / "training.parquet")) == 0
    assert set(pd.read_parquet(tmp_path / "m" / "cost.parquet")["subject"]) == {"opzo", "dfa"}
    assert main(["train", *options, "--epochs", "2", "--out", str(tmp_path / "t")]) == 0
    rows = pd.read_parquet(tmp_path / "t" / "training.parquet")
    assert list(rows["epoch"]) == [1, 2, 1, 2]
    metrics = (tmp_path / "t.run/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["test_accuracy"] for line in metrics] == list(rows["test_accuracy"])


def test_one_fault_is_one_block_and_a_line_that_says_where_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weak_dfa.py").write_text(
        "from gradassay.estimators.dfa import DFA\n"
        "class Weak(DFA):\n"
        "    def top_down(self, *arguments):\n"
        "        return 0.5 * super().top_down(*arguments)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["verify", "weak_dfa:Weak", "--checks", "feeds_back_its_matrices"]) == 1
    printed = capsys.readouterr().out
    assert "0 of 8 checks" in printed
    assert printed.count("  claim ") == 1
    assert "FAIL feeds_back_its_matrices: 7 more, on fc-8, T=6, hard reset, " in printed


def test_verify_writes_certificate_and_junit_and_marks_expected_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong_dfa.py").write_text(
        "from gradassay.estimators.dfa import DFA\n"
        "class Wrong(DFA):\n"
        "    def top_down(self, *arguments):\n"
        "        return 1.01 * super().top_down(*arguments)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    command = ["verify", "wrong_dfa:Wrong", "dfa", "--workers", "2", "--json", "c.json"]
    assert main([*command, "--junit", "j.xml"]) == 1
    certificate = json.loads(Path("c.json").read_text())
    verdicts = {(c["subject"], c["check"]): c["verdict"] for c in certificate["checks"]}
    assert verdicts["wrong_dfa:Wrong", "matches_oracle"] == "FAIL"
    assert verdicts["dfa", "matches_oracle"] == "PASS"
    assert "1.01 times the expected one" in capsys.readouterr().out
    assert "<failure" in Path("j.xml").read_text()
    failed = sorted({check for (s, check), v in verdicts.items() if v == "FAIL"})
    tables = (
        f'[[expected]]\nsubject = "wrong_dfa:Wrong"\ncheck = "{check}"\nreason = "a gain"\n'
        for check in failed
    )
    Path("expected.toml").write_text("".join(tables))
    assert main([*command, "--overwrite", "--expected-failures", "expected.toml"]) == 0
    assert "XFAIL matches_oracle" in capsys.readouterr().out


def test_only_the_chosen_checks_are_run(tmp_path: Path) -> None:
    out = tmp_path / "c.json"
    assert main(["verify", "opzo", "--checks", "noise_as_claimed", "--json", str(out)]) == 0
    checks = json.loads(out.read_text())["checks"]
    assert {(one["check"], one["verdict"]) for one in checks} == {("noise_as_claimed", "PASS")}
    assert len({one["problem"] for one in checks}) == len(checks) == 3
    assert all(0 < one["false_alarm_rate"] < 0.01 for one in checks)


def test_set_changes_an_option(tmp_path: Path) -> None:
    out = tmp_path / "m"
    arguments = ["verify", "opzo", "--set", "opzo.alpha=0.5", "--set", "opzo.law=rademacher"]
    assert main([*arguments, "--out", str(out)]) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert "alpha=0.5" in manifest["settings"]["estimators"]["opzo"]
    assert "rademacher" in manifest["settings"]["estimators"]["opzo"]


def test_verify_and_zoo_and_data_list_succeed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    assert main(["zoo"]) == 0
    assert main(["data", "list"]) == 0
    assert main(["data", "check", "digits"]) == 0
    printed = capsys.readouterr().out
    for word in ("PASS opzo: level 1", "zo_single_point", "fashion-mnist", "complete"):
        assert word in printed


@pytest.mark.parametrize(
    "command", ["", "run", "verify", "measure", "train", "report", "data", "zoo"]
)
def test_help_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert f"Usage: gradassay {command}".strip() in capsys.readouterr().out


def broken_data(folder: Path, problem: str) -> Path:
    """A Fashion-MNIST folder with something wrong in it."""
    folder.mkdir()
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    names = [f"{part}-{kind}" for part in ("train", "t10k") for kind in kinds]
    for name in names if problem != "missing" else names[:3]:
        rank = 3 if "idx3" in name else 1
        shape = [2, 28, 28][:rank]
        header = bytes([0, 0, 8, rank]) + np.array(shape, ">u4").tobytes()
        body = bytes(int(np.prod(shape)))
        (folder / name).write_bytes(header + (body[:-1] if problem == "truncated" else body))
    return folder


BAD_INPUT: list[tuple[list[str], str]] = [
    (["verify", "opzoo"], "estimator: got 'opzoo'; expected one of bptt, dfa"),
    (["run", "--estimators", "opzo,dfaa"], "estimator: got 'dfaa'"),
    (["run", "--estimators", ","], "estimators: got none"),
    (["run", "--dataset", "mnists"], "dataset: got 'mnists'"),
    (["run", "--network", "fc"], "network: got 'fc'; expected fc-N-N"),
    (["run", "--steps", "0"], "steps: got 0; expected T of at least 1"),
    (["run", "--device", "tpu"], "device"),
    (["run", "--device", "cuda:7"], "device"),
    (["run", "--budget", "10"], "budget: got 10; expected at least 256"),
    (["run", "--batch-size", "0"], "design batch_size: got 0"),
    (["measure", "--batch-size", "100000"], "batch size: got 100000; expected 1 to"),
    (["train", "--epochs", "0"], "epochs: got 0"),
    (["train", "--learning-rate", "-1"], "learning_rate: got -1"),
    (["train", "--train-batch-size", "0"], "batch_size: got 0"),
    (["verify", "opzo", "--set", "opzo.alpha=0"], "alpha: got 0; expected a positive number"),
    (["verify", "opzo", "--set", "opzo.alpha=-1"], "alpha: got -1"),
    (["verify", "opzo", "--set", "opzo.alpha=big"], "alpha: got 'big'"),
    (["verify", "opzo", "--set", "opzo.momentum=1.0"], "lambda (momentum): got 1.0"),
    (["verify", "opzo", "--set", "opzo.momentum=-0.5"], "lambda (momentum): got -0.5"),
    (["verify", "opzo", "--set", "opzo.colour=1"], "opzo option: got 'colour'"),
    (["verify", "opzo+0.01*local_lerning"], "Did you mean 'local_learning'"),
    (["verify", "opzo+0.0.1*dfa"], "estimator: got 'opzo+0.0.1*dfa'; expected a name, or a sum"),
    (["train", "--estimators", "opzo+x*dfa"], "estimator: got 'opzo+x*dfa'"),
    (["verify", "dfa", "--margin", "2"], "margin: got 2.0; expected a number in (0, 1)"),
    (["verify", "dfa", "--false-alarm-rate", "0"], "false alarm rate: got 0.0"),
    (["verify", "dfa", "--budget", "0"], "budget: got 0"),
    (["verify", "dfa", "--time-limit", "-1"], "time limit: got -1.0"),
    (["verify", "dfa", "--workers", "0"], "workers: got 0; expected at least 1"),
    (["verify", "dfa", "--suite", "quik"], "Did you mean 'quick'"),
    (["verify", "dfa", "--checks", "unbiassed"], "check: got 'unbiassed'; expected one of"),
    (["verify", "dfa", "--json", "/no/such/c.json"], "whose folder does not exist"),
    (["verify", "dfa", "--junit", "/"], "--junit: '/' is there; expected a new file"),
    (["verify", "dfa", "--expected-failures", "/no/such"], "/no/such: cannot be read"),
    (["measure", "--estimators", "dfa+spsa"], "layer by layer, and SPSA is not"),
    (["run", "--estimators", "no.such:Method"], "estimator: got 'no.such:Method'"),
    (["verify", "opzo+dfa", "--set", "opzo.alpha=1"], "'opzo' is not among the chosen"),
    (["train", "--network", "32C3"], "network: got '32C3'; expected <channels>C<kernel>"),
    (["train", "--network", "32C3-AP9-FC"], "pool1.kernel: got 9; expected 1 to the rows"),
    (["train", "--network", "resnet18x"], "network: got 'resnet18x'"),
    (["train", "--train-samples", "99999"], "--train-samples: got 99999; expected 1 to 1,437"),
    (["run", "--train-samples", "0"], "--train-samples: got 0; expected 1 to"),
    (["train", "--gain", "-1"], "--gain: got -1; expected a positive number"),
    (["train", "--gain", "nan"], "--gain: got nan; expected a positive number"),
    (["train", "--update", "batch"], "update"),
    (["train", "--estimators", "opzo,bptt", "--update", "step"], "bptt: got an estimator that"),
    (["run", "--estimators", "dfa,spsa", "--update", "step"], "spsa: got an estimator that"),
    (["train", "--estimators", "intermediate_global", "--network", "fc-9"], "a layer before it"),
    (["train", "--backend", "jax"], "backend: got 'jax'; expected one of numpy, torch"),
    (["measure", "--backend", "numpy", "--device", "cuda"], "device: got 'cuda' with the backend"),
    (["run", "--backend", "math:pi"], "backend: got 'math:pi', float without apply"),
    (["zoo", "opzoo"], "Did you mean 'opzo'"),
    (["zoo", "opzo", "--markdown"], "--markdown: got the estimator 'opzo' as well"),
    (["verify", "opzo", "--set", "alpha=1"], "--set: got 'alpha=1'; expected NAME.OPTION=VALUE"),
    (["verify", "opzo", "--set", "dfa.gain=1"], "'dfa' is not among the chosen estimators"),
    (["verify", "opzo", "--set", "opzo.law=3"], "noise law: got 3"),
    (["verify", "bptt", "--set", "bptt.reset_gradient=yes"], "reset_gradient: got 'yes'"),
    (["verify", "dfa", "--set", "dfa.gain=[1]"], "dfa gain: got [1]"),
    (["verify", "opzo", "--set", "opzo.law=cauchy"], "noise law: got 'cauchy'"),
    (["verify", "--seed", "x"], "seed"),
    (["verify", "--sede", "1"], "sede"),
    (["verfy"], "verfy"),
    (["report"], "FOLDER"),
    (["report", "/no/such/folder"], "/no/such/folder"),
    (["data", "check", "cifar"], "dataset: got 'cifar'"),
    (["data", "get", "cifar"], "dataset: got 'cifar'"),
    (["run", "--dataset", "mnist", "--data-dir", "/no/such/folder"], "/no/such/folder"),
    (["run", "--out", "/proc/nothing/here"], "results folder: cannot write"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), BAD_INPUT, ids=[" ".join(case[0])[:40] for case in BAD_INPUT]
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert words in printed
    assert len(printed.strip().splitlines()) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("problem", ["missing", "truncated", "other content"])
def test_broken_data_is_one_line_and_exit_code_2(
    problem: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = broken_data(tmp_path / "data", problem)
    arguments = ["--dataset", "fashion-mnist", "--data-dir", str(folder)]
    assert main(["run", *arguments, "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert len(printed.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_debug_shows_the_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gradassay", "verify", "opzoo", "--debug"],
        capture_output=True,
        text=True,
    )
    assert "Traceback" in done.stderr
