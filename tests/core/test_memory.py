"""What the C library is asked to keep, and that no other platform is asked."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

import pytest

from gradassay.core.memory import keep_freed_memory

GIB = 2**30
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


class Library:
    """A C library whose `mallopt` takes only some settings."""

    def __init__(self, takes: Callable[[int, int], int]) -> None:
        self.asked: list[tuple[int, int]] = []
        self.takes = takes

    def mallopt(self, parameter: int, value: int) -> int:
        self.asked.append((parameter, value))
        return self.takes(parameter, value)


def kept(
    monkeypatch: pytest.MonkeyPatch, takes: Callable[[int, int], int]
) -> tuple[bool, list[tuple[int, int]]]:
    """Return the answer and what was asked of a library on Linux."""
    library = Library(takes)
    loaded: list[str] = []

    def load(name: str) -> Library:
        loaded.append(name)
        return library

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", load)
    answer = keep_freed_memory()
    assert loaded == ["libc.so.6"]
    return answer, library.asked


def test_a_gibibyte_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, asked = kept(monkeypatch, lambda parameter, value: 1)
    assert answer is True
    assert asked == [(TRIM_THRESHOLD, GIB), (MMAP_THRESHOLD, GIB)]


def test_an_older_library_keeps_32_mebibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, asked = kept(
        monkeypatch, lambda parameter, value: int(parameter == TRIM_THRESHOLD or value <= 2**25)
    )
    assert answer is True
    assert asked == [(TRIM_THRESHOLD, GIB), (MMAP_THRESHOLD, GIB), (MMAP_THRESHOLD, 2**25)]


@pytest.mark.parametrize("refused", [TRIM_THRESHOLD, MMAP_THRESHOLD])
def test_a_setting_that_is_refused_is_no_effect(
    monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    answer, _ = kept(monkeypatch, lambda parameter, value: int(parameter != refused))
    assert answer is False


def test_another_platform_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr(ctypes, "CDLL", load)
    for platform in ("darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        assert keep_freed_memory() is False


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_linux_without_glibc_is_no_error(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def load(name: str) -> None:
        raise error

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", load)
    assert keep_freed_memory() is False


def test_versions_of_linux_in_the_name_of_the_platform_are_linux(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library(lambda parameter, value: 1))
    monkeypatch.setattr(sys, "platform", "linux2")
    assert keep_freed_memory() is True
