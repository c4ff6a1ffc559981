"""Files out of archives: by content whatever the name, never onto a disk, never too much."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable
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
    zipped = tmp_path / "bomb.zip"
    zipped.write_bytes(zip_of({f"zeros{number}": bytes(2**20) for number in range(4)}))
    with pytest.raises(DataError, match=r"holds more than 2,097,152 bytes"):
        list(read_members(zipped, everything))
    monkeypatch.setattr(archives, "MOST_DECOMPRESSED", 2**30)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 2)
    many = tmp_path / "many"
    for content in (tar_of(FILES), zip_of(FILES)):
        many.write_bytes(content)
        with pytest.raises(DataError, match=r"^many: holds (more than 2|3) files"):
            found(many)


def gzip_of(pieces: Iterable[bytes]) -> bytes:
    """Return the compressed pieces, which together may be larger than memory should hold."""
    stream = io.BytesIO()
    with gzip.open(stream, "wb", compresslevel=1) as packed:
        for piece in pieces:
            packed.write(piece)
    return stream.getvalue()


def header(name: str = "x", kind: bytes = tarfile.REGTYPE, size: int = 0) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size
    return member.tobuf(tarfile.USTAR_FORMAT)


def peak_of(action: Callable[[], object]) -> int:
    """Return the most bytes that an action holds."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]
)
def test_a_header_that_is_a_bomb_takes_no_memory(kind: bytes, tmp_path: Path) -> None:
    size = 96 * 2**20
    file = tmp_path / "bomb.tar.gz"
    zeros = (bytes(2**20) for _ in range(96))
    file.write_bytes(gzip_of([header(kind=kind, size=size), *zeros]))

    def refuse() -> None:
        with pytest.raises(DataError, match=r"holds a header of more than 262,144 bytes"):
            found(file)

    assert peak_of(refuse) < size / 8


def test_a_map_of_holes_that_is_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    attributes = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    holes = [b"9999999999\n" + b"0\n" * 2**19] * 6
    file = tmp_path / "bomb.tar.gz"
    start = header(kind=tarfile.XHDTYPE, size=len(attributes)) + attributes.ljust(512, b"\0")
    file.write_bytes(gzip_of([start, header(size=2**30), *holes]))

    def refuse() -> None:
        with pytest.raises(DataError, match=r"holds a header of more than 262,144 bytes"):
            found(file)

    assert peak_of(refuse) < 2**24


def test_members_that_are_passed_over_take_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "many.tar.gz"
    file.write_bytes(gzip_of([header() * 10_000, bytes(1024)]))
    assert peak_of(lambda: list(read_members(file, lambda path: False))) < 2 * 2**20


def test_a_method_of_zip_that_decompresses_without_bound_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x", bytes(32 * 2**20))
    data = bytearray(stream.getvalue())
    announced = data.rindex(b"PK\x01\x02") + 24
    data[announced : announced + 4] = struct.pack("<I", 5)
    file = tmp_path / "bomb.zip"
    file.write_bytes(data)

    def refuse() -> None:
        with pytest.raises(DataError, match=r"x is compressed by another method than deflate"):
            found(file)

    assert peak_of(refuse) < 2**22


def test_a_tar_archive_that_ends_with_a_zip_archive_is_a_tar_archive(tmp_path: Path) -> None:
    files = {"one": b"first", "last.zip": zip_of({"inner": b"other"})}
    file = tmp_path / "archive"
    file.write_bytes(tar_of(files))
    assert found(file) == files


@pytest.mark.parametrize("end", [4, 8])
def test_a_gzip_archive_without_its_checksum_is_an_error(end: int, tmp_path: Path) -> None:
    file = tmp_path / "archive.tar.gz"
    file.write_bytes(gzip.compress(tar_of(FILES))[:-end])
    with pytest.raises(DataError, match="is no whole archive"):
        found(file)


def test_a_bit_that_only_the_checksum_shows_is_an_error(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(tar_of({"zeros": bytes(5000)}), compresslevel=0))
    data[2000] ^= 1
    file = tmp_path / "archive.tar.gz"
    file.write_bytes(data)
    with pytest.raises(DataError, match="is no whole archive"):
        found(file)


def test_a_tar_archive_cut_between_two_files_or_with_a_damaged_header_is_an_error(
    tmp_path: Path,
) -> None:
    data = tar_of({"one": bytes(512), "two": bytes(512)})
    file = tmp_path / "archive.tar"
    for damaged in (data[:1024], data[:1024] + b"?" + data[1025:]):
        file.write_bytes(damaged)
        with pytest.raises(DataError, match="is no whole archive"):
            found(file)
