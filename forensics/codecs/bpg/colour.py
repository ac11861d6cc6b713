"""From RGB to the planes of a BPG picture and back: colour matrices in fixed point, chroma decimation and upsampling.

Both directions follow the arithmetic of the reference implementation, so that what is decoded here equals the reference
decoder's output to the last bit, and what is encoded here starts from the samples that the reference encoder starts
from. The format itself fixes the colour spaces (BPG specification 0.9.5, clause 3.2; ITU-T H.273 clause 8.3 for the
coefficients) and the chroma positions, but not the filters.

Planes are `np.ndarray [dtype=uint16]`: luma, or G where the colour space is RGB, then Cb, B or Cg, then Cr, R or Co.
"""

from __future__ import annotations

import numpy as np
from forensics_features._kernel import kernel
from forensics_features.standards import LUMA_WEIGHTS

from forensics.codecs.hevc.headers import plane_steps

_STANDARDS = {"ycbcr": "bt601", "bt709": "bt709", "bt2020": "bt2020"}

_CENTRED = np.array([[2, -6, 18, 57, -10, 4, -1, 0], [-1, 4, -10, 57, 18, -6, 2, 0]], np.int64)
_COSITED = np.array([[0, 0, 0, 64, 0, 0, 0, 0], [-1, 4, -11, 40, 40, -11, 4, -1]], np.int64)
"""Interpolation filters in 1/64, for the even and the odd sample, over chroma samples -3..4 around the one at hand."""

_DECIMATE_CENTRED = np.array([0, 0, 0, 2, -4, -8, 17, 57, 57, 17, -8, -4, 2, 0, 0], np.int64)
_DECIMATE_COSITED = np.array([-1, 0, 4, 0, -11, 0, 40, 64, 40, 0, -11, 0, 4, 0, -1], np.int64)
"""Decimation filters in 1/128, over luma samples -7..7 around the even one."""


def _integers(values: list[list[float]], scale: list[list[float]]) -> np.ndarray:
    return np.rint(np.multiply(values, scale)).astype(np.int64)


def _to_planes_matrix(colour_space: str) -> list[list[float]]:
    if colour_space == "rgb":
        return [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    if colour_space == "ycgco":
        return [[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0, -0.5]]
    red, _, blue = LUMA_WEIGHTS[_STANDARDS[colour_space]]
    green = 1 - red - blue
    return [
        [red, green, blue],
        [-0.5 * red / (1 - blue), -0.5 * green / (1 - blue), 0.5],
        [0.5, -0.5 * green / (1 - red), -0.5 * blue / (1 - red)],
    ]


def _to_rgb_matrix(colour_space: str) -> list[list[float]]:
    if colour_space == "rgb":
        return [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    if colour_space == "ycgco":
        return [[1, -1, 1], [1, 1, 0], [1, -1, -1]]
    red, _, blue = LUMA_WEIGHTS[_STANDARDS[colour_space]]
    green = 1 - red - blue
    return [
        [1, 0, 2 * (1 - red)],
        [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
        [1, 2 * (1 - blue), 0],
    ]


def _ranges(colour_space: str, bit_depth: int, limited: bool) -> tuple[float, float, float]:
    """Span of the first plane, span of the others, and offset of luma (of all planes for RGB).

    YCgCo has one gain for all three planes in the reference implementation, in the limited range too.
    """
    if not limited:
        return (1 << bit_depth) - 1, (1 << bit_depth) - 1, 0
    scale = 1 << (bit_depth - 8)
    chroma = 219 if colour_space in ("rgb", "ycgco") else 224
    return 219 * scale, chroma * scale, 16 * scale


@kernel
def _convert(
    rgb: np.ndarray, matrix: np.ndarray, offset: np.ndarray, shift: int, largest: int, planes: np.ndarray
) -> None:
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            for k in range(3):
                total = offset[k]
                for c in range(3):
                    total += matrix[k, c] * np.int64(rgb[i, j, c])
                planes[k, i, j] = min(max(total >> shift, 0), largest)


def to_planes(rgb: np.ndarray, colour_space: str, bit_depth: int, limited: bool) -> np.ndarray:
    """The three planes of an RGB picture at full resolution.

    Parameters
    ----------
    rgb : np.ndarray [shape=(height, width, 3), dtype=uint8]
    colour_space : str
        `ycbcr` (BT.601), `rgb`, `ycgco`, `bt709` or `bt2020`.
    bit_depth : int
        Of the planes, 8 to 14.
    limited : bool
        Whether luma spans 16..235 (scaled by bit depth) and not the full range.

    Returns
    -------
    np.ndarray [shape=(3, height, width), dtype=uint16]
    """
    shift = 31 - bit_depth
    luma, chroma, black = _ranges(colour_space, bit_depth, limited)
    gain = [[span * 2.0**shift / 255] * 3 for span in (luma, chroma, chroma)]
    matrix = _integers(_to_planes_matrix(colour_space), gain)
    centre = black if colour_space == "rgb" else 1 << (bit_depth - 1)
    offset = np.array([(int(level) << shift) + (1 << shift - 1) for level in (black, centre, centre)], np.int64)
    planes = np.empty((3, *rgb.shape[:2]), np.uint16)
    _convert(np.ascontiguousarray(rgb), matrix, offset, shift, (1 << bit_depth) - 1, planes)
    return planes


def grey_to_plane(grey: np.ndarray, bit_depth: int, limited: bool) -> np.ndarray:
    """The luma plane, `np.ndarray [shape=(height, width), dtype=uint16]`, of a grey uint8 picture of that shape."""
    shift = 31 - bit_depth
    luma, _, black = _ranges("ycbcr", bit_depth, limited)
    gain = round(luma * 2**shift / 255)
    levels = (np.arange(256, dtype=np.int64) * gain + (int(black) << shift) + (1 << shift - 1)) >> shift
    return levels.astype(np.uint16)[grey]


@kernel
def _decimate_rows(plane: np.ndarray, taps: np.ndarray, rounding: int, shift: int, out: np.ndarray) -> None:
    width = plane.shape[1]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = np.int64(rounding)
            for k in range(15):
                if taps[k] != 0:
                    total += taps[k] * np.int64(plane[i, min(max(2 * j + k - 7, 0), width - 1)])
            out[i, j] = total >> shift


def decimate(plane: np.ndarray, subsampling: str, bit_depth: int, cosited: bool = False) -> np.ndarray:
    """A chroma plane at the resolution of `4:2:0`, `4:2:2` or (unchanged) `4:4:4`; odd sides are rounded up.

    Horizontally first, with an intermediate of 14 bits; `cosited` is the horizontal position, the vertical one is
    centred.
    """
    if subsampling == "4:4:4":
        return plane
    taps = _DECIMATE_COSITED if cosited else _DECIMATE_CENTRED
    height, width = plane.shape
    half = np.empty((height, -(-width // 2)), np.int64)
    if subsampling == "4:2:2":
        _decimate_rows(plane, taps, 64, 7, half)
        return np.clip(half, 0, (1 << bit_depth) - 1).astype(np.uint16)
    _decimate_rows(plane, taps, 1 << bit_depth - 8, bit_depth - 7, half)
    across = np.ascontiguousarray(half.T)
    quarter = np.empty((across.shape[0], -(-height // 2)), np.int64)
    _decimate_rows(across, _DECIMATE_CENTRED, 1 << 20 - bit_depth, 21 - bit_depth, quarter)
    return np.clip(np.ascontiguousarray(quarter.T), 0, (1 << bit_depth) - 1).astype(np.uint16)


@kernel
def _interpolate_vertically(plane: np.ndarray, row: int, taps: np.ndarray, shift: int, out: np.ndarray) -> None:
    """Row `row` at full height, at the resolution of the plane across, as 14-bit numbers."""
    rounding = (1 << shift) >> 1
    weights = taps[row & 1]
    last = plane.shape[0] - 1
    for j in range(out.shape[0]):
        total = np.int64(rounding)
        for k in range(8):
            total += weights[k] * np.int64(plane[min(max((row >> 1) + k - 3, 0), last), j])
        out[j] = total >> shift


@kernel
def _interpolate_across(samples: np.ndarray, taps: np.ndarray, shift: int, largest: int, out: np.ndarray) -> None:
    rounding = 1 << (shift - 1)
    last = samples.shape[0] - 1
    for j in range(out.shape[0]):
        total = np.int64(rounding)
        for k in range(8):
            total += taps[j & 1, k] * samples[min(max((j >> 1) + k - 3, 0), last)]
        out[j] = min(max(total >> shift, 0), largest)


@kernel
def _restore(
    luma: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    steps: tuple[int, int],
    vertical: np.ndarray,
    across: np.ndarray,
    bit_depth: int,
    matrix: np.ndarray,
    offset: np.ndarray,
    rgb: np.ndarray,
) -> None:
    """Chroma at the size of luma, then RGB, a row at a time; `steps` is luma rows and columns for one of chroma."""
    largest = (1 << bit_depth) - 1
    samples = np.empty(first.shape[1], np.int64)
    line = np.empty((2, luma.shape[1]), np.int64)
    for i in range(luma.shape[0]):
        for plane in range(2):
            chroma = first if plane == 0 else second
            if steps[1] == 1:
                for j in range(luma.shape[1]):
                    line[plane, j] = chroma[i, j]
                continue
            if steps[0] == 2:
                _interpolate_vertically(chroma, i, vertical, bit_depth - 8, samples)
            else:
                for j in range(samples.shape[0]):
                    samples[j] = np.int64(chroma[i, j]) << (14 - bit_depth)
            _interpolate_across(samples, across, 20 - bit_depth, largest, line[plane])
        for j in range(luma.shape[1]):
            y = np.int64(luma[i, j])
            for c in range(3):
                value = matrix[c, 0] * y + matrix[c, 1] * line[0, j] + matrix[c, 2] * line[1, j] + offset[c]
                rgb[i, j, c] = min(max(value >> 22, 0), 255)


def to_rgb(
    luma: np.ndarray,
    chroma: tuple[np.ndarray, np.ndarray],
    subsampling: str,
    colour_space: str,
    bit_depth: int,
    limited: bool,
    cosited: bool = False,
) -> np.ndarray:
    """The RGB picture of three planes.

    Parameters
    ----------
    luma : np.ndarray [shape=(height, width), dtype=uint8 or uint16]
    chroma : two np.ndarray [shape=(height or ceil(height / 2), width or ceil(width / 2)), dtype=uint8 or uint16]
    subsampling : str
        `4:2:0`, `4:2:2` or `4:4:4`.
    colour_space, bit_depth, limited
        As for `to_planes`.
    cosited : bool
        Whether decimated chroma lies on luma samples horizontally and not between them.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=uint8]
    """
    matrix, offset = _rgb_arithmetic(colour_space, bit_depth, limited)
    steps = plane_steps(subsampling)[1]
    rgb = np.empty((*luma.shape, 3), np.uint8)
    across = _COSITED if cosited else _CENTRED
    planes = [np.ascontiguousarray(plane, np.uint16) for plane in (luma, *chroma)]
    _restore(*planes, steps, _CENTRED, across, bit_depth, matrix, offset, rgb)
    return rgb


def rgb_matrix(colour_space: str, bit_depth: int, limited: bool) -> tuple[np.ndarray, np.ndarray]:
    """Matrix `[shape=(3, 3), dtype=float64]` and the levels `[shape=(3,), dtype=int64]` taken off the planes before it,
    to RGB in 0..255.
    """
    luma, chroma, black = _ranges(colour_space, bit_depth, limited)
    matrix = np.multiply(_to_rgb_matrix(colour_space), [[255 / luma, 255 / chroma, 255 / chroma]] * 3)
    centre = black if colour_space == "rgb" else 1 << (bit_depth - 1)
    return matrix, np.array([black, centre, centre], np.int64)


def _rgb_arithmetic(colour_space: str, bit_depth: int, limited: bool) -> tuple[np.ndarray, np.ndarray]:
    """Integer matrix and offset that give 8-bit RGB with 22 fractional bits."""
    exact, levels = rgb_matrix(colour_space, bit_depth, limited)
    matrix = np.rint(exact * 2.0**22).astype(np.int64)
    return matrix, (1 << 21) - matrix @ levels


def plane_to_grey(luma: np.ndarray, bit_depth: int, limited: bool = False) -> np.ndarray:
    """The grey picture, `np.ndarray [shape=(height, width), dtype=uint8]`, of a luma plane of that shape."""
    span, _, black = _ranges("ycbcr", bit_depth, limited)
    gain = round(255 * 2.0**22 / span)
    levels = (np.arange(1 << bit_depth, dtype=np.int64) - int(black)) * gain + (1 << 21)
    return np.clip(levels >> 22, 0, 255).astype(np.uint8)[luma]
