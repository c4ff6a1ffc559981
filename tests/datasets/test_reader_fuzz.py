"""Thousands of damaged files of every format: a right read or one DataError, in bounded memory.

Archives are damaged as a whole and read; pickles besides get instructions that would run something.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import pickle
import pickletools
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gradassay.core.errors import DataError
from gradassay.datasets import Dataset
from gradassay.datasets.archives import read_members
from gradassay.datasets.cifar import load_cifar
from gradassay.datasets.events import Events
from gradassay.datasets.events.aedat2 import read_aedat2
from gradassay.datasets.events.aedat3 import read_aedat3
from gradassay.datasets.events.event_array import read_event_array
from gradassay.datasets.events.nmnist import read_nmnist
from gradassay.datasets.image_folder import read_image
from gradassay.datasets.npz import load_npz
from gradassay.datasets.pickles import read_pickle
from tests.datasets.events.conftest import as_aedat2, as_aedat3, as_nmnist, random_events
from tests.datasets.fuzzing import outcomes
from tests.datasets.test_archives import everything, tar_of, zip_of
from tests.datasets.test_cifar import CONTENTS, spec_of
from tests.datasets.test_cifar import tar_of as cifar_tar

COUNT, ON_DISK_COUNT = 1500, 600
# of Python's own; NumPy's arrays are in it
MOST_BYTES = 64 * 2**20
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 20), dtype=np.uint8)
FILES = {"a/data_batch_1": IMAGES.tobytes() * 20, "a/text": b"text" * 100}
EVENTS = random_events(0, sensor=(34, 34))


def damaged(data: bytes, seed: int, count: int = COUNT) -> Iterator[bytes]:
    """Yield copies that are cut, have flipped bits, other bytes, or a large number somewhere."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        copy = bytearray(data)
        place = int(generator.integers(0, len(copy)))
        if number % 4 == 0:
            del copy[place:]
        elif number % 4 == 1:
            for bit in generator.integers(0, 8 * len(copy), generator.integers(1, 5)):
                copy[bit // 8] ^= 1 << (bit % 8)
        elif number % 4 == 2:
            copy[place : place + 8] = generator.bytes(8)
        else:
            copy[place : place + 8] = b"\xff\xff\xff\x7f\xff\xff\xff\x7f"
        yield bytes(copy)


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zipped_arrays() -> bytes:
    stream = io.BytesIO()
    targets = np.array([0, 1, 2])
    np.savez_compressed(
        stream, train_inputs=IMAGES, train_targets=targets, test_inputs=IMAGES, test_targets=targets
    )
    return stream.getvalue()


def drawn(kind: str) -> bytes:
    """Return an image with a palette, as PNG, or in colour, as progressive JPEG."""
    stream = io.BytesIO()
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8))
    if kind == "PNG":
        image.quantize(16).save(stream, kind, transparency=3)
    else:
        image.save(stream, kind, progressive=True)
    return stream.getvalue()


def with_checksums(png: bytes) -> bytes:
    """Return the chunks of a PNG with the right checksum for whatever they hold."""
    result, place = png[:8], 8
    while place + 12 <= len(png):
        end = place + 8 + int.from_bytes(png[place : place + 4])
        body = png[place + 4 : end]
        result += png[place : place + 4] + body + zlib.crc32(body).to_bytes(4)
        place = end + 4
    return result


TABLE = np.stack([EVENTS.time_us, EVENTS.x, EVENTS.y, EVENTS.polarity], axis=1)
BATCHES = [pickle.dumps({b"data": IMAGES, b"labels": [1, 2, 3]}, protocol=p) for p in range(6)]
IN_MEMORY: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "nmnist": (as_nmnist(EVENTS), read_nmnist),
    "aedat2": (as_aedat2(random_events(0)), read_aedat2),
    "aedat3": (as_aedat3(random_events(0)), read_aedat3),
    "event array": (saved(TABLE), lambda data: read_event_array(data, (34, 34))),
    **{f"pickle {p}": (batch, read_pickle) for p, batch in enumerate(BATCHES)},
}
ON_DISK: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "tar": (tar_of(FILES), lambda file: list(read_members(file, everything))),
    "tar.gz": (gzip.compress(tar_of(FILES)), lambda file: list(read_members(file, everything))),
    "tar.xz": (lzma.compress(tar_of(FILES)), lambda file: list(read_members(file, everything))),
    "zip": (zip_of(FILES), lambda file: list(read_members(file, everything))),
    "npz": (zipped_arrays(), load_npz),
    "png": (drawn("PNG"), read_image),
    "jpeg": (drawn("JPEG"), read_image),
}


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_a_damaged_file_in_memory_is_read_or_refused(kind: str) -> None:
    data, read = IN_MEMORY[kind]
    right, wrong = outcomes(read, damaged(data, len(kind)), MOST_BYTES)
    assert right + wrong == COUNT
    assert wrong > COUNT / 20


@pytest.mark.parametrize("kind", ON_DISK)
def test_a_damaged_file_on_disk_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    data, read = ON_DISK[kind]
    file = tmp_path / "file"

    def read_copy(copy: bytes) -> object:
        file.write_bytes(copy)
        return read(file)

    right, wrong = outcomes(read_copy, damaged(data, len(kind), ON_DISK_COUNT), MOST_BYTES)
    assert right + wrong == ON_DISK_COUNT
    assert wrong > ON_DISK_COUNT / 20
    assert list(tmp_path.iterdir()) == [file]


def test_a_png_damaged_below_its_checksums_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"

    def read_copy(copy: bytes) -> object:
        file.write_bytes(with_checksums(copy))
        return read_image(file)

    right, wrong = outcomes(read_copy, damaged(drawn("PNG"), 11), MOST_BYTES)
    assert right + wrong == COUNT
    assert min(right, wrong) > COUNT / 20


@pytest.mark.parametrize(("error"), [AssertionError, IndexError, KeyError, struct.error])
def test_whatever_pillow_raises_of_an_image_is_one_error(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("first\nsecond")

    (tmp_path / "x.png").write_bytes(drawn("PNG"))
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(DataError, match=r"x\.png: cannot be read as an image \('?first[^\n]*\)\."):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz"])
def test_a_damaged_archive_that_is_read_holds_what_the_whole_one_holds(
    kind: str, tmp_path: Path
) -> None:
    data, read = ON_DISK[kind]
    file, same = tmp_path / "file", 0
    file.write_bytes(data)
    whole = read(file)
    for copy in damaged(data, 12, ON_DISK_COUNT):
        file.write_bytes(copy)
        try:
            found = read(file)
        except DataError:
            continue
        same += 1
        assert found == whole
    assert same < ON_DISK_COUNT / 4


DANGEROUS = (
    *(b"cos\nsystem\n(S'touch seen'\ntR", b"cposix\nsystem\n(S'touch seen'\ntR"),
    *(b"(S'touch seen'\nios\nsystem\n", b'cbuiltins\neval\n(S\'open("seen","w")\'\ntR'),
    *(b"\x8c\x02os\x8c\x06system\x93(\x8c\x0atouch seentR", b"Pidentity\n", b"\x82\x01"),
)


def test_instructions_that_would_run_something_never_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put each of them between two instructions of a right pickle, everywhere."""
    monkeypatch.chdir(tmp_path)
    tried = 0
    for batch in BATCHES:
        places = [position for _, _, position in pickletools.genops(batch)]
        for dangerous in DANGEROUS:
            for place in places[1:]:
                copy = batch[:place] + dangerous + batch[place:]
                with pytest.raises(DataError):
                    read_pickle(copy)
                tried += 1
    assert tried > 1000
    assert os.listdir(tmp_path) == []


def test_damaged_events_that_are_read_lie_on_the_sensor() -> None:
    seen = 0
    for copy in damaged(as_nmnist(EVENTS), 5):
        try:
            found: Events = read_nmnist(copy)
        except DataError:
            continue
        seen += 1
        assert len(found) == 0 or (found.x.max() < 34 and found.y.max() < 34)
    assert seen > 100


def test_hashes_of_the_fuzzed_archives_are_checked_by_cifar(tmp_path: Path) -> None:
    """Whatever is damaged, a batch whose content is not the published one is never used."""
    archive = cifar_tar(CONTENTS)

    def loaded(data: bytes) -> Dataset:
        (tmp_path / "tiny-python.tar").write_bytes(data)
        return load_cifar(spec_of(CONTENTS), tmp_path)

    original, right = loaded(archive), 0
    for copy in damaged(archive, 6, 300):
        try:
            found = loaded(copy)
        except DataError:
            continue
        right += 1
        np.testing.assert_array_equal(found.train_inputs, original.train_inputs)
    assert 0 < right < 300
