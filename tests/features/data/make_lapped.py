"""Makes lapped_overlap{0,1,2}.jxr: a synthetic texture coded by jxrlib's JxrEncApp with known settings.

Made with Debian's libjxr-tools 1.2~git20170615. Run as `python make_lapped.py` in this folder, with JxrEncApp on PATH.
Overlap 0 and 2 are 4:4:4, overlap 1 is 4:2:0.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

SETTINGS = {0: (24, 3), 1: (24, 1), 2: (40, 3)}
"""Overlap mode: (quantiser index, JxrEncApp's number of the chroma format)."""


def texture(side: int = 144) -> np.ndarray:
    """Smooth colour with grain of several sizes, `np.ndarray [shape=(side, side, 3), dtype=uint8]`."""
    rng = np.random.default_rng(832)
    shared = sum(gaussian_filter(rng.normal(size=(side, side)), s) * 22 * s for s in (0.7, 1.5, 4, 12))
    tint = np.stack([gaussian_filter(rng.normal(size=(side, side)), 2) * 40 for _ in range(3)], axis=2)
    return np.clip(np.round(128 + np.asarray(shared)[:, :, None] + tint), 0, 255).astype(np.uint8)


def main() -> None:
    folder = Path(__file__).parent
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "texture.ppm")
        Image.fromarray(texture()).save(source)
        for overlap, (index, chroma) in SETTINGS.items():
            target = folder / f"lapped_overlap{overlap}.jxr"
            options = ["-c", "9", "-q", str(index), "-d", str(chroma), "-l", str(overlap)]
            subprocess.run(
                ["JxrEncApp", "-i", str(source), "-o", str(target), *options],
                check=True,
                stdout=subprocess.DEVNULL,
            )


if __name__ == "__main__":
    main()
