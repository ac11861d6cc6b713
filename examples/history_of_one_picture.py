"""Says how one picture was compressed: the verdict, the codec's parameters, and the traces that were found.

python examples/history_of_one_picture.py PICTURE
"""

from __future__ import annotations

import sys

import forensics


def main(path: str) -> None:
    """Print what is known of one picture."""
    found = forensics.examine(path, map=False)
    analysis, history = found.analysis, found.history
    assert history is not None  # it was asked for
    print(f"{analysis.verdict} at {analysis.probability:.3f}; compressed at all: {analysis.compressed:.3f}")
    if analysis.afterwards:
        print("since then:", max(analysis.afterwards, key=analysis.afterwards.__getitem__))
    for parameter in history.parameters:
        if parameter.value is None:
            print(f"  {parameter.name}: not recoverable, {parameter.reason}")
        else:
            print(f"  {parameter.name}: {parameter.value} {parameter.unit}".rstrip())
    for trace in history.traces:
        if trace.found:
            print(f"  {trace.sentence}")
    for limit in analysis.limits:
        print(f"  but: {limit}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
