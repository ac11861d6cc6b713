"""How a picture was compressed by JPEG 2000, from its pixels alone and at any crop: wavelet, levels, colour transform,
steps, tiles.

The standard's forward transforms are taken at every parity that a crop can leave. At the codec's own the coefficients
lie on the lattice of its quantiser: for the reversible 5/3 wavelet exactly, for 9/7 within the rounding of the pixels.
Clipped samples (0 and 255) and the border are left out.

References
----------
.. [1] ISO/IEC 15444-1 (ITU-T T.800), Annexes A (syntax), D (bit planes and coding passes), E (quantisation), F and G
       (transforms).
"""

from __future__ import annotations

import numpy as np
from forensics_features.planes import MINIMUM_SIDE, to_rgb8

from forensics.history.jpeg2000.findings import Jpeg2000History
from forensics.history.jpeg2000.levels import (
    FOUND,
    Level,
    Space,
    first_level,
    is_quantised,
    judged_region,
    level_chain,
    unclipped,
)
from forensics.history.jpeg2000.low_pass import FOUND as LOW_PASS_FOUND
from forensics.history.jpeg2000.low_pass import low_pass_odds
from forensics.history.jpeg2000.steps import band_planes, band_steps, base_step, deepest_plane, psnr_estimate
from forensics.history.jpeg2000.tiles import tile_lines, tile_size
from forensics.history.jpeg2000.transform import Wavelet
from forensics.results.wording import percentage

REGION = 1024
"""Side of the region that a large picture is judged by."""
_SEARCHED = 512
"""Side of the part of the picture that is searched, in pixels: a bound on work."""
_SAME_FIT = 0.1
"""Difference of two fits from which they count as different. Of 24 validation pictures coded as JPEG 2000 the colour
transform is read rightly in 21, wrongly in 2, with 0.02 and 0.05 as well; with 0.2 one more is open
(`forensics_benchmarks.thresholds`)."""
_FIT = 0.15
"""Fit of the coefficients outside the zero cell from which they tell the colour transform."""
_GOOD_FIT = 0.5
"""Fit from which two that are alike are taken for two views of one lattice."""
_SAME_LOW_PASS = 0.3
"""Share of the other's odds from which the low-pass band of the colour transform's luma is taken to show the same
lattice.
"""
_EXPECTED = 12.0
"""Standard errors that a level must be expected to show before its absence counts."""
_PLANES_NEEDED = 3
"""Bit planes cut off from which reversible coefficients show a lattice. The number of levels is read rightly in 14 of
24 validation pictures, wrongly in none, with 1, 2, 4 and 5 as well (`forensics_benchmarks.thresholds`)."""
_WEIGHTS = {"ict": (1.0, 1.086, 0.825), "rct": (1.0, 0.6875, 0.6875), "none": (1 / 3, 1 / 3, 1 / 3)}
"""Squared error of RGB, mean of the three, for an error of one in each component of the colour transform's inverse."""


def recover(pixels: np.ndarray, *, seed: int = 0) -> Jpeg2000History:
    """Recover the parameters of JPEG 2000 from a decoded picture or a crop of it.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
        What `planes.to_rgb8` accepts.
    seed : int
        Of the choice of a region in a picture of more than `REGION` pixels a side.

    Returns
    -------
    Jpeg2000History
    """
    rgb = to_rgb8(pixels)
    grey = bool((rgb[:, :, 0] == rgb[:, :, 1]).all() and (rgb[:, :, 0] == rgb[:, :, 2]).all())
    picture = np.ascontiguousarray(rgb[:, :, 0]) if grey else rgb
    if min(picture.shape[:2]) < MINIMUM_SIDE:
        return Jpeg2000History(False, grey=grey, reason=f"pictures are at least {MINIMUM_SIDE} pixels a side for this")
    origin, region = judged_region(picture, REGION, seed)
    (top, left), part = judged_region(region, _SEARCHED, seed)
    growth = (region.size / part.size) ** 0.5
    spaces = [_moved(space, top, left, growth) for space in first_level(part)]
    if not is_quantised(spaces):
        return Jpeg2000History(False, lead=spaces[0].lead, grey=grey, reason=_why_not(part))
    return _describe(region, spaces, origin, grey, picture.shape[:2] == region.shape[:2])


def _moved(space: Space, top: int, left: int, growth: float) -> Space:
    """A space found in a part whose origin lies at (top, left) of the region, in the region's own parity, with the lead
    it will have there.
    """
    parity = ((space.parity[0] + top) % 2, (space.parity[1] + left) % 2)
    return space._replace(parity=parity, lead=space.lead * growth)


def _why_not(part: np.ndarray) -> str:
    share = float(unclipped(part).mean())
    if share < 0.1:
        return f"only {percentage(share, 0)} of the samples are not clipped at 0 or 255"
    return (
        "no parity of either wavelet shows quantised coefficients: not JPEG 2000, or finer than the rounding of "
        "the pixels"
    )


def _describe(
    region: np.ndarray, spaces: list[Space], origin: tuple[int, int], grey: bool, complete: bool
) -> Jpeg2000History:
    best = spaces[0]
    pair = [space for space in spaces if space.wavelet == best.wavelet]
    other = max((space.lead for space in spaces if space.wavelet != best.wavelet), default=0.0)
    space, levels, sure = _with_colour(region, pair)
    base = base_step(levels) if space.wavelet == "9/7" else None
    bases = (1.0,) if base is None else (base.step, 1.0)
    seen, count = _number_of_levels(levels, space.wavelet, bases)
    if complete and count is None and not any(any(level.parity) for level in levels):
        whole = level_chain(region, space, whole=True)
        whole_seen = _seen(whole)
        # A crop on the grid has a border that is not the coded picture's: only the last low-pass band can tell them
        # apart.
        if whole_seen >= seen and _ends(whole, whole_seen, space.wavelet, bases):
            levels, seen, count = whole, whole_seen, whole_seen
    shown = levels[: max(seen, 1)]
    phase = _phase(shown, origin)
    tile = tile_size(tile_lines(region, space), 1 << len(shown))
    weights = _WEIGHTS[space.transform] if not grey else (1.0,)
    return Jpeg2000History(
        found=True,
        wavelet=space.wavelet,
        wavelet_probability=_odds_to_probability(best.lead - other),
        colour_transform=space.transform if sure and not grey else None,
        levels=count,
        levels_at_least=seen,
        phase=phase,
        parities=tuple(level.parity for level in shown),
        base_step=base,
        steps_luma=band_steps(shown, 0) if space.wavelet == "9/7" else (),
        planes_luma=band_planes(shown, 0) if space.wavelet == "5/3" else (),
        psnr=psnr_estimate(shown, space.wavelet, weights),
        tile_size=tile,
        lead=best.lead,
        grey=grey,
    )


def _odds_to_probability(lead: float) -> float:
    """Of the wavelet, from how far it leads the other one in standard errors."""
    return float(1 / (1 + np.exp(-max(lead, 0.0))))


def _with_colour(region: np.ndarray, pair: list[Space]) -> tuple[Space, list[Level], bool]:
    """The colour transform that fits better, its levels, and whether that is sure.

    Where chroma is flat, the transform's luma and the untransformed green carry the same lattice, and the transform is
    the simpler explanation; where no coefficient is left outside the zero cell, the low-pass bands decide.
    """
    if len(pair) == 1:
        return pair[0], level_chain(region, pair[0]), True
    plain, changed = sorted(pair, key=lambda space: space.transform != "none")
    if max(changed.fit, plain.fit) > _FIT:
        chosen = plain if plain.fit > changed.fit + _SAME_FIT else changed
        sure = max(changed.fit, plain.fit) > _GOOD_FIT or abs(changed.fit - plain.fit) > _SAME_FIT
        return chosen, level_chain(region, chosen), sure
    chains = [level_chain(region, space) for space in (plain, changed)]
    low = [_main_odds(chain, number, plain.wavelet) for chain, number in zip(chains, (1, 0), strict=True)]
    which = int(low[0] < LOW_PASS_FOUND or low[1] > _SAME_LOW_PASS * low[0])
    return (plain, changed)[which], chains[which], max(low) >= LOW_PASS_FOUND


def _main_odds(levels: list[Level], component: int, wavelet: Wavelet) -> float:
    """Odds of the last low-pass band of one component: green and luma are alike where chroma is flat."""
    seen = _seen(levels)
    last = levels[seen - 1]
    return low_pass_odds(last._replace(low=(last.low[component],)), seen, wavelet)


def _seen(levels: list[Level]) -> int:
    """Levels whose details are quantised; the first always is."""
    return max(1, next((number for number, level in enumerate(levels) if level.lead < FOUND), len(levels)))


def _ends(levels: list[Level], seen: int, wavelet: Wavelet, bases: tuple[float, ...]) -> bool:
    """Whether the low-pass band of the last level seen is quantised."""
    return low_pass_odds(levels[seen - 1], seen, wavelet, bases) >= LOW_PASS_FOUND


def _number_of_levels(levels: list[Level], wavelet: Wavelet, bases: tuple[float, ...]) -> tuple[int, int | None]:
    """Levels seen, and the number of levels where the last one is known.

    The last is known by its low-pass band, or by the absence of the next where that would have to show: bit planes of
    5/3 get fewer by about one a level, steps of 9/7 stay.
    """
    seen = _seen(levels)
    last = levels[seen - 1]
    if _ends(levels, seen, wavelet, bases):
        return seen, seen
    if seen == len(levels):
        return seen, None
    expected = last.lead * np.sqrt(levels[seen].number / max(last.number, 1))
    if seen > 1:
        expected = min(expected, last.lead**2 / levels[seen - 2].lead)
    deep = wavelet == "9/7" or deepest_plane(last) >= _PLANES_NEEDED
    return seen, seen if expected >= _EXPECTED and deep else None


def _phase(levels: list[Level], origin: tuple[int, int]) -> tuple[int, int]:
    """Place of a low-pass sample of the last level, in the coordinates of the whole picture, modulo two to the
    levels.
    """
    row = sum(level.parity[0] << number for number, level in enumerate(levels))
    column = sum(level.parity[1] << number for number, level in enumerate(levels))
    period = 1 << len(levels)
    return (row + origin[0]) % period, (column + origin[1]) % period
