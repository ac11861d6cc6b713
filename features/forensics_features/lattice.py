"""Colour lattices: the RGB values that a decoder working in 8-bit luma and chroma can produce, and no others.

A codec that stores 8-bit YCbCr can only ever output the images of the YCbCr integers under its colour matrix, rounded:
about a quarter of all RGB triples for full-range BT.601, a sixth for a limited range. A picture whose pixels all lie on
one such lattice came out of that decoder. Rounding differs between decoders (floating-point or 16-bit as in libjpeg,
8-bit fixed point in libheif, 6-bit in libyuv, two-stage truncation in libwebp), and each variant is a lattice of its
own: real files reach 1.000 on the right one and 0.8 to 0.98 on its neighbours.

Two measures for each lattice. *Membership*: the share of pixels that come back unchanged from a round trip to integer
YCbCr. *Comb*: |mean exp(2 pi i k)| where k is the luma (or chroma) of the pixel before rounding; it stays where only
luma is an integer, because the decoder keeps interpolated chroma at a higher precision. Rounding RGB to 8 bits
lowers it to about 0.45 for a true integer. *Bias* is the imaginary part: a decoder that truncates shifts it.

Pixels with a channel at 0 or 255 have lost their place in the lattice and grey ones (R = G = B) lie on every full-range
lattice: both are left out, and their shares are features of their own. Reversible transforms have no lattice of this
kind: JPEG 2000's RCT and JPEG XR's YUV map integers to integers one to one, JPEG XL's XYB is floating-point.

References
----------
.. [1] R. Neelamani, R. de Queiroz, Z. Fan, S. Dash, R. G. Baraniuk, "JPEG compression history estimation for color
   images", IEEE Trans. Image Processing 15(6), 2006, doi:10.1109/TIP.2005.864171.
.. [2] ITU-R BT.601-7, BT.709-6, BT.2020-2 (luma weights and limited range); ITU-T T.871 clause 7 (JFIF, full range);
   ITU-T H.273 clause 8.3 (matrix coefficients, YCgCo).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forensics_features._kernel import fast_kernel
from forensics_features.family import Family
from forensics_features.planes import Planes, row_bands, to_rgb8
from forensics_features.standards import LUMA_WEIGHTS

MINIMUM_PIXELS = 64
"""With fewer coloured, unclipped pixels than this nothing is said about lattices."""

_CHUNK = 2048
"""Pixels that are worked on at a time: a matter of speed."""
_LAST_SHIFT = 6
"""Of every decoder that truncates its products."""
_RED_AND_BLUE = {name: (red, blue) for name, (red, _, blue) in LUMA_WEIGHTS.items()}


class Decoder(NamedTuple):
    """Integer arithmetic from (Y, U, V), U and V with their offset of 128, to 8-bit RGB.

    R = (((Y luma) >> luma_shift) + ((V vr) >> chroma_shift) + red) >> shift, B likewise with U and `ub`, and
    G = (((Y luma) >> luma_shift) - ((U ug) >> chroma_shift) - ((V vg) >> chroma_shift) + green) >> shift.
    """

    luma: int
    ub: int
    ug: int
    vg: int
    vr: int
    luma_shift: int
    chroma_shift: int
    shift: int
    red: int
    green: int
    blue: int

    @property
    def rounds_once(self) -> bool:
        """Whether the last shift is the only one, so that the decoder is linear up to one rounding."""
        return self.luma_shift == 0 and self.chroma_shift == 0

    def forward(self) -> np.ndarray:
        """The affine inverse, `np.ndarray [shape=(3, 4), dtype=float64]`: real (Y, U, V) = rows . (R, G, B, 1)."""
        y = self.luma / 2.0**self.luma_shift
        scale = 2.0**self.chroma_shift
        matrix = np.array([[y, 0, self.vr / scale], [y, -self.ug / scale, -self.vg / scale], [y, self.ub / scale, 0]])
        truncated = np.array([0.5, -0.5, 0.5]) * (self.chroma_shift > 0) * np.array([1, 2, 1])
        offset = np.array([self.red, self.green, self.blue]) - truncated - 0.5 * (self.luma_shift > 0)
        inverse = np.linalg.inv(matrix)
        half = 2.0 ** (self.shift - 1) if self.shift else 0.0
        return np.column_stack([inverse * 2.0**self.shift, inverse @ (half - offset)])


def _rounding(luma_weights: tuple[float, float], limited: bool, bits: int = 16) -> Decoder:
    """The decoder of a matrix and range with coefficients of `bits` fractional bits and one rounding at the end."""
    kr, kb = luma_weights
    kg = 1 - kr - kb
    unit = 2**bits
    luma_gain, chroma_gain = (255 / 219, 255 / 224) if limited else (1.0, 1.0)
    y, ub, ug, vg, vr = (
        int(np.floor(gain * unit + 0.5))
        for gain in (
            luma_gain,
            2 * (1 - kb) * chroma_gain,
            2 * kb * (1 - kb) / kg * chroma_gain,
            2 * kr * (1 - kr) / kg * chroma_gain,
            2 * (1 - kr) * chroma_gain,
        )
    )
    base = unit // 2 - (16 * y if limited else 0)
    return Decoder(y, ub, ug, vg, vr, 0, 0, bits, base - 128 * vr, base + 128 * (ug + vg), base - 128 * ub)


def _six_bit(ub: int, ug: int, vg: int, vr: int, limited: bool) -> Decoder:
    """libyuv's decoder: luma gained in 16 bits and truncated to 6, chroma coefficients in 1/64 and at most 2."""
    luma, base = (18997, -1160) if limited else (16320, 32)
    return Decoder(257 * luma, ub, ug, vg, vr, 16, 0, 6, base - 128 * vr, base + 128 * (ug + vg), base - 128 * ub)


DECODERS: dict[str, Decoder] = {
    "bt601_full": _rounding(_RED_AND_BLUE["bt601"], limited=False),
    "bt601_full_8bit": _rounding(_RED_AND_BLUE["bt601"], limited=False, bits=8),
    "bt601_full_6bit": _six_bit(113, 22, 46, 90, limited=False),
    "bt601_limited": _rounding(_RED_AND_BLUE["bt601"], limited=True),
    "bt601_limited_truncated": Decoder(19077, 33050, 6419, 13320, 26149, 8, 8, 6, -14234, 8708, -17685),
    "bt601_limited_6bit": _six_bit(128, 25, 52, 102, limited=True),
    "bt709_full": _rounding(_RED_AND_BLUE["bt709"], limited=False),
    "bt709_full_6bit": _six_bit(119, 12, 30, 101, limited=False),
    "bt709_limited": _rounding(_RED_AND_BLUE["bt709"], limited=True),
    "bt709_limited_6bit": _six_bit(128, 14, 34, 115, limited=True),
    "bt2020_full": _rounding(_RED_AND_BLUE["bt2020"], limited=False),
    "bt2020_limited": _rounding(_RED_AND_BLUE["bt2020"], limited=True),
    "bt2020_limited_6bit": _six_bit(128, 12, 42, 107, limited=True),
}
"""Lattices by name: rounding once with exact coefficients (libjpeg, FFmpeg, BPG), with 8-bit coefficients (libheif),
libyuv's 6-bit ones (libavif), and libwebp's truncation after each product."""

COMBS = ("bt601_full", "bt601_limited", "bt709_full", "bt709_limited", "bt2020_limited")
"""The matrices whose luma and chroma are tested for integers."""

NAMES = (
    "grey_share",
    "clipped_share",
    *(f"{name}_share" for name in DECODERS),
    "ycgco_share",
    *(f"{name}_{plane}_comb" for name in COMBS for plane in ("luma", "cb", "cr")),
    *(f"{name}_{plane}_bias" for name in COMBS[:2] for plane in ("luma", "cb", "cr")),
)


def _check(decoder: Decoder) -> np.ndarray:
    """What `_rounded` or `_truncated` needs of a decoder, `np.ndarray [shape=(8,), dtype=float32]`.

    Products by Y, U for B and G, V for G and R, then three constants: for a decoder that rounds once in units of the
    output and of the *errors* of Y, U, V, half a step of the last bit above 0; for the others in units of the last
    shift, centred.
    """
    if decoder.rounds_once:
        scale = 2.0**decoder.shift
        return np.array([*decoder[:5], 0.5, 0.5, 0.5], np.float64) / scale
    luma, *chroma = decoder[:5]
    centre = 0.5 - 2.0 ** (decoder.shift - 1)
    products = [luma / 2.0**decoder.luma_shift, *(c / 2.0**decoder.chroma_shift for c in chroma)]
    return np.array([*products, *(c + centre for c in decoder[8:])])


_FORWARD = np.array([decoder.forward() for decoder in DECODERS.values()], dtype=np.float32)
_CHECK = np.array([_check(decoder) for decoder in DECODERS.values()], dtype=np.float32)
_ONCE = np.array([decoder.rounds_once for decoder in DECODERS.values()])
_ROWS = np.array([DECODERS[name].forward() for name in COMBS], dtype=np.float32).reshape(-1, 4)
_COUNTS = 4
"""Counters that the kernel fills."""


@fast_kernel
def _load(rgb: np.ndarray, start: int, size: int, planes: np.ndarray, weight: np.ndarray, counts: np.ndarray) -> None:
    """Split a run of pixels into float planes, weigh by 1 the coloured and unclipped, count the kinds."""
    grey = clipped = used = ycgco = np.int32(0)
    for i in range(size):
        r = np.int32(rgb[start + i, 0])
        g = np.int32(rgb[start + i, 1])
        b = np.int32(rgb[start + i, 2])
        same = np.int32((r == g) & (g == b))
        edge = np.int32((min(r, g, b) == 0) | (max(r, g, b) == 255))
        keep = (1 - same) * (1 - edge)
        grey += same
        clipped += edge
        used += keep
        ycgco += keep * np.int32(((r + b - 2 * g) & 3) == 0) * np.int32(((r - b) & 1) == 0)
        planes[0, i] = np.float32(r)
        planes[1, i] = np.float32(g)
        planes[2, i] = np.float32(b)
        weight[i] = np.float32(keep)
    counts[0] += grey
    counts[1] += clipped
    counts[2] += used
    counts[3] += ycgco


@fast_kernel
def _rounded(planes: np.ndarray, weight: np.ndarray, size: int, forward: np.ndarray, check: np.ndarray) -> np.float32:
    """How many weighed pixels the round trip through integers leaves unchanged, of a decoder that rounds once.

    It is the inverse of `forward`, so the pixel comes back when the rounding errors of Y, U and V move none of its
    channels by half a level.
    """
    half = np.float32(0.5)
    red, green, blue = planes[0], planes[1], planes[2]
    y_r, y_g, y_b, y_1 = forward[0, 0], forward[0, 1], forward[0, 2], forward[0, 3]
    u_r, u_g, u_b, u_1 = forward[1, 0], forward[1, 1], forward[1, 2], forward[1, 3]
    v_r, v_g, v_b, v_1 = forward[2, 0], forward[2, 1], forward[2, 2], forward[2, 3]
    luma, ub, ug, vg, vr, last = check[0], check[1], check[2], check[3], check[4], check[5]
    exact = np.float32(0)
    for i in range(size):
        r, g, b = red[i], green[i], blue[i]
        y = y_r * r + y_g * g + y_b * b + y_1
        u = u_r * r + u_g * g + u_b * b + u_1
        v = v_r * r + v_g * g + v_b * b + v_1
        y = luma * (np.floor(y + half) - y) + last
        u = np.floor(u + half) - u
        v = np.floor(v + half) - v
        kept = (abs(y + vr * v) < half) & (abs(y - ug * u - vg * v) < half) & (abs(y + ub * u) < half)
        exact += weight[i] if kept else np.float32(0)
    return exact


@fast_kernel
def _truncated(
    planes: np.ndarray, weight: np.ndarray, size: int, forward: np.ndarray, check: np.ndarray, shift: int
) -> np.float32:
    """As `_rounded` of a decoder that truncates its products; all of them are whole numbers that float32 holds."""
    half = np.float32(0.5)
    unit = np.float32(1 << shift)
    limit = half * unit
    red, green, blue = planes[0], planes[1], planes[2]
    y_r, y_g, y_b, y_1 = forward[0, 0], forward[0, 1], forward[0, 2], forward[0, 3]
    u_r, u_g, u_b, u_1 = forward[1, 0], forward[1, 1], forward[1, 2], forward[1, 3]
    v_r, v_g, v_b, v_1 = forward[2, 0], forward[2, 1], forward[2, 2], forward[2, 3]
    luma, ub, ug, vg, vr, add_r, add_g, add_b = (
        check[0],
        check[1],
        check[2],
        check[3],
        check[4],
        check[5],
        check[6],
        check[7],
    )
    exact = np.float32(0)
    for i in range(size):
        r, g, b = red[i], green[i], blue[i]
        y = np.floor(luma * np.floor(y_r * r + y_g * g + y_b * b + y_1 + half))
        u = np.floor(u_r * r + u_g * g + u_b * b + u_1 + half)
        v = np.floor(v_r * r + v_g * g + v_b * b + v_1 + half)
        error_r = y + np.floor(v * vr) + (add_r - unit * r)
        error_g = y - np.floor(u * ug) - np.floor(v * vg) + (add_g - unit * g)
        error_b = y + np.floor(u * ub) + (add_b - unit * b)
        kept = (abs(error_r) < limit) & (abs(error_g) < limit) & (abs(error_b) < limit)
        exact += weight[i] if kept else np.float32(0)
    return exact


@fast_kernel
def _characteristic(planes: np.ndarray, weight: np.ndarray, size: int, row: np.ndarray, sums: np.ndarray) -> None:
    """Add the weighed sums of the cosine and the sine of the row's value, taken in turns.

    sin(2 pi t) within 0.0011, by two parabolas; cos(2 pi t) is the sine of a quarter turn less |t|.
    """
    a, b, c, d = row[0], row[1], row[2], row[3]
    half, quarter = np.float32(0.5), np.float32(0.25)
    eight, sixteen = np.float32(8), np.float32(16)
    bend, rest = np.float32(0.225), np.float32(0.775)
    red, green, blue = planes[0], planes[1], planes[2]
    cosines = np.float32(0)
    sines = np.float32(0)
    for i in range(size):
        value = a * red[i] + b * green[i] + c * blue[i] + d
        t = value - np.floor(value + half)
        far = abs(t)
        s = t * (eight - sixteen * far)
        near = quarter - far
        e = near * (eight - sixteen * abs(near))
        sines += weight[i] * s * (rest + bend * abs(s))
        cosines += weight[i] * e * (rest + bend * abs(e))
    sums[0] += cosines
    sums[1] += sines


@fast_kernel
def _lattice(
    rgb: np.ndarray, forward: np.ndarray, check: np.ndarray, once: np.ndarray, rows: np.ndarray,
    counts: np.ndarray, members: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    planes = np.empty((3, _CHUNK), np.float32)
    weight = np.empty(_CHUNK, np.float32)
    for start in range(0, rgb.shape[0], _CHUNK):
        size = min(_CHUNK, rgb.shape[0] - start)
        _load(rgb, start, size, planes, weight, counts)
        for k in range(check.shape[0]):
            if once[k]:
                members[k] += _rounded(planes, weight, size, forward[k], check[k])
            else:
                members[k] += _truncated(planes, weight, size, forward[k], check[k], _LAST_SHIFT)
        for k in range(rows.shape[0]):
            _characteristic(planes, weight, size, rows[k], sums[k])


def _compute(planes: Planes) -> np.ndarray:
    rgb = np.concatenate([planes.rgb[rows] for rows in row_bands(planes.y.shape)]).reshape(-1, 3)
    counts = np.zeros(_COUNTS, np.int64)
    members = np.zeros(len(_CHECK), np.float64)
    sums = np.zeros((len(_ROWS), 2), np.float64)
    _lattice(rgb, _FORWARD, _CHECK, _ONCE, _ROWS, counts, members, sums)
    out = np.full(len(NAMES), np.nan, np.float32)
    out[:2] = counts[:2] / len(rgb)
    used = counts[2]
    if used < MINIMUM_PIXELS:
        return out
    members /= used
    sums /= used
    comb = np.hypot(sums[:, 0], sums[:, 1])
    out[2:] = np.concatenate([members, [counts[3] / used], comb, sums[:6, 1]])
    return out


FAMILY = Family("lattice", NAMES, _compute)


def lattice_features(pixels: np.ndarray) -> dict[str, float]:
    """Membership of a picture's colours in the lattices of 8-bit luma and chroma, by name.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        A picture of at least 64 x 64 pixels; see `forensics_features.planes.as_planes`.

    Returns
    -------
    dict[str, float]
        Keys `NAMES`. `<lattice>_share`: pixels reproduced exactly, 0..1.
        `<matrix>_<plane>_comb`: magnitude of the mean of exp(2 pi i k), 0..1, and `..._bias` its imaginary part, -1..1.
        All of them are NaN with fewer than `MINIMUM_PIXELS` coloured and
        unclipped pixels. `grey_share`, `clipped_share`: pixels left out, 0..1.

    Raises
    ------
    TypeError, ValueError
        As `forensics_features.planes.as_planes`.

    Notes
    -----
    Nothing depends on where pixels are: any crop and any order of the pixels gives the same expectation. Chance leaves
    a comb of about 1 / sqrt(pixels). A picture of few colours has combs by chance alone; a picture already on one
    lattice is partly on its neighbours.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from forensics_features import lattice_features
    >>> for sample in ("jpeg", "uncompressed"):
    ...     values = lattice_features(np.asarray(Image.open(f"examples/{sample}.png")))
    ...     print(sample, round(values["bt601_full_share"], 2))
    jpeg 1.0
    uncompressed 0.24
    """
    return FAMILY.named(to_rgb8(pixels))
