"""`python -m forensics`: the command without its script, and where the script begins."""

from __future__ import annotations

import contextlib
import gc
import os
import sys


def start() -> None:
    """Run the command line; Ctrl-C while it is still being imported is no traceback either.

    A command that a signal ended leaves at once: nothing is left to do, and to free all that was loaded takes 0.2 s of
    processor time, which are many seconds on a machine that is short of it.
    """
    gc.set_threshold(50_000, 20, 20)  # 2 to 3 % of a report's time: what a command makes lives as long as it does
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # windows and pictures share the cores already
    try:
        from forensics.cli.main import run

        run()
    except SystemExit as stop:
        if isinstance(stop.code, int) and stop.code > 128:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(stop.code)
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
