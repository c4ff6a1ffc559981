"""What is wrong with a pack is one line, whatever it is."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import UsageError
from gradassay.crosscheck.golden import Pack, read_pack, write_pack
from gradassay.crosscheck.golden.npy import decode, encode
from tests.crosscheck.golden.conftest import INPUTS, Edit, refused, replace_file, same, zipped


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_an_array_comes_back_as_it_was(shape: tuple[int, ...], dtype: type) -> None:
    array: np.ndarray = np.random.default_rng(0).normal(size=shape).astype(dtype)
    data = encode(array)
    found = decode(data, "array.npy")
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)
    assert found.shape == shape == np.load(io.BytesIO(data), allow_pickle=False).shape


def test_a_pack_comes_back_as_it_was(small: Pack, folder: Path) -> None:
    assert same(read_pack(folder), small)


@pytest.mark.parametrize("prefix", ["", "pack/"])
def test_an_archive_is_read_like_its_folder(small: Pack, folder: Path, prefix: str) -> None:
    assert same(read_pack(zipped(folder, prefix)), small)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    data = (folder / INPUTS).read_bytes()
    (folder / INPUTS).write_bytes(data[:-1])
    refused(folder, "truncated after")
    (folder / INPUTS).write_bytes(data + b"\0")
    refused(folder, "longer than")
    replace_file(folder, INPUTS, data[:-8])
    refused(folder, "bytes")


def test_a_flipped_byte_is_refused(folder: Path) -> None:
    data = bytearray((folder / INPUTS).read_bytes())
    data[-1] ^= 1
    (folder / INPUTS).write_bytes(data)
    refused(folder, "sha256 is not that of the manifest")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: m.update(checksum="0" * 64), "its checksum is not"),
        (lambda m: m["cases"][0]["network"].update(leak=0.75), "its checksum is not"),
        (lambda m: m["files"][0].update(sha256="0" * 64), "sha256"),
        (lambda m: m.update(schema_version=2), "schema version 2; expected 1"),
        (lambda m: m.update(format="other"), "format 'other'"),
        (lambda m: m.update(surprise=1), "unknown field"),
        (lambda m: m.pop("cases"), "missing required field"),
        (lambda m: m["files"][0].update(shape=[2, 9]), "got shape"),
        (lambda m: m["files"][0].update(shape=[18, 2]), "expected 288"),
        (lambda m: m["files"][0].update(shape=[2**31 - 1] * 8), "bytes; expected"),
        (lambda m: m["files"][0].update(shape=[-1]), "not a manifest"),
        (lambda m: m["files"][0].update(dtype="<i8"), "dtype <f8; expected <i8"),
        (lambda m: m["files"][0].update(dtype="|O"), "not a manifest"),
        (lambda m: m["files"][0].update(tolerance=-1), "not a manifest"),
        (lambda m: m["files"].append(m["files"][0]), "twice"),
        (lambda m: m["cases"][0].update(inputs="nothing.npy"), "role 'given'"),
        (lambda m: m["cases"][0]["spikes"].clear(), "do not fit"),
        (lambda m: m["cases"][0].update(outputs=m["cases"][0]["inputs"]), "role 'expected'"),
        (lambda m: m["cases"][0].update(name="a\x1b[2J\nb"), "relative path inside"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    edit: Edit, change: Callable[[dict[str, Any]], object], told: str
) -> None:
    refused(edit(change), told)


@pytest.mark.parametrize(
    "path",
    ["../secret.npy", "/etc/passwd", "a/../../b.npy", "C:\\x.npy", "a//b.npy", "", "a\0b", "~/x"],
)
def test_a_path_that_leads_out_is_refused(edit: Edit, path: str) -> None:
    refused(edit(lambda m: m["files"][0].update(path=path)), "relative path inside")


def test_a_link_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.npy"
    shutil.move(folder / INPUTS, outside)
    (folder / INPUTS).symlink_to(outside)
    refused(folder, "leads out")
    (folder / INPUTS).unlink()
    (folder / INPUTS).symlink_to(INPUTS.rpartition("/")[2])
    refused(folder, INPUTS)


def test_a_folder_that_is_a_link_out_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "fc_dyadic", tmp_path / "elsewhere")
    (folder / "fc_dyadic").symlink_to(tmp_path / "elsewhere")
    refused(folder, "leads out")


def test_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    (folder / INPUTS).unlink()
    os.mkfifo(folder / INPUTS)
    refused(folder, "not a plain file")


def test_a_missing_file_folder_or_manifest_is_refused(folder: Path, tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "no such file")
    (folder / INPUTS).unlink()
    refused(folder, "no such file")
    (folder / "manifest.json").unlink()
    refused(folder, "manifest.json: no such file")


@pytest.mark.parametrize(
    "data", [b"", b"no JSON", b"[]", b"null", b"\xff\xfe", b'{"format": 1}', b"[" * 100_000]
)
def test_a_manifest_that_is_none_is_refused(folder: Path, data: bytes) -> None:
    (folder / "manifest.json").write_bytes(data)
    refused(folder, "not a manifest")


def test_a_manifest_without_end_is_refused(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b" " * (4 * 2**20 + 1))
    refused(folder, "longer than")


def test_only_a_pack_is_overwritten_and_only_when_asked(
    small: Pack, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--overwrite"):
        write_pack(small, folder)
    (folder / "stale").touch()
    write_pack(small, folder, overwrite=True)
    assert not (folder / "stale").exists()
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "manifest.json").write_text("{}")
    for place in (other, other / "manifest.json"):
        with pytest.raises(UsageError):
            write_pack(small, place, overwrite=True)
    assert (other / "manifest.json").read_text() == "{}"


def test_a_write_that_fails_leaves_nothing_and_the_old_pack(
    small: Pack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(folder.parent.rglob("*"))

    def full(path: Path, data: bytes) -> int:
        if path.name == "targets.npy":
            raise OSError(28, "No space left on device")
        return write(path, data)

    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError, match="No space left"):
        write_pack(small, folder, overwrite=True)
    assert sorted(folder.parent.rglob("*")) == before
    assert same(read_pack(folder), small)
