"""`python -m forensics`: the command without its script, and where the script begins."""

from __future__ import annotations

import sys


def start() -> None:
    """Run the command line; Ctrl-C while it is still being imported is no traceback either."""
    try:
        from forensics.cli.main import run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("forensics: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    start()
