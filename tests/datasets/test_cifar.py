"""CIFAR from archives and folders: what is read, where it is found, what is refused."""

from __future__ import annotations

import gzip
import io
import lzma
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import DataError
from gradassay.datasets import cifar, load_dataset
from gradassay.datasets.cifar import (
    CIFAR10,
    CIFARS,
    CifarSpec,
    cifar_status,
    download_cifar,
    load_cifar,
)

IMAGES = np.random.default_rng(3).integers(0, 256, (12, 3072), dtype=np.uint8)
LABELS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]


def batch(start: int, stop: int, **changes: Any) -> bytes:
    content = {b"data": IMAGES[start:stop], b"labels": LABELS[start:stop]}
    return pickle.dumps(content | changes, protocol=2)


CONTENTS = {"data_batch_1": batch(0, 5), "data_batch_2": batch(5, 9), "test_batch": batch(9, 12)}


def spec_of(contents: dict[str, bytes]) -> CifarSpec:
    """Return the specification under which the contents count as the published ones."""
    hashes = {name: md5(content).hexdigest() for name, content in contents.items()}
    test = {"test_batch": hashes.pop("test_batch")}
    return replace(CIFAR10, name="tiny", stem="tiny-python", train=hashes, test=test)


def tar_of(contents: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in {"readme.html": b"text", **contents}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def as_archive(suffix: str, pack: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"tiny-python{suffix}").write_bytes(pack(tar_of(CONTENTS)))

    return write


def as_batches(below: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / below).mkdir(parents=True, exist_ok=True)
        for name, content in CONTENTS.items():
            (folder / below / name).write_bytes(content)

    return write


FORMS = {
    "tar.gz": as_archive(".tar.gz", gzip.compress),
    "tar.xz": as_archive(".tar.xz", lzma.compress),
    "tar": as_archive(".tar", bytes),
    "folder": as_batches("cifar-10-batches-py"),
    "batches": as_batches(""),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("below", ["", "tiny", "tiny/raw"])
def test_images_and_labels_are_those_of_the_batches(form: str, below: str, tmp_path: Path) -> None:
    FORMS[form](tmp_path / below)
    data = load_cifar(spec_of(CONTENTS), tmp_path)
    np.testing.assert_array_equal(data.train_inputs, IMAGES[:9])
    np.testing.assert_array_equal(data.test_inputs, IMAGES[9:])
    assert data.train_targets.tolist() == LABELS[:9]
    assert data.test_targets.tolist() == LABELS[9:]
    assert (data.shape, data.classes) == ((3, 32, 32), 10)
    assert data.train_inputs.dtype == np.uint8
    inputs = data.scaling.applied(data.train_inputs)
    np.testing.assert_allclose(inputs, IMAGES[:9] / 255, rtol=1e-6)
    assert data.checksums["test_batch"] == f"md5:{md5(CONTENTS['test_batch']).hexdigest()}"


def test_the_environment_and_the_cache_are_searched(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(CONTENTS)
    FORMS["tar.xz"](cache / "tiny")
    assert str(cache) in load_cifar(spec, download=False).source
    FORMS["folder"](tmp_path / "data" / "tiny")
    monkeypatch.setenv("GRADASSAY_DATA", str(tmp_path / "data"))
    assert load_cifar(spec, download=False).source == str(
        tmp_path / "data" / "tiny" / "cifar-10-batches-py"
    )


def test_other_content_than_the_published_one_is_refused(tmp_path: Path) -> None:
    FORMS["tar.gz"](tmp_path)
    spec = spec_of({**CONTENTS, "data_batch_2": batch(5, 8)})
    with pytest.raises(DataError, match=r"^data_batch_2: content differs from the published file"):
        load_cifar(spec, tmp_path)
    status = cifar_status(spec, tmp_path, verify=True)
    assert (status.found, status.complete, status.files[0].state) == (True, False, "corrupt")
    assert cifar_status(spec, tmp_path, verify=False).complete


def test_an_archive_that_lacks_a_batch_says_which(tmp_path: Path) -> None:
    content = {name: CONTENTS[name] for name in ("data_batch_1", "test_batch")}
    (tmp_path / "tiny-python.tar.gz").write_bytes(gzip.compress(tar_of(content)))
    with pytest.raises(DataError, match=r"tiny-python.tar.gz: lacks data_batch_2\. Delete it"):
        load_cifar(spec_of(CONTENTS), tmp_path)


def test_an_archive_that_holds_a_batch_twice_is_refused(tmp_path: Path) -> None:
    twice = tar_of(CONTENTS | {"other/test_batch": CONTENTS["test_batch"]})
    (tmp_path / "tiny-python.tar").write_bytes(twice)
    with pytest.raises(DataError, match=r"tiny-python.tar: holds test_batch twice; expected it"):
        load_cifar(spec_of(CONTENTS), tmp_path)


def test_files_that_are_nowhere_are_named_with_the_folders_looked_in(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cifar10: files not found; looked in .*cifar-10-python"):
        load_dataset("cifar10", tmp_path)
    status = cifar_status(CIFAR10, tmp_path, verify=True)
    assert (status.found, status.files[0].state) == (False, "missing")
    with pytest.raises(DataError, match="gradassay data get cifar100"):
        load_dataset("cifar100", download=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps([1, 2]), "holds no dictionary"),
        (batch(0, 3, **{"x": 1}).replace(b"labels", b"babels"), "has no labels under 'labels'"),
        (pickle.dumps({"data": IMAGES[:3], "labels": [1, 2]}), "for 3 images"),
        (pickle.dumps({"data": IMAGES[:3], "labels": [1, 2, 10]}), "has labels beyond 0 to 9"),
        (pickle.dumps({"data": IMAGES[:3], "labels": [1, 2, "3"]}), "has no labels"),
        (pickle.dumps({"data": IMAGES[:3, :99], "labels": [1, 2, 3]}), "has no images"),
        (pickle.dumps({"data": IMAGES[:0], "labels": []}), "has labels beyond 0 to 9, or none"),
        (b"no pickle", "is no whole pickle|has the instruction"),
    ],
)
def test_a_batch_of_another_form_is_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    contents = {**CONTENTS, "test_batch": content}
    for name, one in contents.items():
        (tmp_path / name).write_bytes(one)
    with pytest.raises(DataError, match=message) as caught:
        load_cifar(spec_of(contents), tmp_path)
    assert str(caught.value).startswith("test_batch: ")
    assert "\n" not in str(caught.value)


def test_the_archive_is_downloaded_once_and_compared(web: Any, cache: Path) -> None:
    packed = gzip.compress(tar_of(CONTENTS), mtime=0)
    web.answers["/good/tiny-python.tar.gz"] = (200, packed, len(packed))
    spec = replace(
        spec_of(CONTENTS), archive_md5=md5(packed).hexdigest(), mirror=f"{web.url}/good/"
    )
    assert len(load_cifar(spec).train_targets) == 9
    assert download_cifar(spec).complete
    assert web.asked == ["/good/tiny-python.tar.gz"]
    assert (cache / "tiny" / "tiny-python.tar.gz").read_bytes() == packed


def test_a_download_that_is_not_the_published_archive_leaves_nothing(web: Any, cache: Path) -> None:
    web.answers["/bad/tiny-python.tar.gz"] = (200, b"other", 5)
    spec = replace(spec_of(CONTENTS), mirror=f"{web.url}/bad/")
    with pytest.raises(DataError, match="content differs from the published file"):
        load_cifar(spec)
    assert [path for path in (cache / "tiny").iterdir() if path.is_file()] == []


def test_both_data_sets_are_known_with_50_000_training_images_in_their_batches() -> None:
    assert [(name, len(spec.train), spec.classes) for name, spec in CIFARS.items()] == [
        ("cifar10", 5, 10),
        ("cifar100", 1, 100),
    ]
    hashes = [digest for spec in CIFARS.values() for digest in spec.batches.values()]
    assert len(set(hashes)) == 8
    assert {len(digest) for digest in hashes} == {32}


def test_files_below_the_environment_s_folder_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADASSAY_DATA", str(tmp_path))
    FORMS["folder"](tmp_path / "tiny" / "raw")
    data = load_cifar(spec_of(CONTENTS), download=False)
    assert data.source == str(tmp_path / "tiny" / "raw" / "cifar-10-batches-py")


def test_a_batch_that_is_far_too_large_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FORMS["batches"](tmp_path)
    monkeypatch.setattr(cifar, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match=r"^data_batch_1: has .* at most 1,000 .*data get tiny"):
        load_cifar(spec_of(CONTENTS), tmp_path)
