"""Packs made to do harm: pickles, headers, archives that unpack to too much or elsewhere."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradassay.core.errors import DataError
from gradassay.crosscheck.golden.npy import decode
from gradassay.crosscheck.golden.source import MOST_BYTES
from tests.crosscheck.golden.conftest import INPUTS, refused, replace_file, zipped


class Harmful:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch harmed",)


def test_a_pickle_is_refused_and_not_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    target = io.BytesIO()
    np.save(target, np.array([Harmful()], dtype=object), allow_pickle=True)
    for data in (target.getvalue(), pickle.dumps(Harmful())):
        refused(replace_file(folder, INPUTS, data.ljust(200)), INPUTS)
    assert not (tmp_path / "harmed").exists()


def npy(header: bytes, version: bytes = b"\1\0", body: bytes = b"") -> bytes:
    size = len(header).to_bytes(2 if version == b"\1\0" else 4, "little")
    return b"\x93NUMPY" + version + size + header + body


GOOD = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"


@pytest.mark.parametrize(
    "data",
    [
        npy(GOOD.replace(b"(1,)", b"(4611686018427387904, 4)"), body=bytes(8)),
        npy(GOOD.replace(b"(1,)", b"(True,)"), body=bytes(8)),
        npy(GOOD.replace(b"(1,)", b"(-1,)"), body=bytes(8)),
        npy(GOOD.replace(b"(1,)", b"1"), body=bytes(8)),
        npy(GOOD.replace(b"(1,)", b"(1,)*2"), body=bytes(8)),
        npy(GOOD.replace(b"False", b"True"), body=bytes(8)),
        npy(GOOD.replace(b"<f8", b">f8"), body=bytes(8)),
        npy(GOOD.replace(b"<f8", b"|O"), body=bytes(8)),
        npy(GOOD.replace(b"'<f8'", b"[('a', '<f8')]"), body=bytes(8)),
        npy(GOOD.replace(b"'<f8'", b"__import__('os')"), body=bytes(8)),
        npy(GOOD.replace(b"}", b"'x': 1}"), body=bytes(8)),
        npy(b"{" + b"(" * 500 + b")" * 500 + b"}", body=bytes(8)),
        npy(GOOD + b" " * 2000, body=bytes(8)),
        npy(GOOD, version=b"\3\0", body=bytes(8)),
        npy(b"", body=bytes(8)),
        b"\x93NUMPY\2\0\xff\xff\xff\xff",
        b"\x93NUMPY\1\0\1",
        b"\x93NUMPY",
        b"",
    ],
)
def test_a_header_of_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(DataError):
        decode(data, "array.npy")
    assert decode(npy(GOOD, body=bytes(8)), "array.npy").tolist() == [0.0]
    assert decode(npy(GOOD, b"\2\0", bytes(8)), "array.npy").tolist() == [0.0]


def test_an_archive_that_would_unpack_to_too_much_is_refused(folder: Path) -> None:
    target = zipped(folder)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(MOST_BYTES))
    assert target.stat().st_size < 200_000
    refused(target, "unpack to more")


def test_an_archive_that_lies_about_a_size_is_refused(folder: Path) -> None:
    small = (folder / "manifest.json").stat().st_size
    (folder / "manifest.json").write_bytes(bytes(10 * small))
    target = zipped(folder)
    data = target.read_bytes()
    told, lie = (n.to_bytes(4, "little") for n in (10 * small, small))
    assert data.count(told) >= 2
    target.write_bytes(data.replace(told, lie))
    refused(target, "damaged|not a manifest")


def test_an_archive_of_too_many_files_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "many.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(10_001):
            archive.writestr(str(number), b"")
    refused(target, "unpack to more")


@pytest.mark.parametrize("name", ["../escaped.npy", "/escaped.npy", "a/../../b", "a\\b"])
def test_an_archive_whose_names_lead_out_is_refused(folder: Path, name: str) -> None:
    target = zipped(folder)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, b"x")
    refused(target, "relative path inside")
    assert not (folder.parent / "escaped.npy").exists()


def test_an_archive_with_a_link_is_refused(folder: Path) -> None:
    target = zipped(folder)
    info = zipfile.ZipInfo("link.npy")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(info, "/etc/passwd")
    refused(target, "is a link")


def test_an_archive_that_holds_a_name_twice_is_refused(folder: Path) -> None:
    target = zipped(folder)
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("manifest.json", b"{}")
    refused(target, "twice")


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"no archive"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "pack.zip").write_bytes(data)
    refused(tmp_path / "pack.zip", "not a whole .zip file")
