"""Verdicts on answers, and the command that gives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradassay.cli.main import main
from gradassay.core.errors import DataError
from gradassay.crosscheck.golden import Pack, check_answers, read_answers, read_pack
from gradassay.crosscheck.golden.npy import encode
from tests.crosscheck.golden.conftest import PACK, Answer

Arrays = dict[str, np.ndarray]
FORWARD = "fc2_random/float64/expected"
SPIKES, MEMBRANE = f"{FORWARD}/spikes/lif2.npy", f"{FORWARD}/membrane/lif2.npy"
GRADIENT = f"{FORWARD}/opzo/gradient/hidden2.weight.npy"


def test_right_answers_pass(pack: Pack, right: Arrays, answer: Answer) -> None:
    rows = check_answers(pack, read_answers(answer(right), pack))
    assert len(rows) == len(pack.expected)
    assert {row.verdict for row in rows} == {"PASS"}
    assert {row.difference for row in rows} == {0.0}


def test_a_part_of_the_answers_is_enough(pack: Pack, right: Arrays) -> None:
    rows = check_answers(pack, {SPIKES: right[SPIKES]})
    verdicts = {row.path: row.verdict for row in rows}
    assert verdicts.pop(SPIKES) == "PASS"
    assert set(verdicts.values()) == {"not answered"}


def test_one_wrong_spike_is_named_with_both_potentials(pack: Pack, right: Arrays) -> None:
    right[SPIKES][3, 1, 2] = 1 - right[SPIKES][3, 1, 2]
    right[SPIKES][4] = 7
    right[MEMBRANE][3, 1, 2] += 1e-15
    (row,) = (row for row in check_answers(pack, right) if row.verdict == "FAIL")
    where = row.where
    assert where is not None
    assert (where.network, where.quantity) == ("fc2_random/float64", "spikes")
    assert (where.layer, where.step, where.sample, where.neuron) == ("lif2", 3, 1, 2)
    assert where.expected + where.found == 1
    assert where.membrane_expected == pack.arrays[MEMBRANE][3, 1, 2]
    assert where.membrane_found == right[MEMBRANE][3, 1, 2]
    assert "step 3, sample 1, neuron 2: expected" in str(where)


def test_a_potential_that_was_not_answered_is_told_so(pack: Pack, right: Arrays) -> None:
    right[SPIKES][0, 0, 0] = 5
    del right[MEMBRANE]
    (row,) = (row for row in check_answers(pack, right) if row.verdict == "FAIL")
    assert str(row.where).endswith("found not answered")


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_the_tolerance_is_where_a_verdict_changes(pack: Pack, right: Arrays, factor: float) -> None:
    right[GRADIENT][1, 2] += factor * pack.expected[GRADIENT].tolerance
    failed = [row for row in check_answers(pack, right) if row.verdict == "FAIL"]
    assert [row.path for row in failed] == [GRADIENT] * (factor > 1)
    assert all(row.where is not None and row.where.index == (1, 2) for row in failed)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_fails(pack: Pack, right: Arrays, value: float) -> None:
    right[GRADIENT][0, 0] = value
    (row,) = (row for row in check_answers(pack, right) if row.verdict == "FAIL")
    assert row.difference is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("dropped 1 / alpha", lambda a, scale: a * scale),
        ("another momentum", lambda a, scale: a * (1 - 0.99**3) / (1 - 0.999**3)),
        ("a sum for the mean", lambda a, scale: a * 3),
    ],
)
def test_a_factor_forgotten_in_a_gradient_fails_in_every_case(
    pack: Pack, right: Arrays, name: str, change: Callable[[np.ndarray, float], np.ndarray]
) -> None:
    for case in pack.manifest.cases:
        (method,) = (method for method in case.methods if method.name == "opzo")
        path = next(iter(method.gradient.values()))
        assert method.scale is not None
        changed = change(right[path], method.scale).astype(right[path].dtype)
        rows = check_answers(pack, {path: changed})
        assert [row.path for row in rows if row.verdict == "FAIL"] == [path], name


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ({"pack": "0" * 64}, "--pack"),
        ({"pack": "short"}, "not a manifest"),
        ({"schema_version": 3}, "schema version 3"),
        ({"format": "gradassay-golden"}, "expected 'gradassay-golden-answers'"),
        ({"files": {SPIKES: "0" * 64}}, "sha256"),
        ({"files": {"fc2_random/float64/inputs.npy": "0" * 64}}, "does not ask for"),
        ({"files": {"../../etc/passwd": "0" * 64}}, "does not ask for"),
        ({"files": {GRADIENT: "0" * 64}}, "no such file"),
        ({"files": {}}, "holds none"),
    ],
)
def test_answers_with_another_manifest_are_refused(
    pack: Pack, right: Arrays, answer: Answer, manifest: dict[str, object], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        read_answers(answer({SPIKES: right[SPIKES]}, **manifest), pack)


@pytest.mark.parametrize(
    "change",
    [lambda a: a[:-1], lambda a: a.astype(np.float64), lambda a: a.reshape(-1)],
)
def test_answers_of_another_shape_or_dtype_are_refused(
    pack: Pack, right: Arrays, answer: Answer, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    with pytest.raises(DataError, match=SPIKES):
        read_answers(answer({SPIKES: change(right[SPIKES])}), pack)


def test_a_link_out_of_the_answers_is_refused(
    pack: Pack, right: Arrays, answer: Answer, tmp_path: Path
) -> None:
    folder = answer({SPIKES: right[SPIKES]})
    (tmp_path / "out.npy").write_bytes(encode(right[MEMBRANE]))
    (folder / MEMBRANE).parent.mkdir(parents=True)
    (folder / MEMBRANE).symlink_to(tmp_path / "out.npy")
    with pytest.raises(DataError, match="leads out"):
        read_answers(folder, pack)


def test_what_was_not_answered_at_all_is_a_line_of_names_for_each_case(
    right: Arrays, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["golden", "check", str(answer({SPIKES: right[SPIKES]})), "--pack", str(PACK)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    case = "/".join(SPIKES.split("/")[:2])
    assert f"PASS {case} forward: 1 of 1 arrays" in printed
    assert f"not answered {case}: spatial_bp, bptt, " in printed
    assert "not answered conv_dyadic/float32: forward, spatial_bp, " in printed
    lines = [line for line in printed.splitlines() if line.startswith("not answered")]
    assert len(lines) == len({line.split(":")[0] for line in lines})
    assert main([*words, "--rows"]) == 0
    assert f"not answered {case} spatial_bp: " in capsys.readouterr().out


def test_the_command_passes_right_answers_and_writes_them_down(
    right: Arrays, answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "results.json"
    words = ["golden", "check", str(answer(right)), "--pack", str(PACK), "--json", str(target)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "PASS fc_dyadic/float64 forward: 5 of 5 arrays" in printed
    assert "0 FAIL, 0 not answered" in printed
    results = json.loads(target.read_text())
    assert results["passed"] == len(right) == len(results["rows"])
    assert main(words) == 2
    assert main([*words, "--overwrite"]) == 0


def test_the_command_without_a_pack_takes_that_of_seed_0(right: Arrays, answer: Answer) -> None:
    assert main(["golden", "check", str(answer({SPIKES: right[SPIKES]}))]) == 0


def test_the_command_fails_wrong_answers_and_names_the_first(
    right: Arrays, answer: Answer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    right[GRADIENT][:] = np.nan
    right[SPIKES][2, 0, 1] = 3
    target = tmp_path / "results.json"
    words = ["golden", "check", str(answer(right)), "--pack", str(PACK)]
    assert main([*words, "--rows", "--json", str(target)]) == 1
    printed = capsys.readouterr().out
    assert "first divergence: fc2_random/float64, spikes of lif2, step 2, sample 0" in printed
    assert f"PASS {MEMBRANE}: difference 0" in printed
    assert "2 FAIL" in printed
    (row,) = (row for row in json.loads(target.read_text())["rows"] if row["path"] == SPIKES)
    assert row["where"]["neuron"] == 1


def test_the_command_says_in_one_line_what_it_cannot_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["golden", "check", str(tmp_path), "--pack", str(PACK)]) == 2
    assert main(["golden", "check", str(tmp_path), "--pack", str(tmp_path / "no.zip")]) == 2
    assert main(["golden", "make", "--out", str(PACK)]) == 2
    assert main(["golden", "make", "--out", str(tmp_path), "--overwrite"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 4
    assert all(line.startswith("error: ") for line in errors)


def test_the_command_makes_a_pack_of_any_seed(
    pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["golden", "make", "--out", str(tmp_path / "pack"), "--seed", "3"]) == 0
    made = read_pack(tmp_path / "pack")
    assert made.manifest.seed == 3
    assert made.manifest.checksum != pack.manifest.checksum
    assert made.manifest.checksum in capsys.readouterr().out
