"""The example in C passes the check; with one operator changed it fails, and is told where."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gradassay.cli.main import main
from gradassay.crosscheck.golden import Pack, check_answers, read_answers
from tests.crosscheck.golden.conftest import PACK

SOURCE = Path(__file__).parents[3] / "examples" / "golden_c" / "simulator.c"
COMPILER = shutil.which("cc")
FLAGS = ("-O2", "-std=c99", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror")
CASES = ("fc_dyadic", "fc2_dyadic", "fc2_hard_dyadic", "fc_leaky_random", "fc2_random")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler under the name cc")


def run(source: str, folder: Path) -> Path:
    """Build a program and let it answer the pack; returns the folder of its answers."""
    (folder / "simulator.c").write_text(source)
    program, answers = folder / "simulator", folder / "answers"
    build = [str(COMPILER), *FLAGS, "-o", str(program), str(folder / "simulator.c"), "-lm"]
    for command in (build, [str(program), str(PACK), str(answers)]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return answers


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(SOURCE.read_text(), tmp_path_factory.mktemp("c"))


def test_the_simulator_passes_all_fully_connected_networks(
    pack: Pack, answers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["golden", "check", str(answers), "--pack", str(PACK)]) == 0
    assert " 0 FAIL" in capsys.readouterr().out
    rows = [r for r in check_answers(pack, read_answers(answers, pack)) if r.verdict == "PASS"]
    subjects = Counter((row.case, row.subject) for row in rows)
    assert set(subjects) == {(f"{c}/float64", s) for c in CASES for s in ("forward", "opzo")}


def test_spikes_agree_to_the_bit_and_the_gradient_to_twelve_digits(
    pack: Pack, answers: Path
) -> None:
    found = read_answers(answers, pack)
    for path, array in found.items():
        expected = pack.arrays[path]
        if "/spikes/" in path or ("/membrane/" in path and "dyadic" in path):
            assert np.array_equal(array, expected)
        elif "/opzo/" in path:
            assert np.abs(array - expected).max() <= 1e-12


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        # silent at the threshold
        (
            "*u >= net->threshold",
            "*u > net->threshold",
            "found 0; membrane potential 1, found 1",
        ),
        ("if (net->hard_reset)", "if (!net->hard_reset)", "membrane of lif1, step"),
        ("net->leak * old", "old", "membrane of lif1, step 1,"),
        ("net->scale * decay /", "decay /", "opzo gradient of hidden1.weight"),
        ("+ (1 - momentum) * sum", "+ sum", "opzo state of lif1"),
        ("(double)trace->spikes[l - 1]", "0.5 * trace->spikes[l - 1]", "opzo gradient of"),
    ],
)
def test_a_simulator_with_one_change_fails_and_is_told_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], right: str, wrong: str, told: str
) -> None:
    source = SOURCE.read_text()
    assert source.count(right) == 1
    answers = run(source.replace(right, wrong), tmp_path)
    assert main(["golden", "check", str(answers), "--pack", str(PACK)]) == 1
    first = [line for line in capsys.readouterr().out.splitlines() if "first divergence" in line]
    assert first
    assert told in first[0]


def test_the_simulator_refuses_what_is_no_pack(answers: Path, tmp_path: Path) -> None:
    program = answers.parent / "simulator"
    (tmp_path / "manifest.json").write_text('{"format": ')
    for pack in (tmp_path, tmp_path / "nothing"):
        command = [str(program), str(pack), str(tmp_path / "answers")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
