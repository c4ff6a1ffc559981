"""Files and folders appear whole or not at all, and leave nothing beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gradassay.core.atomic import folder_beside, require_writable, take_place, write_whole


class Stopped(BaseException):
    """Something that no handler of errors catches, as a keyboard interrupt."""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def stop_at_call(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> list[Any]:
    """Let a function of `os` stop the work at its call of that number; return its calls."""
    real, calls = getattr(os, name), []

    def stopping(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == number:
            raise Stopped
        return real(*args)

    monkeypatch.setattr(os, name, stopping)
    return calls


# ---- write_whole -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "found"), [("häuser\n", "häuser\n".encode()), (b"\x00\r\n\xff", b"\x00\r\n\xff")]
)
def test_a_file_holds_text_in_utf_8_or_bytes_as_they_are(
    tmp_path: Path, content: str | bytes, found: bytes
) -> None:
    write_whole(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == found
    assert names(tmp_path) == ["file"]


def test_parents_that_are_missing_are_made_and_those_that_exist_are_kept(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b" / "one", "1")
    write_whole(tmp_path / "a" / "b" / "two", "2")
    assert names(tmp_path / "a" / "b") == ["one", "two"]


def test_a_relative_name_is_beside_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_whole(Path("file"), "new")
    assert (tmp_path / "file").read_text() == "new"


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as caught:
        write_whole(tmp_path, "new")
    assert caught.value.errno == 21
    assert caught.value.strerror == "it is a folder"
    assert caught.value.filename == str(tmp_path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_interrupted_write_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    stop_at_call(monkeypatch, call, 1)
    with pytest.raises(Stopped):
        write_whole(target, "new")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_the_whole_content_is_on_disk_under_a_hidden_name_before_the_file_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | int] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        seen.append(os.fstat(descriptor).st_size)
        real_sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        seen.append(source.name)
        assert source.parent == target.parent
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    write_whole(tmp_path / "file", "12345")
    size, name = seen
    assert size == 5
    start, _, rest = str(name).partition("file")
    middle, _, end = rest.strip(".").partition(".")
    assert (start, end) == (".", "partial")
    assert len(bytes.fromhex(middle)) == 6


def test_hidden_names_of_two_writers_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = stop_at_call(monkeypatch, "replace", 0)
    for _ in range(2):
        write_whole(tmp_path / "file", "new")
    assert len({source for source, _ in calls}) == 2


# ---- require_writable ------------------------------------------------------------
def test_asking_whether_a_file_can_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    require_writable(tmp_path / "file")
    require_writable(tmp_path / "other")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_folder_that_does_not_exist_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        require_writable(tmp_path / "absent" / "file")


def test_a_probe_is_a_file_that_was_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradassay.core.atomic._hidden", lambda target: target)
    taken = tmp_path / "file"
    taken.write_text("old")
    with pytest.raises(FileExistsError):
        require_writable(taken)


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_a_probe_that_cannot_be_removed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    def unlink(self: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "unlink", unlink)
    require_writable(tmp_path / "file")


# ---- folder_beside and take_place ------------------------------------------------
def test_a_folder_takes_the_place_of_an_old_one(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "result"
    for content in ("one", "two"):
        with folder_beside(target) as fresh:
            assert fresh.parent == target.parent
            assert fresh.name.startswith(".result.")
            assert fresh.name.endswith(".partial")
            (fresh / content).touch()
            take_place(fresh, target)
        assert names(target) == [content]
        assert names(target.parent) == ["result"]


def stop_halfway(target: Path) -> None:
    with folder_beside(target) as fresh:
        (fresh / "part").touch()
        raise Stopped


def test_a_folder_that_is_not_finished_is_removed_with_its_content(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        stop_halfway(tmp_path / "result")
    assert names(tmp_path) == []


def test_each_folder_beside_the_target_is_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with folder_beside(tmp_path / "result") as one, folder_beside(tmp_path / "result") as two:
        assert one != two
    (tmp_path / "taken").mkdir()
    monkeypatch.setattr("gradassay.core.atomic._hidden", lambda target: tmp_path / "taken")
    with pytest.raises(FileExistsError), folder_beside(tmp_path / "result"):
        pass


def test_the_old_folder_is_moved_aside_under_a_name_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "result"
    target.mkdir()
    calls = stop_at_call(monkeypatch, "replace", 0)
    with folder_beside(target) as fresh:
        take_place(fresh, target)
    assert calls == [(target, fresh.with_suffix(".old")), (fresh, target)]


@pytest.mark.parametrize("number", [1, 2])
def test_an_old_folder_stays_or_comes_back_where_the_change_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    target = tmp_path / "result"
    target.mkdir()
    (target / "old").touch()
    stop_at_call(monkeypatch, "replace", number)
    with pytest.raises(Stopped), folder_beside(target) as fresh:
        take_place(fresh, target)
    assert names(target) == ["old"]
    assert names(tmp_path) == ["result"]


def test_an_interrupted_change_without_an_old_folder_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at_call(monkeypatch, "replace", 1)
    with pytest.raises(Stopped), folder_beside(tmp_path / "result") as fresh:
        take_place(fresh, tmp_path / "result")
    assert names(tmp_path) == []


def test_an_old_folder_that_cannot_be_removed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "result"
    target.mkdir()
    removed: list[Path] = []

    def remove(folder: Path, ignore_errors: bool = False) -> None:
        removed.append(folder)
        if not ignore_errors:
            raise PermissionError

    monkeypatch.setattr("shutil.rmtree", remove)
    with folder_beside(target) as fresh:
        take_place(fresh, target)
    assert removed == [fresh.with_suffix(".old"), fresh]
