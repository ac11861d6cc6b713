"""Checks pictures that were delivered as lossless: names those whose pixels were lossily compressed before.

    python examples/check_a_lossless_delivery.py FOLDER

Exit code: 0 none was, 1 some were, 2 some could not be opened. An `inconclusive` picture is listed and breaks no rule.
"""

from __future__ import annotations

import sys

from forensics.batch import analyze_all
from forensics.inputs import expand
from forensics.results.failure import Failure
from forensics.results.wording import TITLES, percent


def main(folder: str) -> int:
    """Print what was found; returns the exit code."""
    code = 0
    names = expand([folder], recursive=True)
    for result in analyze_all(names):
        if isinstance(result, Failure):
            print(f"{result.name}: not opened, {result.error}")
            code = code or 2
        elif result.verdict in ("inconclusive", "no-content"):
            print(f"{result.name}: {TITLES[result.verdict]}, {percent(result.compressed)} compressed")
        elif result.verdict != "uncompressed":
            print(f"{result.name}: {TITLES[result.verdict]} at {percent(result.probability)}")
            code = 1
    return code


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
