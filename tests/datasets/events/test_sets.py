"""Event sets in folders and archives: which samples, in which part, of which class."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradassay.core.errors import DataError, UsageError
from gradassay.datasets import Dataset, Framing, dataset_status, download_dataset, load_dataset
from gradassay.datasets.events import (
    EVENT_SETS,
    Events,
    events_status,
    frames_of,
    load_events,
    source,
)
from gradassay.datasets.events.sets import find_source
from tests.datasets.events.conftest import as_aedat2, as_nmnist, random_events

Files = dict[str, bytes]
FRAMING = Framing(4, downsample=8)


def as_folder(files: Files, folder: Path) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def as_tar(files: Files, folder: Path, name: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(gzip.compress(stream.getvalue()))


def as_zip(files: Files, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)


def digits() -> tuple[Files, Files]:
    """Return the files of Train.zip and Test.zip of a small N-MNIST."""
    parts: list[Files] = []
    for part, numbers in (("Train", (2, 10)), ("Test", (1,))):
        files = {
            f"{part}/{digit}/{number:05d}.bin": as_nmnist(
                random_events(100 * digit + number, sensor=(34, 34))
            )
            for digit in (0, 7)
            for number in numbers
        }
        parts.append(files)
    return parts[0], parts[1]


def require_frames(data: Dataset, number: int, events: Events, *, test: bool = False) -> None:
    inputs = data.test_inputs if test else data.train_inputs
    np.testing.assert_array_equal(inputs[number], frames_of(events, FRAMING))


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
@pytest.mark.parametrize("below", ["", "nmnist"])
def test_nmnist_is_by_folder_of_part_and_class(form: str, below: str, tmp_path: Path) -> None:
    train, test = digits()
    if form == "folder":
        as_folder(train | test, tmp_path / below)
    elif form == "zip":
        as_zip(train, tmp_path / below, "Train.zip")
        as_zip(test, tmp_path / below, "Test.zip")
    else:
        as_tar(train | test, tmp_path / below, "N-MNIST.tar.gz")
    data = load_dataset("nmnist", tmp_path, framing=FRAMING)
    assert data.train_targets.tolist() == [0, 0, 7, 7]
    assert data.test_targets.tolist() == [0, 7]
    assert (data.shape, data.steps, data.classes) == ((2, 5, 5), 4, 10)
    for number, seed in enumerate((2, 10, 702, 710)):
        require_frames(data, number, random_events(seed, sensor=(34, 34)))
    require_frames(data, 1, random_events(701, sensor=(34, 34)), test=True)


@pytest.mark.parametrize(
    ("name", "train", "test", "whole"),
    [
        ("poker-dvs", 48, 20, True),
        ("poker-dvs", 47, 20, False),
        ("poker-dvs", 116, 15, True),  # the 131 that are published without a split
        ("nmnist", 60_000, 9_999, False),
        ("dvs-gesture", 1_077, 264, True),  # trials, of which a recording has several
    ],
)
def test_a_set_is_whole_with_all_published_recordings(
    name: str, train: int, test: int, whole: bool
) -> None:
    assert EVENT_SETS[name].is_whole(train, test) == whole


def test_lists_of_number_and_class_name_recordings(tmp_path: Path) -> None:
    files = {f"{n}.bs2": as_nmnist(random_events(n, sensor=(34, 34))) for n in (1, 2, 60001)}
    files["train1K.txt"] = b"#sample #class\n2\t0\n1\t5\n"
    files["test100.txt"] = b"60001 7\n"
    as_folder(files, tmp_path)
    data = load_dataset("nmnist", tmp_path, framing=FRAMING)
    assert (data.train_targets.tolist(), data.test_targets.tolist()) == ([0, 5], [7])
    assert data.part == "2 + 1 samples"
    require_frames(data, 0, random_events(2, sensor=(34, 34)))
    status = dataset_status("nmnist", tmp_path)
    assert (status.found, status.complete) == (True, False)
    assert status.files[0].name == "recordings: 2 + 1 of 60,000 + 10,000"


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_gestures_are_cut_into_trials_by_their_labels(
    form: str, gestures: Files, tmp_path: Path
) -> None:
    files = {f"DvsGesture/{name}": content for name, content in gestures.items()}
    if form == "folder":
        as_folder(files, tmp_path)
    else:
        as_tar(files, tmp_path, "DvsGesture.tar.gz")
    data = load_dataset("dvs-gesture", tmp_path, framing=FRAMING)
    assert data.train_targets.tolist() == [0, 10, 1, 10]
    assert data.test_targets.tolist() == [2, 10]
    require_frames(data, 2, random_events(1).between(0, 100_000))
    require_frames(data, 1, random_events(2).between(150_000, 299_000), test=True)


def test_gestures_that_are_cut_already_are_columns_of_milliseconds(tmp_path: Path) -> None:
    events = random_events(1)
    whole = Events(
        events.time_us // 1000 * 1000, events.x, events.y, events.polarity, events.sensor
    )
    table = np.stack([events.x, events.y, events.polarity, events.time_us // 1000], axis=1)
    stream = io.BytesIO()
    np.save(stream, table.astype(float))
    for part in ("Train", "Test"):
        files = {f"ibmGesture{part}/user01_led/{n}.npy": stream.getvalue() for n in (2, 10, 0)}
        as_tar(files, tmp_path, f"ibmGesture{part}.tar.gz")
    data = load_dataset("dvs-gesture", tmp_path, framing=FRAMING)
    assert data.train_targets.tolist() == data.test_targets.tolist() == [0, 2, 10]
    require_frames(data, 1, whole)


@pytest.mark.parametrize("form", ["folder", "zips"])
def test_the_last_tenth_of_each_class_of_cifar10_dvs_is_for_testing(
    form: str, tmp_path: Path
) -> None:
    for name, first in (("airplane", 0), ("truck", 100)):
        files = {
            f"{name}/cifar10_{name}_{n}.aedat": as_aedat2(random_events(first + n, 30))
            for n in range(11)
        }
        if form == "folder":
            as_folder(files, tmp_path)
        else:
            as_zip(files, tmp_path, f"{name}.zip")
    data = load_dataset("cifar10-dvs", tmp_path, framing=FRAMING)
    assert data.train_targets.tolist() == [0] * 9 + [9] * 9
    assert data.test_targets.tolist() == [0, 0, 9, 9]
    for number in range(9):
        require_frames(data, number, random_events(number, 30))
    require_frames(data, 3, random_events(110, 30), test=True)


def test_cards_are_arrays_in_folders_that_end_with_their_class(tmp_path: Path) -> None:
    events = random_events(1, sensor=(35, 35))
    table = np.stack([events.time_us, events.x, events.y, events.polarity], axis=1)
    stream = io.BytesIO()
    np.save(stream, table)
    for part in ("train", "test"):
        files = {f"pips_{part}/{name}/1.npy": stream.getvalue() for name in ("cl", "sp")}
        as_tar(files, tmp_path, f"pips_{part}.tar.gz")
    data = load_dataset("poker-dvs", tmp_path, framing=FRAMING)
    assert (data.train_targets.tolist(), data.test_targets.tolist()) == ([0, 3], [0, 3])
    require_frames(data, 1, events)


def test_the_cards_of_the_authors_are_split_by_the_numbers_in_their_names(tmp_path: Path) -> None:
    names = [f"n{word}{n:02d}{'i' * (n % 2)}" for word in ("heart", "club") for n in range(1, 12)]
    files = {
        f"poker_dvs/{name}.aedat": as_aedat2(random_events(seed, 30, sensor=(35, 35)))
        for seed, name in enumerate(names)
    }
    as_tar(files | {"poker_dvs/extr_symb.m": b"text"}, tmp_path, "poker_dvs.tar.gz")
    data = load_dataset("poker-dvs", tmp_path, framing=FRAMING)
    assert data.train_targets.tolist() == [0] * 9 + [1] * 9
    assert data.test_targets.tolist() == [0, 0, 1, 1]
    require_frames(data, 0, random_events(11, 30, sensor=(35, 35)))
    require_frames(data, 3, random_events(10, 30, sensor=(35, 35)), test=True)
    status = dataset_status("poker-dvs", tmp_path)
    assert status.files[0].name == "recordings: 18 + 4 of 48 + 20, or 131 in all"
    assert not status.complete


def test_131_cards_that_are_not_split_are_complete(tmp_path: Path) -> None:
    classes = (("club", 33), ("diamond", 33), ("heart", 33), ("spade", 32))
    one = as_aedat2(random_events(0, 30, sensor=(35, 35)))
    files = {f"n{name}{n:02d}.aedat": one for name, count in classes for n in range(count)}
    as_folder(files, tmp_path)
    assert dataset_status("poker-dvs", tmp_path).complete
    (tmp_path / "nspade00.aedat").unlink()
    assert not dataset_status("poker-dvs", tmp_path).complete


def test_every_damaged_recording_is_named_by_the_status(gestures: Files, tmp_path: Path) -> None:
    for name in ("user02_lab.aedat", "user24_led.aedat"):
        gestures[name] = gestures[name][:-3]
    as_folder(gestures, tmp_path)
    status = dataset_status("dvs-gesture", tmp_path)
    assert [file.name for file in status.files[1:]] == ["user02_lab.aedat", "user24_led.aedat"]
    assert {file.state for file in status.files} == {"corrupt"}
    assert status.files[0].problem == "2 recordings are damaged"
    assert (status.files[1].problem or "").startswith("user02_lab.aedat: has a packet of")
    assert not status.complete
    unread = dataset_status("dvs-gesture", tmp_path, verify=False)
    assert [file.state for file in unread.files] == ["present"]


def test_a_damaged_recording_is_named(gestures: Files, tmp_path: Path) -> None:
    gestures["user02_lab.aedat"] = gestures["user02_lab.aedat"][:-3]
    as_folder(gestures, tmp_path)
    with pytest.raises(DataError, match=r"^user02_lab.aedat: has a packet of") as caught:
        load_dataset("dvs-gesture", tmp_path, framing=FRAMING)
    status = dataset_status("dvs-gesture", tmp_path)
    assert status.files[0].state == "corrupt"
    assert status.files[0].problem == str(caught.value)


def test_a_recording_that_is_too_large_or_cannot_be_read_is_named(
    gestures: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_folder(gestures, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(source, "MOST_BYTES", 10)
        with pytest.raises(DataError, match=r"trials_to_test.txt: has more than 10 bytes"):
            load_dataset("dvs-gesture", tmp_path, framing=FRAMING)

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"test.txt: cannot be read \(Permission denied\)"):
        load_dataset("dvs-gesture", tmp_path, framing=FRAMING)


def lacks(files: Files, *names: str) -> Files:
    return {name: content for name, content in files.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: lacks(f, "user02_lab.aedat"), r"dvs-gesture: lacks user02_lab.aedat"),
        (lambda f: lacks(f, "user02_lab_labels.csv"), r"user02_lab_labels.csv: is not there"),
        (lambda f: lacks(f, "trials_to_test.txt"), r"found no test recordings"),
        (
            lambda f: f | {"trials_to_test.txt": b"user24_led.aedat\nuser24_led.aedat\n"},
            r"user24_led.aedat: is listed twice",
        ),
        (
            lambda f: f | {"user24_led_labels.csv": b"class,startTime_usec,endTime_usec\n0,1,2\n"},
            r"user24_led.aedat: has class -1; expected 0 to 10",
        ),
        (lambda f: f | {"user24_led_labels.csv": b"x"}, r"user24_led_labels.csv: starts with"),
        (
            lambda f: f | {"trials_to_test.txt": b"user24_led.aedat user02_lab.aedat"},
            r"user02_lab.aedat: is listed for training and for testing",
        ),
        *(
            (
                lambda f, name=name: f | {"trials_to_test.txt": name},
                r"trials_to_test.txt: got .*; expected user\.\.\.aedat",
            )
            for name in (b"../user24_led.aedat", b".", b"a/b", b"trials_to_test.txt", b"\0")
        ),
    ],
)
def test_an_incomplete_set_says_what_is_missing(
    change: Callable[[Files], Files], message: str, gestures: Files, tmp_path: Path
) -> None:
    as_folder(change(gestures), tmp_path)
    with pytest.raises(DataError, match=message):
        load_dataset("dvs-gesture", tmp_path, framing=FRAMING)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (b"2 0\n", r"2.bs2: is listed for training and for testing"),
        (b"60001 7\n60001 7\n", r"60001.bs2: is listed twice"),
        (b"60001 7\n60001 8\n", r"60001.bs2: is listed twice"),
        (b"60001 12\n", r"test100.txt: got the line '60001 12'; expected number and class"),
        (b"9" * 5000 + b" 1\n", r"test100.txt: got the line '9{40}'; expected number and class"),
        (b"5 1\n", r"nmnist: lacks 5.bs2"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(test: bytes, message: str, tmp_path: Path) -> None:
    files = {f"{n}.bs2": as_nmnist(random_events(n, sensor=(34, 34))) for n in (1, 2, 60001)}
    as_folder(files | {"train1K.txt": b"1 5\n2 0\n", "test100.txt": test}, tmp_path)
    with pytest.raises(DataError, match=message):
        load_dataset("nmnist", tmp_path, framing=FRAMING)


@pytest.mark.parametrize(("kind", "message"), [("link", "cannot be read"), ("pipe", "no regular")])
def test_what_is_no_regular_file_is_refused_and_never_waited_for(
    kind: str, message: str, tmp_path: Path
) -> None:
    train, test = digits()
    as_folder(train | test, tmp_path)
    odd = tmp_path / "Train" / "3" / "1.bin"
    odd.parent.mkdir()
    if kind == "link":
        odd.symlink_to(tmp_path / "nowhere")
    else:
        os.mkfifo(odd)
    source = find_source(EVENT_SETS["nmnist"], tmp_path)
    assert source is not None
    with pytest.raises(DataError, match=rf"Train/3/1.bin: .*{message}"):
        source.fingerprint()
    with pytest.raises(DataError, match=rf"Train/3/1.bin: .*{message}"):
        load_dataset("nmnist", tmp_path, framing=FRAMING)
    assert dataset_status("nmnist", tmp_path).files[0].state == "corrupt"


def test_a_set_that_is_nowhere_says_what_to_get_and_where_from(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nmnist: files not found; looked in .* Get Train.zip and"):
        load_dataset("nmnist", tmp_path)
    assert not dataset_status("nmnist", tmp_path).found
    with pytest.raises(UsageError, match=r"nmnist: cannot be downloaded from here"):
        download_dataset("nmnist")


@pytest.mark.parametrize("function", [load_events, events_status])
def test_a_set_that_does_not_exist_is_refused(function: Callable[..., object]) -> None:
    words = {"framing": FRAMING} if function is load_events else {"verify": False}
    with pytest.raises(UsageError, match=r"dataset: got 'nminst'; .* Did you mean 'nmnist'"):
        function("nminst", data_dir=None, **words)


@pytest.mark.parametrize("name", ["events:nmnist", "events:", "tfds:mnist", "npz:"])
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="dataset: got"):
        load_dataset(name)
    with pytest.raises(UsageError, match="cannot be downloaded"):
        download_dataset(name)


def test_the_state_of_events_of_events_is_refused() -> None:
    with pytest.raises(UsageError, match="dataset: got 'events:events:digits'"):
        dataset_status("events:events:digits")
