"""`python -m forensics`: the command without its script, and where the script begins."""

from __future__ import annotations

import sys


def start() -> None:
    """Run the command line; Ctrl-C while it is still being imported is no traceback either."""
    try:
        from forensics.cli.main import run

        run()
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
