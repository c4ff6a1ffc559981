"""Ctrl-C that neither breaks an import nor is lost."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# of processor time, until an interruption is tried again
RETRY_S = 0.02
_IMPORTS = "<frozen importlib._bootstrap>"


@contextmanager
def prompt_interrupts() -> Generator[None, None, None]:
    """Raise KeyboardInterrupt at Ctrl-C, but after an import, and again where it was ignored.

    Extension modules answer an exception in their initialisation with an error of another kind, or
    abort the process. Python ignores one in a weak reference's callback or a finaliser: the command
    would go on. The second Ctrl-C is raised at once, for imports that last.

    Notes
    -----
    Outside the main thread, which alone gets signals, where SIGINT is handled by somebody else and
    where there are no timers, nothing is changed.
    """
    asked = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        first, asked = number == signal.SIGVTALRM or not asked, True
        if first and _importing(frame):
            signal.setitimer(signal.ITIMER_VIRTUAL, RETRY_S)
        else:
            raise KeyboardInterrupt

    def on_ignored(ignored: UnraisableHookArgs) -> None:
        if ignored.exc_type is KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_VIRTUAL, RETRY_S)
        else:
            hook(ignored)

    if not _possible():
        yield
        return
    hook, sys.unraisablehook = sys.unraisablehook, on_ignored
    before = {each: signal.signal(each, on_signal) for each in (signal.SIGVTALRM, signal.SIGINT)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        for each, handler in before.items():
            signal.signal(each, handler)
        sys.unraisablehook = hook


def _possible() -> bool:
    return (
        threading.current_thread() is threading.main_thread()
        and hasattr(signal, "setitimer")
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTS:
            return True
        frame = frame.f_back
    return False
