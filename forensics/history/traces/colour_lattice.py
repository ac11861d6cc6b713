"""Colour lattice: are the picture's colours those, and only those, that 8-bit luma and chroma can give?

Statistic: the share of coloured, unclipped pixels that a round trip to integer luma and chroma leaves unchanged; with
it, for decoders that interpolate chroma at a higher precision, how far luma alone gathers at whole numbers, |mean exp(2
pi i Y)|.

Null model. What the share would be without the lattice is measured on the picture itself: its pixels moved by up to
`REACH` levels in every channel, at random, keep their local statistics and lose the lattice. Pixels are no independent
trials: under a full-range matrix membership depends on the differences R - G and B - G alone, and a picture of few
colours repeats them. So a trial is a distinct pair of differences, with the share of its pixels as weight, and the tail
is bounded by Chernoff's method for weighted sums of values in 0..1 (`a_contrario.log10_weighted_tail`).

A colour conversion through 8-bit YCbCr leaves the same trace without a codec: the trace says what happened to the
colours, not why.

References
----------
.. [1] R. Neelamani, R. de Queiroz, Z. Fan, S. Dash, R. G. Baraniuk, "JPEG compression history estimation for color
       images", IEEE Trans. Image
   Processing 15(6), 2006, doi:10.1109/TIP.2005.864171.
.. [2] ITU-R BT.601-7, BT.709-6, BT.2020-2; ITU-T T.871 clause 7; ITU-T H.273 clause 8.3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from forensics_features.lattice import COMBS, DECODERS, MINIMUM_PIXELS, Decoder

from forensics.history.traces.sample import Sample
from forensics.results.a_contrario import LN10, log10_nfa, log10_weighted_tail
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "colour_lattice"
MOST_PIXELS = 2**17
"""Pixels looked at, chosen at random in larger pictures."""
REACH = 3
"""Pixels are moved by up to this for the expected share, in levels."""
YCGCO = "ycgco"
WHOLE = 0.85
"""With a smaller share on the lattice the picture was changed since, or only a part of it came out of a decoder."""
_MARGIN = 1.1
"""The expected share is raised by this factor: its own error, and matrices whose lattices resemble each other."""
_TESTS = len(DECODERS) + 1 + len(COMBS)
_HEVC = ("bpg", "heic")
_SPEAKS_FOR = {
    "bt601_full": ("jpeg", "bpg", "heic", "avif"),
    "bt601_full_8bit": ("heic",),
    "bt601_full_6bit": ("avif",),
    "bt601_limited_truncated": ("webp",),
}
"""Of the other matrices: `_OTHERS`."""
_OTHERS = ("avif", *_HEVC)
_MATRICES = {"bt601": "BT.601", "bt709": "BT.709", "bt2020": "BT.2020", "ycgco": "YCgCo"}
_ARITHMETIC = {"8bit": ", 8-bit arithmetic", "6bit": ", 6-bit arithmetic", "truncated": ", truncating"}


class _Test(NamedTuple):
    lattice: str
    luma_only: bool
    statistic: float
    expected: float
    log10_tail: float


def colour_lattice(sample: Sample, *, seed: int = 0) -> Trace:
    """Test all lattices of `forensics_features.lattice` and YCgCo.

    Returns
    -------
    Trace
        `statistic`: share of pixels on the lattice, or |mean exp(2 pi i Y)| where luma alone is whole, 0..1.
        `parameters`: `lattice`, `luma_only`, `whole` (at least `WHOLE` of the pixels; else no class is named),
        `expected` (what the picture's own statistics give), `pixels`, `colours` (distinct differences). `series`:
        `share` and `expected` by lattice, in the order of `names`.
    """
    numbers = np.random.default_rng(seed)
    rgb = _coloured(sample, numbers)
    if len(rgb) < MINIMUM_PIXELS:
        return _none("Too few coloured, unclipped pixels to test for a lattice of colours.", len(rgb))
    weights = _pair_weights(rgb)
    moved = rgb + numbers.integers(-REACH, REACH + 1, rgb.shape)
    tests = [_membership(name, rgb, moved, weights) for name in (*DECODERS, YCGCO)]
    tests += [_luma_comb(name, rgb, moved, weights) for name in COMBS]
    best = min(tests, key=lambda test: (test.log10_tail, -test.statistic))
    nfa = log10_nfa(best.log10_tail, _TESTS)
    found = nfa <= FOUND_BELOW
    whole = best.luma_only or best.statistic >= WHOLE
    return Trace(
        name=NAME,
        statistic=best.statistic,
        log10_nfa=nfa,
        speaks_for=_SPEAKS_FOR.get(best.lattice, _OTHERS) if found and whole else (),
        parameters={
            "lattice": best.lattice if found else None,
            "luma_only": best.luma_only if found else None,
            "whole": whole if found else None,
            "expected": round(best.expected, 4),
            "pixels": len(rgb),
            "colours": len(weights),
        },
        sentence=_sentence(best, len(rgb), len(weights), nfa, found),
        series={
            "names": np.array([test.lattice + (" luma" if test.luma_only else "") for test in tests]),
            "share": np.array([test.statistic for test in tests]),
            "expected": np.array([test.expected for test in tests]),
        },
    )


def _none(sentence: str, pixels: int) -> Trace:
    parameters = {"lattice": None, "luma_only": None, "expected": None, "pixels": pixels, "colours": 0}
    empty = {"names": np.empty(0, "U1"), "share": np.empty(0), "expected": np.empty(0)}
    return Trace(NAME, 0.0, float("nan"), (), parameters, sentence, empty)


def _coloured(sample: Sample, numbers: np.random.Generator) -> np.ndarray:
    """Coloured, unclipped pixels, `np.ndarray [shape=(n, 3), dtype=int32]`, at most `MOST_PIXELS`."""
    rgb = np.concatenate([region.rgb.reshape(-1, 3) for region in sample.regions])
    if len(rgb) > MOST_PIXELS:
        rgb = rgb[numbers.choice(len(rgb), MOST_PIXELS, replace=False)]
    low, high = rgb.min(axis=1), rgb.max(axis=1)
    return rgb[(low > 0) & (high < 255) & (low < high)].astype(np.int32)


def _pair_weights(rgb: np.ndarray) -> np.ndarray:
    """Share of the pixels that each distinct pair of differences has, `np.ndarray [shape=(pairs,), dtype=float64]`."""
    counts = np.bincount((rgb[:, 0] - rgb[:, 1] + 255) * 511 + rgb[:, 2] - rgb[:, 1] + 255)
    return counts[counts > 0] / len(rgb)


def on_lattice(rgb: np.ndarray, decoder: Decoder) -> np.ndarray:
    """Whether colours come back unchanged from integer luma and chroma.

    Parameters
    ----------
    rgb : np.ndarray [shape=(n, 3), dtype=int32]
    decoder : Decoder
        One of `forensics_features.lattice.DECODERS`.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=bool]
    """
    forward = decoder.forward()
    y, u, v = (np.floor(rgb @ row[:3] + (row[3] + 0.5)).astype(np.int64) for row in forward)
    base = (y * decoder.luma) >> decoder.luma_shift
    shift = decoder.chroma_shift
    red = (base + ((v * decoder.vr) >> shift) + decoder.red) >> decoder.shift
    green = (base - ((u * decoder.ug) >> shift) - ((v * decoder.vg) >> shift) + decoder.green) >> decoder.shift
    blue = (base + ((u * decoder.ub) >> shift) + decoder.blue) >> decoder.shift
    return (red == rgb[:, 0]) & (green == rgb[:, 1]) & (blue == rgb[:, 2])


def _on(name: str, rgb: np.ndarray) -> np.ndarray:
    if name != YCGCO:
        return on_lattice(rgb, DECODERS[name])
    r, g, b = rgb.T
    return ((r + b - 2 * g) % 4 == 0) & ((r - b) % 2 == 0)


def _membership(name: str, rgb: np.ndarray, moved: np.ndarray, weights: np.ndarray) -> _Test:
    share, expected = float(_on(name, rgb).mean()), float(_on(name, moved).mean())
    bound = min(max(_MARGIN * expected, 0.02), 0.98)
    return _Test(name, False, share, expected, log10_weighted_tail(share, weights, bound))


def _luma_comb(name: str, rgb: np.ndarray, moved: np.ndarray, weights: np.ndarray) -> _Test:
    """P(|sum w_k e^(i phi_k)| >= t) is about exp(-t^2 / sum w_k^2) for independent uniform angles."""
    row = DECODERS[name].forward()[0]
    share, expected = (float(abs(np.exp(2j * np.pi * (part @ row[:3] + row[3])).mean())) for part in (rgb, moved))
    surplus = max(0.0, share - expected)
    return _Test(name, True, share, expected, -(surplus**2) / float((weights**2).sum()) / LN10)


def title(lattice: str) -> str:
    """A lattice in words: `full-range BT.601 YCbCr, 6-bit arithmetic`."""
    if lattice == YCGCO:
        return "YCgCo"
    matrix, span, *arithmetic = lattice.split("_")
    return f"{span}-range {_MATRICES[matrix]} YCbCr{_ARITHMETIC[arithmetic[0]] if arithmetic else ''}"


def _sentence(best: _Test, pixels: int, colours: int, nfa: float, found: bool) -> str:
    if not found:
        return (
            f"The colours lie on no lattice of 8-bit luma and chroma more than those around them do (nearest "
            f"{title(best.lattice)}: "
            f"{best.statistic:.2f}, expected {best.expected:.2f}; by chance in {chance(nfa)})."
        )
    if best.luma_only:
        return (
            f"Converted back to {title(best.lattice)}, the luma of {pixels:,} coloured pixels gathers at whole numbers "
            f"(strength {best.statistic:.2f}, "
            f"expected {best.expected:.2f}, about 0.45 where all are whole); chance gives this in {chance(nfa)}."
        )
    part = (
        ""
        if best.statistic >= WHOLE
        else " So many are too few for a picture as a decoder left it: it was changed since, or a part of it only came "
        "from one."
    )
    return (
        f"{percentage(best.statistic)} of {pixels:,} coloured pixels ({colours:,} distinct differences of colour) have "
        f"colours that 8-bit {title(best.lattice)} "
        f"can give; {percentage(best.expected)} of the colours around them do. Chance gives this in {chance(nfa)}; a "
        f"codec or a colour conversion leaves it.{part}"
    )
