"""The block grid of a codec, seen after the picture was turned by some degrees.

Borders of 8x8 blocks raise second differences. In the plane's spectrum a grid has lines at k / 8 along its two axes;
turned by an angle it has them along the turned axes. The angle is the one at which the lines of both axes are strongest
together; what a line is measured by is the same distance from the origin at other angles. Turning samples the picture
anew: the line at (8 - k) / 8 comes back, folded, next to the one at k / 8 and turned the other way by (8 - k) / k times
the angle. Both are read. Whether a reading is a grid the judge of
`forensics_models.block_grids` says.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and quantizer
   estimation", IEEE TIP 2003, doi:10.1109/TIP.2002.807361 (second differences across block borders).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage

from forensics_features.planes import as_planes, central
from forensics_features.unexplained import second_differences

DEGREES = np.arange(-8.0, 8.001, 0.02)
"""Angles that are tried, counter-clockwise; a line is some 0.1 degrees wide in a picture of 512 pixels."""
BLOCK = 8
"""Side of a block in pixels of the coded picture."""
LINES = ((1, False), (2, False), (3, False), (2, True), (3, True))
"""Multiples of the grid's frequency that are read, each as it is or folded."""
LEAST_SIDE = 96
"""Smallest side of a picture in which a turned grid is looked for."""
MOST_SIDE = 768
"""Larger pictures are read in their middle, which bounds the time."""
LEAST_DEGREES = 0.2
"""Smaller angles are those of a grid that was not turned."""

_CAP = 12.0
"""Second differences, levels, above which edges of the scene count no more."""
_MOST = 40.0
"""Power of a line over its surroundings above which it counts no more towards the choice of an angle."""
_TIES = 1e-4
"""Weight of what lies above `_MOST`, which chooses between angles that are equal up to it."""
_APART = 0.4
"""Degrees from which on two angles are different readings."""


class TurnedGrid(NamedTuple):
    """The best reading of a turned grid.

    Attributes
    ----------
    degrees : float
        By which the grid is turned counter-clockwise.
    values : np.ndarray [shape=(len(VALUE_NAMES),), dtype=float32]
        What shows how sure that is, in the order of `VALUE_NAMES`.
    """

    degrees: float
    values: np.ndarray


VALUE_NAMES = (
    "degrees", "lines", "lines_but_one", "next_degrees", "middle_degrees",
    *(f"{axis}.power{line}{'f' * folded}" for axis in ("x", "y") for line, folded in LINES),
    *(f"{axis}.upright{line}{'f' * folded}" for axis in ("x", "y") for line, folded in LINES),
    "log2_pixels", "contrast",
)  # fmt: skip
"""Names of the values; strengths are powers over their surroundings, 1 on average where there is no line; `degrees` is
without its sign; `upright` are the lines of a grid that was not turned."""


def find(pixels: np.ndarray) -> TurnedGrid | None:
    """The best reading of a turned block grid; None where the picture is too small.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]

    Returns
    -------
    TurnedGrid or None
        There is always a best reading; whether there is a grid `forensics_models.block_grids` judges.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import turned_grid
    >>> y, x = np.mgrid[:512, :512]
    >>> scene = 128 + 50 * np.sin(x / 23) + 40 * np.cos(y / 31) + np.random.default_rng(0).normal(0, 6, (512, 512))
    >>> stream = io.BytesIO()
    >>> Image.fromarray(scene.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=50)
    >>> turned = Image.open(stream).rotate(2, Image.Resampling.BICUBIC).crop((40, 40, 472, 472))
    >>> abs(turned_grid.find(np.asarray(turned)).degrees - 2) < 0.1
    True
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return None
    luma = as_planes(central(pixels, MOST_SIDE)[0]).y
    angles = np.deg2rad(DEGREES)
    lines = np.concatenate([line_powers(luma, angles), line_powers(luma.T, -angles)])
    capped = np.minimum(lines, _MOST)
    total = capped.sum(axis=0)
    # Several lines may stand above what counts: the strongest of such angles is in their middle.
    best = int((total + _TIES * lines.sum(axis=0)).argmax())
    apart = np.abs(DEGREES - DEGREES[best]) > _APART
    values = [
        abs(DEGREES[best]),
        total[best],
        total[best] - capped[:, best].max(),
        total[apart].max(),
        float(np.median(total)),
        *lines[:, best],
        *lines[:, len(DEGREES) // 2],
        np.log2(pixels.shape[0] * pixels.shape[1]),
        float(luma.std()),
    ]
    return TurnedGrid(float(DEGREES[best]), np.array(values, np.float32))


def line_powers(luma: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Power of the lines of borders across the second axis over the median of all angles.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=float32]
    angles : np.ndarray [shape=(m,)]
        In radians.

    Returns
    -------
    np.ndarray [shape=(len(LINES), m), dtype=float64]
    """
    edges = _edges(np.ascontiguousarray(luma))
    size = fft.next_fast_len(2 * max(edges.shape), real=True)
    rows = fft.rfft(edges, size, axis=1)
    seen = []
    for line, folded in LINES:
        turned = (line - BLOCK) / BLOCK if folded else line / BLOCK
        along = np.round(np.abs(turned * np.cos(angles) + folded) * size).astype(int)
        across = np.round(-turned * np.sin(angles) * size).astype(int) % size
        first = int(along.min())  # the spectrum is needed in the few columns that the line passes
        power = np.abs(fft.fft(rows[:, first : int(along.max()) + 1], size, axis=0)) ** 2
        there = power[across, along - first]
        seen.append(there * np.log(2) / np.maximum(np.median(there), 1e-9))
    return np.array(seen)


def _edges(luma: np.ndarray) -> np.ndarray:
    """Roots of second differences along the second axis, levelled, of equal strength everywhere, and windowed."""
    roots = np.sqrt(np.minimum(np.abs(second_differences(luma)), np.float32(_CAP)))
    roots -= ndimage.uniform_filter(roots, (9, 17), mode="nearest")
    strength = np.maximum(ndimage.uniform_filter(roots * roots, 33, mode="nearest"), 0)
    window = np.outer(np.hanning(roots.shape[0]), np.hanning(roots.shape[1])).astype(np.float32)
    return np.asarray(roots / (1e-3 + np.sqrt(strength)) * window, np.float32)
