"""Makes a data set whose labels leak: `real` was JPEG once, `generated` never was, and all files are PNG.

    python examples/make_leaky_set.py FOLDER [COUNT]

Crops of the uncompressed sample stand for both, so that nothing but the compression history tells the labels apart.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

SAMPLE = Path(__file__).parent / "uncompressed.png"
SIDE, COUNT = 128, 12


def main(folder: Path, count: int = COUNT) -> None:
    """Write the two folders, with so many files each, `COUNT` at most."""
    sample = Image.open(SAMPLE).convert("RGB")
    for number in range(count):
        top, left = 9 * number + 3, 11 * (number * 5 % COUNT) + 2
        crop = sample.crop((left, top, left + SIDE, top + SIDE))
        coded = io.BytesIO()
        crop.save(coded, "JPEG", quality=70 + 2 * number)
        for label, picture in (("generated", crop), ("real", Image.open(coded))):
            (folder / label).mkdir(parents=True, exist_ok=True)
            picture.save(folder / label / f"{number:02d}.png")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python make_leaky_set.py FOLDER [COUNT]")
    main(Path(sys.argv[1]), min(int(sys.argv[2]), COUNT) if len(sys.argv) == 3 else COUNT)
