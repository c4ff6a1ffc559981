"""The cache of frames: the same bits, made again where damaged, and never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gradassay.datasets import Dataset, Framing, load_dataset
from gradassay.datasets.dataset import array_checksum
from gradassay.datasets.events import load_events
from gradassay.datasets.events.frame_cache import Arrays, cached
from tests.datasets.events.conftest import as_nmnist, random_events

FRAMING = Framing(3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a small N-MNIST."""
    for part in ("Train", "Test"):
        for digit in (1, 2):
            place = tmp_path / "data" / part / str(digit)
            place.mkdir(parents=True)
            (place / "1.bin").write_bytes(as_nmnist(random_events(digit, sensor=(34, 34))))
    return tmp_path / "data"


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "frames").iterdir()) if (cache / "frames").is_dir() else []


def require_same(one: Dataset, other: Dataset) -> None:
    np.testing.assert_array_equal(one.train_inputs, other.train_inputs)
    assert one.checksums == other.checksums


def test_frames_are_kept_once_for_each_framing_and_are_the_same(folder: Path, cache: Path) -> None:
    made = load_dataset("nmnist", folder, framing=FRAMING)
    (entry,) = entries(cache)
    assert sorted(path.name for path in entry.iterdir()) == [
        *("entry.json", "test-inputs.npy", "test-targets.npy"),
        *("train-inputs.npy", "train-targets.npy"),
    ]
    kept = load_dataset("nmnist", folder, framing=FRAMING)
    assert isinstance(kept.train_inputs, np.memmap)
    require_same(made, kept)
    for other in (Framing(4), Framing(3, "count"), Framing(3, "time", 2), Framing(3, window_us=9)):
        load_dataset("nmnist", folder, framing=other)
    assert len(entries(cache)) == 5


def test_without_the_cache_nothing_is_kept(folder: Path, cache: Path) -> None:
    load_events("nmnist", FRAMING, folder, cache=False)
    assert entries(cache) == []


def test_a_changed_recording_is_read_again(folder: Path) -> None:
    before = load_dataset("nmnist", folder, framing=FRAMING)
    file = folder / "Train" / "1" / "1.bin"
    state = file.stat()
    file.write_bytes(as_nmnist(random_events(9, sensor=(34, 34))))
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    after = load_dataset("nmnist", folder, framing=FRAMING)
    assert before.checksums["train-inputs"] != after.checksums["train-inputs"]


@pytest.mark.parametrize("name", ["train-inputs.npy", "entry.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty"])
def test_a_damaged_entry_is_made_again(name: str, damage: str, folder: Path, cache: Path) -> None:
    made = load_dataset("nmnist", folder, framing=FRAMING)
    (entry,) = entries(cache)
    data = (entry / name).read_bytes()
    half = len(data) // 2
    flipped = data[:half] + bytes([data[half] ^ 64]) + data[half + 1 :]
    changed = {"flip": flipped, "cut": data[:half], "empty": b""}
    if damage == "remove":
        (entry / name).unlink()
    else:
        (entry / name).write_bytes(changed[damage])
    require_same(load_dataset("nmnist", folder, framing=FRAMING), made)
    assert isinstance(load_dataset("nmnist", folder, framing=FRAMING).train_inputs, np.memmap)
    assert entries(cache) == [entry]


def test_the_checksums_of_what_was_kept_are_those_of_its_arrays(cache: Path) -> None:
    arrays: Arrays = {"a": np.arange(6), "b": np.ones((2, 3), np.uint8)}
    made, first = cached("set", {"key": 1}, lambda: arrays)
    kept, second = cached("set", {"key": 1}, lambda: pytest.fail("made again"))
    assert made is arrays
    assert isinstance(kept["a"], np.memmap)
    assert first == second == {name: array_checksum(array) for name, array in arrays.items()}


def test_an_array_of_another_shape_with_the_same_bytes_is_made_again(cache: Path) -> None:
    cached("set", {"key": 1}, lambda: {"a": np.arange(6)})
    (entry,) = entries(cache)
    np.save(entry / "a.npy", np.arange(6).reshape(2, 3))
    found, _ = cached("set", {"key": 1}, lambda: {"a": np.arange(6)})
    assert found["a"].shape == (6,)


@pytest.mark.parametrize("entry_text", ["{}", '{"sha256": {}}', '{"sha256": [1]}', "[]", "3"])
def test_an_entry_that_names_no_arrays_is_made_again(
    entry_text: str, folder: Path, cache: Path
) -> None:
    made = load_dataset("nmnist", folder, framing=FRAMING)
    (entry,) = entries(cache)
    (entry / "entry.json").write_text(entry_text)
    require_same(load_dataset("nmnist", folder, framing=FRAMING), made)
    assert entries(cache) == [entry]


def test_a_full_disk_is_no_error_and_leaves_nothing(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def full(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("numpy.save", full)
    data = load_dataset("nmnist", folder, framing=FRAMING)
    assert len(data.train_targets) == 2
    assert calls == 2
    assert entries(cache) == []


def test_a_cache_folder_that_cannot_be_made_is_no_error(folder: Path, cache: Path) -> None:
    cache.write_text("a file where the folder would be")
    assert len(load_dataset("nmnist", folder, framing=FRAMING).train_targets) == 2


def test_an_interruption_while_an_entry_is_written_leaves_nothing(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("numpy.save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("nmnist", folder, framing=FRAMING)
    assert entries(cache) == []


def test_what_a_killed_process_left_an_hour_ago_is_removed(folder: Path, cache: Path) -> None:
    load_dataset("nmnist", folder, framing=FRAMING)
    (entry,) = entries(cache)
    old, new = (entry.with_name(f".{entry.name}.{name}") for name in ("old", "new"))
    for left in (old, new):
        left.mkdir()
    os.utime(old, (0, 0))
    (entry / "entry.json").unlink()
    load_dataset("nmnist", folder, framing=FRAMING)
    assert entries(cache) == sorted([new, entry])


CHILD = """
import sys
import numpy as np
from pathlib import Path
from gradassay.datasets import places
from gradassay.datasets.events.frame_cache import cached
places.cache_folder = lambda name: Path(sys.argv[1]) / name
arrays, _ = cached("set", {"key": 1}, lambda: {"a": np.arange(100_000)})
assert arrays["a"].sum() == 4999950000
"""


def test_processes_that_make_the_same_entry_at_once_all_go_on(tmp_path: Path) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    told = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [0] * 4, told
    (entry,) = (tmp_path / "frames").iterdir()
    assert sorted(path.name for path in entry.iterdir()) == ["a.npy", "entry.json"]


LIMITED = """
import resource, sys
import numpy as np
from pathlib import Path
from gradassay.datasets import places
from gradassay.datasets.events.frame_cache import cached
places.cache_folder = lambda name: Path(sys.argv[1]) / name
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
small, large = np.arange(1_000), np.arange(100_000)
arrays, _ = cached("set", {"key": 1}, lambda: {"a": small, "b": large})
assert arrays["b"] is large
"""


def test_a_file_that_cannot_grow_leaves_the_arrays_and_no_part_of_an_entry(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], check=True)
    assert list((tmp_path / "frames").iterdir()) == []


def test_the_key_holds_everything_that_is_told(cache: Path) -> None:
    made: list[int] = []

    def make() -> Arrays:
        made.append(1)
        return {"a": np.ones(2)}

    for told in ({"x": 1}, {"x": 2}, {"y": 1}, {"x": 1}):
        cached("set", told, make)
    assert len(made) == 3
    assert len(entries(cache)) == 3
