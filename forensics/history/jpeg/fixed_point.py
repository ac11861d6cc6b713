"""What recompression by the real codec with the recovered steps shows: that stored planes come back unchanged, and how
large the file was.

Each stored plane (luma, and chroma at its own resolution) goes through the codec as a grey picture, cropped to its
block grid, with the recovered table. Were it the decoder's output for that table, its coefficients are multiples of the
steps but for rounding noise, quantisation removes the noise and the decoder gives the same samples. For the same reason
the whole picture, cropped to its grid, codes into about as many bytes as before.
"""

from __future__ import annotations

import numpy as np

from forensics.codecs.exchange import load_with_pillow, save_with_pillow
from forensics.history.jpeg.planes import BLOCK

_LONGEST_SIDE = 1024
"""Longest side in pixels of the part that is recompressed: a bound on work."""
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
"""What libjpeg codes here, in the order of Pillow's numbers."""
_START_OF_SCAN = b"\xff\xda"


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
        In 0..1; NaN when no block is usable. A picture of which nothing was quantised so falls far below 1 at coarse
        steps.
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


def coded_bytes(
    pixels: np.ndarray, origin: tuple[int, int], tables: tuple[np.ndarray, np.ndarray], subsampling: str, rgb: bool
) -> float:
    """Bytes of a baseline JPEG of the whole picture, from the size of its part on the grid.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    origin : tuple of int
        Row and column where the first whole MCU begins.
    tables : tuple of np.ndarray [shape=(64,), dtype=int64]
        Steps of luma and of chroma in raster order, 1..255.
    subsampling : str
        "4:4:4", "4:2:2" or "4:2:0"; of no effect on grey pictures.
    rgb : bool
        Whether the components are stored without a colour transform.
    """
    part = np.ascontiguousarray(pixels[origin[0] :, origin[1] :])
    listed = [[int(step) for step in table] for table in tables]
    options = {"keep_rgb": True, "subsampling": 0} if rgb else {"subsampling": SUBSAMPLINGS.index(subsampling)}
    data = save_with_pillow(part, "JPEG", qtables=listed[:1] if rgb or part.ndim == 2 else listed, **options)
    header = data.index(_START_OF_SCAN)
    return header + (len(data) - header) * (pixels.shape[0] * pixels.shape[1]) / (part.shape[0] * part.shape[1])
