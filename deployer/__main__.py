"""`python -m deployer` and the `deployer` command."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys

INTERRUPTED = 130
_OBJECTS = 100_000
"""New objects between two looks for cycles; nearly all live to the end, and looking at them again is a fifth of a large plan."""


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    try:
        gc.set_threshold(_OBJECTS)
        _fill_streams()
        from deployer.cli.app import run  # noqa: PLC0415 - keeps `import deployer.__main__` free of everything

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while it was still importing
        code = INTERRUPTED
    if code == INTERRUPTED:  # an impatient Ctrl-C while the interpreter goes down must not change how we ended
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _fill_streams() -> None:
    """Points a closed standard stream (`2>&-`) at /dev/null, or the next file we open would take its number and get our messages."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - a stream for the whole run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a sign the locale cannot write must not end an apply
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
