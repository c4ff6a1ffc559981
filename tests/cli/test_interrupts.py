"""Ctrl-C in an import, where an exception is ignored, and twice."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradassay.cli.interrupts import prompt_interrupts


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """A test run in a shell's background is told to ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGVTALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
    signal.signal(signal.SIGINT, before)


def module_interrupted(times: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"interrupted_{times}"
    (folder / f"{name}.py").write_text(
        "import os, signal\n"
        + "os.kill(os.getpid(), signal.SIGINT)\n" * times
        + "import sys\nsys.reached = True\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "reached", False, raising=False)
    return name


def import_and_go_on(name: str) -> None:
    importlib.import_module(name)
    busy(10)


def interrupted_in_a_callback() -> None:
    thing = threading.Event()
    kept = weakref.ref(thing, lambda _: interrupt())
    del thing
    assert kept() is None
    busy(10)


def test_it_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), prompt_interrupts():
        interrupt()


def test_an_import_is_finished_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = module_interrupted(1, tmp_path, monkeypatch)
    with pytest.raises(KeyboardInterrupt), prompt_interrupts():
        import_and_go_on(name)
    assert sys.reached  # type: ignore[attr-defined]


def test_the_second_is_raised_in_an_import_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = module_interrupted(2, tmp_path, monkeypatch)
    with pytest.raises(KeyboardInterrupt), prompt_interrupts():
        importlib.import_module(name)
    assert not sys.reached  # type: ignore[attr-defined]


def test_it_is_raised_again_where_it_was_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), prompt_interrupts():
        interrupted_in_a_callback()
    assert "ignored" not in capsys.readouterr().err


def test_other_exceptions_that_are_ignored_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda ignored: told.append(ignored.exc_type))
    thing = threading.Event()
    kept = weakref.ref(thing, lambda _: 1 / 0)
    with prompt_interrupts():
        del thing
        assert kept() is None
    assert told == [ZeroDivisionError]


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda number, frame: None])
def test_a_handler_of_somebody_else_is_left(handler: object) -> None:
    signal.signal(signal.SIGINT, handler)  # type: ignore[arg-type]
    try:
        with prompt_interrupts():
            assert signal.getsignal(signal.SIGINT) is handler
            interrupt()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_another_thread_gets_no_handler() -> None:
    found: list[object] = []

    def run() -> None:
        with prompt_interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
