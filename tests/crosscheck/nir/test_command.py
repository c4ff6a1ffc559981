"""``gradassay nir``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gradassay.cli.main import main
from gradassay.crosscheck.nir import find_dialect, read_graph, run_graph

pytest.importorskip("h5py", reason="`pip install gradassay[nir]`")
INPUT = np.random.default_rng(4).normal(0.5, 1.0, (40, 3))


@pytest.fixture
def paths(chain_file: Path) -> list[str]:
    np.save(chain_file.with_name("x.npy"), INPUT)
    return [str(chain_file), "--input", str(chain_file.with_name("x.npy"))]


def test_run_writes_what_the_graph_gives(paths: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["nir", "run", *paths, "--dialect", "spikingjelly", "--dt", "2e-4", "--out"]
    assert main([*command, str(out)]) == 0
    about = json.loads((out / "run.json").read_text())
    assert about["dialect"]["dt"] == 2e-4
    expected = run_graph(read_graph(paths[0]), INPUT, find_dialect("spikingjelly", 2e-4))
    files = {(each["kind"], each["node"]): out / each["file"] for each in about["arrays"]}
    assert set(files) == {("output", "output"), ("spikes", "lif"), ("membrane", "lif")}
    given = np.load(files["membrane", "lif"])
    np.testing.assert_array_equal(given, expected.membrane["lif"])
    assert main([*command, str(out)]) == 2  # there is something in it
    assert main([*command, str(out), "--overwrite"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["out"]


def test_compare_passes_its_own_run_and_names_the_first_difference(
    paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spikes = run_graph(read_graph(paths[0]), INPUT, find_dialect("norse")).spikes["lif"]
    np.save(tmp_path / "s.npy", spikes)
    command = ["nir", "compare", *paths, "--recorded", str(tmp_path / "s.npy")]
    assert main([*command, "--dialect", "norse"]) == 0
    assert "norse: 0 of 80 entries differ" in capsys.readouterr().out
    spikes[7, 1] = 1 - spikes[7, 1]
    np.save(tmp_path / "s.npy", spikes)
    assert main([*command, "--dialect", "norse"]) == 1
    assert "1 of 80 entries differ; first at step 7, neuron 1" in capsys.readouterr().out
    outcome = tmp_path / "outcome.json"
    assert main([*command, "--json", str(outcome), "--shift", "2", "--rank", "3"]) == 1
    found = json.loads(outcome.read_text())
    assert "norse" in found["best"]
    assert found["ranked"][0]["differing"] == 1
    assert len(found["ranked"]) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dialect", "nors"], "Did you mean 'norse'?"),
        (["--dt", "0"], "dt: got 0.0; expected a finite number above 0."),
        (["--shift", "3"], "--shift: got 3"),
        (["--node", "affine"], "node: got 'affine'"),
        (["--steps", "50"], "40 steps; --steps wants 50"),
        (["--steps", "20"], "expected (20, 2)"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    options: list[str],
    message: str,
    paths: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    np.save(tmp_path / "s.npy", np.zeros((40, 2)))
    command = ["nir", "compare", *paths, "--recorded", str(tmp_path / "s.npy"), *options]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_failed_run_writes_nothing(paths: list[str], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    np.save(tmp_path / "x.npy", INPUT[:, :2])
    assert main(["nir", "run", *paths, "--out", str(tmp_path / "out")]) == 2
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_cannot_be_written_or_holds_something_else_is_refused(
    paths: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path, tmp_path / "file", tmp_path / "file" / "inside"):
        assert main(["nir", "run", *paths, "--out", str(out), "--overwrite"]) == 2
        assert capsys.readouterr().err.startswith("error: --out: ")
    assert (tmp_path / "file").read_text() == "mine"
