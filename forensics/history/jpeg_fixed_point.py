"""Confirmation by idempotence: stored planes coded again by the real codec with the recovered steps come back unchanged.

Each stored plane (luma, and chroma at its own resolution) goes through the codec as a grey picture, cropped to its block grid, with the recovered
table. Were it the decoder's output for that table, its coefficients are multiples of the steps but for rounding noise, quantisation
removes the noise and the decoder gives the same samples.
"""

from __future__ import annotations

import numpy as np

from forensics.codecs.exchange import load_with_pillow, save_with_pillow
from forensics.history.jpeg_planes import BLOCK

_LONGEST_SIDE = 1024


def unchanged_share(plane: np.ndarray, usable: np.ndarray, phase: tuple[int, int], table: np.ndarray) -> float:
    """Share of samples that coding and decoding leave as they were.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]
        Stored samples, rounded here to 0..255.
    usable : np.ndarray [shape=(height, width), dtype=bool]
        Samples that cannot have been clipped; only blocks without others count.
    phase : tuple of int
        Of the block grid.
    table : np.ndarray [shape=(64,), dtype=int64]
        Steps in raster order, 1..255.

    Returns
    -------
    float
        In 0..1; NaN when no block is usable. A picture of which nothing was quantised so falls far below 1 at coarse steps.
    """
    from PIL.JpegImagePlugin import JpegImageFile

    height = min((plane.shape[0] - phase[0]) // BLOCK * BLOCK, _LONGEST_SIDE)
    width = min((plane.shape[1] - phase[1]) // BLOCK * BLOCK, _LONGEST_SIDE)
    part = np.s_[phase[0] : phase[0] + height, phase[1] : phase[1] + width]
    samples = np.clip(np.rint(plane[part]), 0, 255).astype(np.uint8)
    whole = usable[part].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).all(axis=(1, 3))
    if not whole.any():
        return float("nan")
    data = save_with_pillow(samples, "JPEG", qtables=[[int(step) for step in table]])
    same = load_with_pillow(data, JpegImageFile) == samples
    blocks = same.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).mean(axis=(1, 3))
    return float(blocks[whole].mean())
