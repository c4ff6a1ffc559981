"""Ctrl-C and a scheduler's SIGTERM: finish the batch, keep a checkpoint, then stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_gently(
    request: Callable[[], None], resumable: Callable[[], bool]
) -> Generator[Callable[[], None], None, None]:
    """Have the first signal call `request`; yield what raises KeyboardInterrupt after it.

    Parameters
    ----------
    request : callable
        Called by the signal handler; does nothing but note the wish.
    resumable : callable
        Says whether there is something to go on from: the interruption's message says so then.

    Notes
    -----
    The second signal stops at once. Outside the main thread, which alone gets signals, and where
    signals are ignored, nothing is changed.
    """
    asked = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        request()

    def stop_if_asked() -> None:
        if asked:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield stop_if_asked
        return
    heeded = [each for each in _SIGNALS if signal.getsignal(each) not in (signal.SIG_IGN, None)]
    before = {each: signal.signal(each, on_signal) for each in heeded}
    try:
        yield stop_if_asked
    except KeyboardInterrupt:
        if resumable():
            raise KeyboardInterrupt("interrupted; --resume goes on with it.") from None
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
