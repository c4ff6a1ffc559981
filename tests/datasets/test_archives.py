"""Files out of archives: by content whatever the name, never onto a disk, never too much."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from gradassay.core.errors import DataError
from gradassay.datasets import archives
from gradassay.datasets.archives import read_members

FILES = {"a/one.bin": b"first", "a/two.txt": b"", "b/three.bin": bytes(range(256)) * 300}
PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


def tar_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def everything(path: PurePosixPath) -> bool:
    return True


def found(file: Path) -> dict[str, bytes]:
    return {str(name): content for name, content in read_members(file, everything)}


@pytest.mark.parametrize("kind", PACK)
def test_a_tar_archive_is_read_however_it_is_compressed_and_named(
    kind: str, tmp_path: Path
) -> None:
    file = tmp_path / "archive.whatever"
    file.write_bytes(PACK[kind](tar_of(FILES)))
    assert found(file) == FILES


def test_a_zip_archive_is_read(tmp_path: Path) -> None:
    file = tmp_path / "archive.tar"
    file.write_bytes(zip_of(FILES))
    assert found(file) == FILES


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    for file, content in ((tmp_path / "t", tar_of(FILES)), (tmp_path / "z", zip_of(FILES))):
        file.write_bytes(content)
        names = [str(name) for name, _ in read_members(file, lambda path: path.suffix == ".bin")]
        assert names == ["a/one.bin", "b/three.bin"]


def test_links_devices_and_paths_that_leave_the_archive_are_passed_over(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind in (
            ("link", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("device", tarfile.CHRTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("../out")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    file = tmp_path / "archive.tar"
    file.write_bytes(stream.getvalue())
    assert found(file) == {}
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("kind", PACK)
def test_a_truncated_tar_archive_is_an_error(kind: str, tmp_path: Path) -> None:
    data = PACK[kind](tar_of(FILES))
    file = tmp_path / "archive.tar"
    file.write_bytes(data[: len(data) // 3])
    with pytest.raises(DataError, match=r"^archive.tar: .* Replace it with a whole copy\."):
        found(file)


def test_a_file_that_is_missing_or_no_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^none.tar: no such file"):
        found(tmp_path / "none.tar")
    (tmp_path / "text").write_bytes(b"no archive at all")
    with pytest.raises(DataError, match=r"^text: is no whole archive"):
        found(tmp_path / "text")


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_a_member_that_is_too_large_is_refused_before_it_is_read(
    pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path
) -> None:
    file = tmp_path / "archive"
    file.write_bytes(pack(FILES))
    with pytest.raises(DataError, match=r"b/three.bin announces 76,800 bytes; expected at most 9"):
        list(read_members(file, everything, max_bytes=9))


def test_an_archive_that_holds_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bomb.tar.gz"
    file.write_bytes(gzip.compress(tar_of({"zeros": bytes(2**22)})))
    monkeypatch.setattr(archives, "MOST_DECOMPRESSED", 2**21)
    with pytest.raises(DataError, match=r"holds more than 2,097,152 bytes"):
        list(read_members(file, lambda path: False))
    monkeypatch.setattr(archives, "MOST_DECOMPRESSED", 2**30)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    many = tmp_path / "many"
    for content in (tar_of(FILES), zip_of(FILES)):
        many.write_bytes(content)
        with pytest.raises(DataError, match=r"^many: holds (more than 2|3) files"):
            found(many)
