"""Draws where in a picture which codec shows, and lists the regions that depart from the rest.

python examples/map_as_overlay.py PICTURE OVERLAY.png
"""

from __future__ import annotations

import sys

from matplotlib.figure import Figure

import forensics
from forensics.examination import localise
from forensics.localisation.outputs import sentence
from forensics.report.map_plots import plot_map


def main(path: str, overlay: str) -> int:
    """Save the overlay and print the regions; returns how many there are."""
    picture = forensics.open_picture(path)
    found = localise(picture)
    figure = Figure(figsize=(7, 7), layout="constrained")
    plot_map(found, picture.pixels, figure.add_subplot())
    figure.savefig(overlay, dpi=120)
    for number, region in enumerate(found.regions, 1):
        print(sentence(number, region, found))
    if not found.regions:
        print("no region departs from the rest")
    return len(found.regions)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
