"""`python -m forensics`: the command without its script, and where the script begins."""

from __future__ import annotations

import contextlib
import os
import sys


def start() -> None:
    """Run the command line; Ctrl-C while it is still being imported is no traceback either.

    To free all that was loaded takes 0.1 to 0.2 s of processor time, which are many seconds on a machine that is short
    of it: it is left to the kernel, and a command that a signal ended does not wait for anything else either.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # windows and pictures share the cores already
    leaving = None
    try:
        from forensics.endings import Leaving, collect_rarely

        leaving = Leaving()
        collect_rarely()
        from forensics.cli.main import run

        run()
    except SystemExit as stop:
        if isinstance(stop.code, int) and stop.code > 128:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(stop.code)
        if leaving is not None and (stop.code is None or isinstance(stop.code, int)):
            leaving.at_once(stop.code or 0)
        raise
    except KeyboardInterrupt:
        _interrupted()
    except RuntimeError as error:  # what Python 3.11 makes of it where a class is being made
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        _interrupted()


def _interrupted() -> None:
    sys.stderr.write("forensics: interrupted\n")
    sys.exit(130)


if __name__ == "__main__":
    start()
