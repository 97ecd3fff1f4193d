"""Ctrl-C: once, and nothing new starts; twice, and we leave at once. The journal is safe either way."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from deployer.cli.failures import ExitCode

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


STOPPING = "stopping: nothing new starts, what runs is finished and recorded; Ctrl-C again leaves at once"


@contextmanager
def interruptible(*, told: bool = False) -> Iterator[threading.Event]:
    """Yields the event that the first signal sets; the handlers before are back afterwards, unless we are leaving because of one.

    `told`: whoever watches shows `STOPPING` when the event is set, so nothing is written here.
    """
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        if stop.is_set():
            with suppress(OSError):
                os.write(2, b"\nleaving at once; the next apply goes on from the journal\n")
            os._exit(ExitCode.INTERRUPTED)
        stop.set()
        # Written directly: a handler may have interrupted a print that holds the stream's lock.
        if not told:
            with suppress(OSError):
                os.write(2, f"\n{STOPPING}\n".encode())

    # What is ignored stays ignored: `nohup deployer apply` outlives its terminal.
    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, on_signal) for number in heeded}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
