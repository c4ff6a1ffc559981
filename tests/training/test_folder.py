"""The folder of a training: one process, nothing lost, nothing left where nothing was made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradassay.core.errors import UsageError
from gradassay.reference_snn import ReferenceBackend
from gradassay.training import RunFolder, Snapshot
from gradassay.training.folder import folder_name
from gradassay.training.snapshot import Progress

SNAPSHOT = Snapshot({"readout.weight": np.zeros(2)}, {}, {}, {}, Progress(), ())


def begun(path: Path) -> Path:
    with RunFolder(path) as folder:
        folder.metrics.write_text("")
        checkpoints = folder.checkpoints("opzo", {}, environment={})
        return checkpoints.save(SNAPSHOT, ReferenceBackend())


def test_a_folder_without_checkpoint_goes_away(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "new" / "t.run") as folder:
        folder.metrics.write_text("")
    assert not (tmp_path / "new" / "t.run").exists()


def test_what_was_begun_needs_a_word(tmp_path: Path) -> None:
    kept = begun(tmp_path / "t.run")
    with pytest.raises(UsageError, match="holds a training that was begun"):
        RunFolder(tmp_path / "t.run").__enter__()
    assert kept.exists()
    with RunFolder(tmp_path / "t.run", resume=True) as folder:
        assert kept.exists()
        assert folder.metrics.exists()
    with RunFolder(tmp_path / "t.run", overwrite=True) as folder:
        assert not kept.exists()
        assert not folder.metrics.exists()


def test_a_folder_of_something_else_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"holds 'thesis.tex', which no training writes"):
        RunFolder(tmp_path, overwrite=True).__enter__()
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.run").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        RunFolder(tmp_path / "t.run", overwrite=True).require_usable()


def test_one_process_at_a_time_and_a_dead_one_does_not_count(tmp_path: Path) -> None:
    begun(tmp_path / "t.run")
    holding = (
        "import sys, time; from gradassay.training import RunFolder\n"
        "with RunFolder(sys.argv[1], resume=True):\n"
        "    print('in', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(tmp_path / "t.run")], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(UsageError, match="another process trains in it"):
            RunFolder(tmp_path / "t.run", resume=True).__enter__()
        other.kill()
        other.wait()
    with RunFolder(tmp_path / "t.run", resume=True) as folder:
        assert folder.resumable


def test_names_that_file_systems_refuse_stay_apart() -> None:
    names = ["opzo", "a:B", "a*B", "opzo+0.01*local_learning", "x/../y", "mnist, fc-800, seed 0"]
    made = [folder_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert not any(set(name) & set('/\\:*?"<>| ') for name in made)
