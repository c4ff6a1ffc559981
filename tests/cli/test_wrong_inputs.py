"""Every wrong command line ends in one line that says what is wrong, and leaves nothing behind."""

from __future__ import annotations

import importlib
import shlex
from pathlib import Path

import pytest

from gradassay.cli import main as command_line
from gradassay.cli.exit_codes import INTERRUPTED, UNUSABLE
from gradassay.cli.main import COMMANDS, main
from gradassay.cli.unexpected import told
from tests.cli.wrong_files import LONG, write_wrong_files
from tests.cli.wrong_inputs import WRONG

NESTED = ("data", "golden", "nir")


def listing(folder: Path) -> list[str]:
    paths = folder.rglob("*")
    return sorted(str(path) for path in paths if "__pycache__" not in path.parts)


def words_of(command: str) -> list[str]:
    return [word.replace("LONG", LONG) for word in shlex.split(command)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    write_wrong_files(folder)
    return folder


@pytest.fixture
def place(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as working folder, with its modules on Python's path, and no data elsewhere."""
    monkeypatch.chdir(files)
    monkeypatch.syspath_prepend(files)
    monkeypatch.setenv("GRADASSAY_DATA", str(files / "none"))
    return files


@pytest.mark.parametrize(
    ("command", "words"), WRONG, ids=[f"{number} {c[:60]}" for number, (c, _) in enumerate(WRONG)]
)
def test_a_wrong_command_is_one_line_and_leaves_nothing(
    command: str, words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = listing(place)
    assert main(words_of(command)) == UNUSABLE
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert words in printed
    assert len(printed.splitlines()) == 1
    assert "Traceback" not in printed
    assert listing(place) == before


def test_the_table_has_every_command() -> None:
    first = [shlex.split(command)[0] for command, _ in WRONG]
    assert set(COMMANDS) <= set(first)
    second = {tuple(shlex.split(command)[:2]) for command, _ in WRONG}
    parts = {
        (name, command)
        for name in NESTED
        for command in importlib.import_module(f"gradassay.cli.{name}").app
        if not command.startswith("-")
    }
    assert parts - {("data", "list")} <= second


def raised_by(words: list[str]) -> str:
    try:
        main(words)
    except (Exception, SystemExit) as error:
        return type(error).__name__
    return "nothing"


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("verify opzoo", "UsageError"),
        ("verify dfa --margin 2", "ConfigurationError"),
        ("report damaged_table", "DataError"),
        ("verify dfa --sede 1", "UnknownOptionError"),
        ("train --network fc-4 --estimators wrong_methods:Raises", "ZeroDivisionError"),
        ("train --network fc-4 --estimators wrong_methods:Exits", "SystemExit"),
        ("verify wrong_exit:Method", "UsageError"),
        ("sweep raising.toml --out s", "LookupError"),
    ],
)
def test_debug_raises_what_the_line_tells_of(command: str, kind: str, place: Path) -> None:
    assert raised_by([*words_of(command), "--debug"]) == kind


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(command_line, "app", fail)
    return main(["zoo"])


def test_an_exception_of_ours_is_one_line_that_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "keep_freed_memory", lambda: None)
    assert raising(monkeypatch, KeyboardInterrupt()) == INTERRUPTED
    assert capsys.readouterr().err == "error: interrupted; nothing was written.\n"
    assert raising(monkeypatch, MemoryError("9 GiB")) == UNUSABLE
    assert raising(monkeypatch, RuntimeError("one\ntwo")) == UNUSABLE
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_what_nobody_foresaw_is_told_as_what_it_is() -> None:
    assert told(ValueError("one\ntwo")) == (
        "ValueError: one two. It is a defect of gradassay; please report it; --debug shows the"
        " traceback."
    )
    assert told(MemoryError("9 GiB")).startswith("not enough memory (9 GiB). Use a smaller")
    refused = "DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"
    assert told(RuntimeError(refused)).startswith("not enough memory (DefaultCPUAllocator")
    missing = PermissionError(13, "Permission denied", "/a/b")
    assert told(missing) == "/a/b: Permission denied. Name another file or folder."
    with pytest.raises(ValueError, match="x") as caught:
        int("x")
    assert f"a defect of {Path(__file__).name}, line" in told(caught.value)
