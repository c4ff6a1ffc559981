"""Checkpoints: whole files, the right ones kept, and those of another run refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from gradassay.core.errors import ConfigurationError, DataError, UsageError
from gradassay.core.records import EpochRow
from gradassay.reference_snn import ReferenceBackend
from gradassay.training import Checkpoints, Snapshot, read_snapshot
from gradassay.training.snapshot import Progress
from tests.properties import examples

BACKEND = ReferenceBackend()
IDENTITY = {"estimator": "opzo", "seed": "0"}


def snapshot(iteration: int, **changes: Any) -> Snapshot:
    weight = np.random.default_rng(iteration).standard_normal((3, 4))
    parts: dict[str, Any] = {
        "params": {"readout.weight": weight},
        "buffers": {"velocity/readout.weight": weight * 2},
        "state": {"lif1": weight.T, "updates": np.asarray(7.0)},
        "passengers": {"dkp/lif1": weight},
        "progress": Progress(iteration, 5, 3, 0.1 + 0.2, 1.5),
        "rows": (EpochRow("opzo", "fc-4", 0, 1, float("nan"), 0.5, 0.25, 0.1, 1 / 3),),
    }
    return Snapshot(**parts | changes)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Callable[..., Checkpoints]:
    def make(identity: dict[str, str] = IDENTITY, **options: Any) -> Checkpoints:
        return Checkpoints(tmp_path / "checkpoints", identity, **options)

    return make


def test_a_snapshot_comes_back_to_the_bit(checkpoints: Callable[..., Checkpoints]) -> None:
    kept = snapshot(3)
    checkpoints().save(kept, BACKEND)
    found = checkpoints().latest()
    assert found is not None
    for group in ("params", "buffers", "state", "passengers"):
        ours, theirs = getattr(kept, group), getattr(found, group)
        assert ours.keys() == theirs.keys()
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
            assert ours[name].strides == theirs[name].strides
    assert found.progress == kept.progress
    assert repr(found.rows) == repr(kept.rows)


def test_the_last_ones_and_the_best_are_kept(checkpoints: Callable[..., Checkpoints]) -> None:
    folder = checkpoints(keep=2)
    for iteration in (9, 10, 11, 100):
        folder.save(snapshot(iteration), BACKEND)
        if iteration == 10:
            folder.save_best(snapshot(iteration), BACKEND)
    names = sorted(path.name for path in folder.folder.iterdir())
    assert names == [
        "best.safetensors",
        "checkpoint-000000000011.safetensors",
        "checkpoint-000000000100.safetensors",
    ]
    best, _, _ = read_snapshot(folder.folder / "best.safetensors")
    assert best.progress.iteration == 10


def test_no_checkpoint_is_no_snapshot(checkpoints: Callable[..., Checkpoints]) -> None:
    assert checkpoints().latest() is None


def test_another_run_is_refused_with_what_differs(checkpoints: Callable[..., Checkpoints]) -> None:
    checkpoints().save(snapshot(1), BACKEND)
    with pytest.raises(UsageError, match=r"another run, seed: got 1, there 0\. Resume with the"):
        checkpoints(IDENTITY | {"seed": "1"}).latest()


def test_another_environment_is_warned_of(checkpoints: Callable[..., Checkpoints]) -> None:
    checkpoints(environment={"threads": "2"}).save(snapshot(1), BACKEND)
    with pytest.warns(RuntimeWarning, match="threads: got 4, there 2"):
        assert checkpoints(environment={"threads": "4"}).latest() is not None


def test_a_defective_one_is_skipped_with_a_warning(checkpoints: Callable[..., Checkpoints]) -> None:
    folder = checkpoints()
    folder.save(snapshot(1), BACKEND)
    last = folder.save(snapshot(2), BACKEND)
    last.write_bytes(last.read_bytes()[:-20])
    with pytest.warns(RuntimeWarning, match="skipped a checkpoint"):
        found = folder.latest()
    assert found is not None
    assert found.progress.iteration == 1


@pytest.mark.filterwarnings("ignore:skipped a checkpoint")
def test_nothing_but_defective_ones_is_an_error(checkpoints: Callable[..., Checkpoints]) -> None:
    folder = checkpoints()
    folder.save(snapshot(1), BACKEND).write_bytes(b"")
    with pytest.raises(DataError, match=r"checkpoint-000000000001.safetensors: is no whole"):
        folder.latest()


def test_a_file_of_other_people_is_no_checkpoint(tmp_path: Path) -> None:
    save_file({"weight": np.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match=r"got format None; expected 'gradassay checkpoint 1'"):
        read_snapshot(tmp_path / "model.safetensors")


@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_a_changed_file_is_never_taken_for_a_whole_one(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = Checkpoints(tmp_path_factory.mktemp("fuzz"), IDENTITY)
    path = folder.save(snapshot(1), BACKEND)
    whole = path.read_bytes()
    before = read_snapshot(path)
    if data.draw(st.booleans(), label="cut"):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1), label="length")])
    else:
        place = data.draw(st.integers(0, len(whole) - 1), label="place")
        bit = 1 << data.draw(st.integers(0, 7), label="bit")
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
    try:
        after = read_snapshot(path)
    except DataError:
        return
    assert repr(after) == repr(before)  # a blank of the header


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = Checkpoints(tmp_path / "file" / "checkpoints", IDENTITY)
    with pytest.raises(DataError, match=r"checkpoint: cannot write .* there is none yet"):
        folder.save(snapshot(1), BACKEND)


def test_a_full_disk_keeps_the_checkpoints_that_are_there(
    checkpoints: Callable[..., Checkpoints], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoints()
    folder.save(snapshot(1), BACKEND)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(
        DataError, match=r"No space left on device\); the last one is checkpoint-0+1"
    ):
        folder.save(snapshot(2), BACKEND)
    monkeypatch.undo()
    assert [path.name for path in folder.folder.iterdir()] == [
        "checkpoint-000000000001.safetensors"
    ]
    found = folder.latest()
    assert found is not None
    assert found.progress.iteration == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [({"interval_s": -1.0}, "interval: got -1.0"), ({"keep": 0}, "keep: got 0")],
)
def test_impossible_options_are_refused(
    checkpoints: Callable[..., Checkpoints], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        checkpoints(**options)
