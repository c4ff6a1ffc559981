from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gradassay.core.errors import DataError
from gradassay.crosscheck.golden import Pack, read_pack, write_pack
from gradassay.crosscheck.golden.npy import encode
from gradassay.crosscheck.golden.reading import checksum_of

PACK = Path(__file__).parent / "pack"
INPUTS = "fc_dyadic/float64/inputs.npy"
Edit = Callable[[Callable[[dict[str, Any]], object]], Path]
Answer = Callable[..., Path]


@pytest.fixture(scope="session")
def pack() -> Pack:
    """The pack that is kept beside these tests, made by ``gradassay golden make --out pack``."""
    return read_pack(PACK)


@pytest.fixture(scope="session")
def small(pack: Pack) -> Pack:
    """Its first case, without estimators."""
    case = msgspec.structs.replace(pack.manifest.cases[0], methods=[])
    unused = ("/state/", "/gradient/")
    files = [
        file
        for file in pack.manifest.files
        if file.path.startswith(case.name) and not any(part in file.path for part in unused)
    ]
    manifest = msgspec.structs.replace(
        pack.manifest, cases=[case], files=files, checksum=checksum_of([case], files)
    )
    return Pack(manifest, {file.path: pack.arrays[file.path] for file in files})


@pytest.fixture
def folder(small: Pack, tmp_path: Path) -> Path:
    """The small pack, to be damaged."""
    write_pack(small, tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Change the manifest of the small pack as JSON; returns the folder."""

    def change(how: Callable[[dict[str, Any]], object]) -> Path:
        manifest = json.loads((folder / "manifest.json").read_text())
        how(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    return change


@pytest.fixture
def answer(pack: Pack, tmp_path: Path) -> Answer:
    """Write arrays by path as answers to the pack; returns their folder."""

    def write(arrays: dict[str, np.ndarray], **manifest: object) -> Path:
        place = tmp_path / "answers"
        shutil.rmtree(place, ignore_errors=True)
        for path, array in arrays.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(encode(array))
        place.mkdir(exist_ok=True)
        told: dict[str, object] = {
            "format": "gradassay-golden-answers",
            "schema_version": 1,
            "pack": pack.manifest.checksum,
        }
        (place / "manifest.json").write_text(json.dumps(told | manifest))
        return place

    return write


@pytest.fixture
def right(pack: Pack) -> dict[str, np.ndarray]:
    """Every expected array, to be answered or spoilt."""
    return {path: pack.arrays[path].copy() for path in pack.expected}


def replace_file(folder: Path, path: str, data: bytes) -> Path:
    """Put other bytes in a pack's file, with size and sha256 in the manifest that fit."""
    (folder / path).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    (entry,) = (file for file in manifest["files"] if file["path"] == path)
    entry |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def refused(path: Path, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        read_pack(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def zipped(folder: Path, prefix: str = "") -> Path:
    target = folder.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
    return target


def same(one: Pack, other: Pack) -> bool:
    arrays = one.arrays.keys() == other.arrays.keys() and all(
        np.array_equal(array, other.arrays[path]) and array.dtype == other.arrays[path].dtype
        for path, array in one.arrays.items()
    )
    return arrays and one.manifest == other.manifest
