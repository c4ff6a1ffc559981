"""The settings of `make mutants`, the tests that it asks and the table that it ends with."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.mutants import ROOMS, room_of, table

ROOT = Path(__file__).resolve().parents[2]

RESULTS = """\
    gradassay.core.keys.x_f__mutmut_1: killed
    gradassay.core.keys.x_f__mutmut_2: timeout
    gradassay.core.batch.xǁBatchǁtiled__mutmut_1: survived
    gradassay.core.batch.xǁBatchǁtiled__mutmut_2: no tests
    gradassay.verify.statistics.looks.x_f__mutmut_1: killed
    gradassay.verify.statistics.looks.x_f__mutmut_2: segfault
"""


def test_the_table_counts_each_rooms_mutants_by_what_became_of_them() -> None:
    assert table(RESULTS.splitlines()).splitlines()[2:] == [
        "| `core` | 4 | 1 | 1 | 1 | 1 | 0 | 50.0% |",
        "| `verify/statistics` | 2 | 1 | 0 | 0 | 0 | 1 | 50.0% |",
    ]


def test_a_mutant_is_of_the_room_of_its_module() -> None:
    assert room_of("gradassay.verify.statistics.looks.x_f__mutmut_1") == "verify/statistics"
    assert room_of("gradassay.estimators.x_make__mutmut_1") == "estimators"
    assert [room_of(name) for name in ("", "stats", "gradassay.cost.x.x_f__mutmut_1")] == [None] * 3


def test_the_rooms_are_those_that_are_mutated_and_their_tests_are_those_that_are_run() -> None:
    mutmut = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    assert mutmut["only_mutate"] == [f"gradassay/{room}/*.py" for room in ROOMS]
    places = [f"tests/{place}" for places in ROOMS.values() for place in places]
    assert mutmut["pytest_add_cli_args_test_selection"] == places
    assert all((ROOT / place).exists() for place in places)


def collected(mutant: str) -> set[str]:
    """Return the rooms whose tests are left for a mutant, of those of two rooms."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/core/test_keys.py",
         "tests/reference_snn/test_maps.py"],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "MUTANT_UNDER_TEST": mutant},
    )  # fmt: skip
    return {line.split("/")[1] for line in told.stdout.splitlines() if "::" in line}


def test_a_mutant_is_tried_by_the_tests_of_its_own_room() -> None:
    assert collected("gradassay.core.keys.x_f__mutmut_1") == {"core"}
    assert collected("") == {"core", "reference_snn"}
