"""Pictures that were resized or rotated and restored, of which it is known where their blocks are: what the judge of
block phases is asked about where a picture's blocks do not start at its first sample (`forensics.windows.restored`).
"""

from __future__ import annotations

import math

import numpy as np
from forensics_features import native_size, rotation
from forensics_features.block_phases import LEAST_SIDE
from scipy.signal import fftconvolve

from forensics.training.whole_pictures import changed

SHARES = {"reduced": 0.58, "enlarged": 0.12, "rotated": 0.3}
"""What happens to them."""
_BESIDE = {"sharpened": 0.3, "recoloured": 0.3, "grey": 0.2, "blurred": 0.1, "noise": 0.1}
_BEFORE, _AFTER = 0.15, 0.2
"""Another step, and how often it is taken before and after."""
_NEAR = 0.01
"""Largest difference of a size that is found from the right one, as its share, for it to be taken."""
_OFF_CENTRE = 2.0
"""Pixels by which a picture turned back may lie off the middle: of 16 training pictures those whose angle was right lay
within half a pixel, where it was not 3 to 22 off."""
_BLOCKS = native_size.BLOCKS


def draw_restored(part: np.ndarray, numbers: np.random.Generator) -> np.ndarray | None:
    """A picture whose blocks start at its first sample, resized or rotated at random and restored.

    Parameters
    ----------
    part : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    numbers : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(h, w) or (h, w, 3), dtype=uint8] or None
        The size, or the angle, is the one that is found where it is the right one, and a size that is not is replaced
        by it; None where no rotation is found or nothing is left.
    """
    how = str(numbers.choice(list(SHARES), p=list(SHARES.values())))
    stored = changed(_beside(part, _BEFORE, numbers), how, numbers)
    stored = _beside(stored, _AFTER, numbers)
    if min(stored.shape[:2]) < native_size.LEAST_SIDE:
        return None
    made = _turned_back(stored, part) if how == "rotated" else _resized_back(stored, part.shape, how)
    return made if made is not None and min(made.shape[:2]) >= LEAST_SIDE else None


def _beside(pixels: np.ndarray, share: float, numbers: np.random.Generator) -> np.ndarray:
    if numbers.random() >= share:
        return pixels
    return changed(pixels, str(numbers.choice(list(_BESIDE), p=list(_BESIDE.values()))), numbers)


def _resized_back(stored: np.ndarray, shape: tuple[int, ...], how: str) -> np.ndarray:
    ratios = native_size.REDUCED if how == "reduced" else native_size.ENLARGED
    for width, height, _ in native_size.candidates(stored, 3, ratios):
        if max(abs(math.log(width / shape[1])), abs(math.log(height / shape[0]))) < _NEAR:
            return native_size.restored(stored, width, height)
    return native_size.restored(stored, shape[1], shape[0])


def _turned_back(stored: np.ndarray, part: np.ndarray) -> np.ndarray | None:
    found = rotation.find(stored)
    if found is None or abs(found.degrees) < rotation.LEAST_DEGREES:
        return None
    upright = rotation.undo(stored, found)
    if min(upright.shape[:2]) < LEAST_SIDE:
        return None
    row, column = place_of(upright, part)
    middle = [(n - m) / 2 for n, m in zip(part.shape, upright.shape[:2], strict=False)]
    if max(abs(row - middle[0]), abs(column - middle[1])) > _OFF_CENTRE:
        return None
    return np.ascontiguousarray(upright[-row % _BLOCKS :, -column % _BLOCKS :])


def place_of(upright: np.ndarray, part: np.ndarray) -> tuple[int, int]:
    """The row and column of a picture at which a smaller one of its middle starts, by their correlation.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.training.restorations import place_of
    >>> picture = np.random.default_rng(0).integers(0, 256, (200, 250)).astype(np.uint8)
    >>> place_of(picture[30:180, 21:230], picture)
    (30, 21)
    """
    whole, inner = (
        np.diff(_luma(pixels), axis=1)[1:] + np.diff(_luma(pixels), axis=0)[:, 1:] for pixels in (part, upright)
    )
    likeness = fftconvolve(whole, inner[::-1, ::-1], mode="full")
    row, column = np.unravel_index(int(likeness.argmax()), likeness.shape)
    return int(row) - inner.shape[0] + 1, int(column) - inner.shape[1] + 1


def _luma(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) if pixels.ndim == 2 else pixels[..., :3].astype(np.float32).mean(axis=2)
