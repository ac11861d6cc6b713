"""One number for each codec's own exact test: how surely its lattice or fixed point is in a picture, for a judge to
weigh.

Recoveries say what was found; here is how far, on a bounded part of the picture, so that readings of many pictures can
be held against each other. `READINGS` lists the tests cheapest first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forensics.results.wording import percentage

if TYPE_CHECKING:
    from forensics.history.jpeg2000.findings import Jpeg2000History

PART = 384
"""Largest side of the central part that is read, in pixels: what a reading costs does not grow with the picture."""
_ALIGNMENT = 16
"""The part that is read starts at multiples of this, in pixels."""
_LEAST_STEPS = 4
"""Identified steps of luma under which a table is not held to be read."""
_OFF_GRID = 4
"""Rows and columns by which the control grid is moved: half a block, as far from the grid as can be."""
_LEAST_BANDS = 2
"""Bands of luma of which a step must be read where the 9/7 wavelet is found: of 40 validation pictures by JPEG 2000,
half of them recoloured since, one shows fewer (38 three and more); wavelet shrinkage leaves next to no details of the
first level, which alone look quantised, and none or one of 9 to 15 bands whose step can be read."""
_WITHOUT_LATTICE = 40.0
"""Standard errors by which a parity leads without a lattice from which that speaks against JPEG 2000: twice the largest
of the 12 of 60 validation pictures by JPEG 2000 in which no lattice is found (19.8: fine steps, cut samples); VC-2's
reach 258, pictures doubled by linear interpolation 322."""
_VP8_PROBES = (24, 48)
"""Quantiser indices at which VP8's grid is looked for: libwebp's qualities of some 85 and 60; a grid shows best at
its own index and finer ones.
"""


@dataclass(frozen=True)
class Reading:
    """What one test says of a picture.

    Attributes
    ----------
    test : str
        A name of `READINGS`.
    value : float
        Grows with how surely the codec's trace is there; NaN where the picture cannot be tested.
    text : str
        The sentence for the evidence.
    against : bool
        Whether the picture shows what the codec cannot leave: not a trace that is missing, but another one in its
        place.
    """

    test: str
    value: float
    text: str
    against: bool = False


def central(pixels: np.ndarray) -> np.ndarray:
    """The central part that is read, cut at multiples of 16 pixels; 8-bit RGB."""
    from forensics_features import planes

    part, _ = planes.central(pixels, PART, _ALIGNMENT)
    return np.ascontiguousarray(planes.to_rgb8(part))


def jpegxr(part: np.ndarray) -> Reading:
    """The 4x4 grid of JPEG XR: by how many standard errors the best phase leads where coefficients show its steps."""
    from forensics.history.jpegxr import recovery

    if min(part.shape[:2]) < recovery.LEAST_SIDE:
        return Reading("jpegxr", math.nan, "the picture is too small for the transform of JPEG XR")
    found = recovery.recover(part)
    # Other grids of 4x4 and 8x8 blocks lead, too, but without its steps.
    lead = found.lead if found.high_pass is not None else float(found.found)
    text = (
        f"JPEG XR's transform: the best 4x4 grid that shows its steps leads by {lead:.1f} standard errors "
        f"(found from {recovery.FOUND:g})"
    )
    return Reading("jpegxr", lead, text)


def jpeg2000(part: np.ndarray) -> Reading:
    """The quantised coefficients of JPEG 2000's 5/3 or 9/7 wavelet: by how many standard errors the best parity
    leads.
    """
    from forensics.history.jpeg2000 import levels, recovery

    found = recovery.recover(part)
    if _without_lattice(found):
        text = (
            f"JPEG 2000's wavelets: details vanish at one parity by {found.lead:.1f} standard errors, but the others "
            f"are no multiples of a step: another wavelet, or an interpolation"
        )
        return Reading("jpeg2000", 0.0, text, against=True)
    if not found.found:
        return Reading("jpeg2000", 0.0, "JPEG 2000's wavelets: no parity shows quantised coefficients")
    text = (
        f"JPEG 2000's wavelets: the best parity shows quantised coefficients by {found.lead:.1f} standard errors "
        f"(found from {levels.FOUND:g})"
    )
    return Reading("jpeg2000", found.lead, text)


def wavelet_lattice(pixels: np.ndarray) -> float:
    """What `jpeg2000` reads in the central part, in one number: the standard errors of the lead as of 256x256 pixels,
    negative where the details that do not vanish are no multiples of a step, 0 where nothing is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
    """
    from forensics.history.jpeg2000 import recovery

    part = central(pixels)
    found = recovery.recover(part)
    lead = found.lead * 256 / math.sqrt(part.shape[0] * part.shape[1])
    return -lead if _without_lattice(found) else lead if found.found else 0.0


def lattice_of(family: str, pixels: np.ndarray) -> float:
    """The lattice that the judge of doubt takes beside a family (`forensics_models.doubt`): that of `wavelet_lattice`
    for JPEG 2000, NaN for all others.

    Parameters
    ----------
    family : str
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
    """
    return wavelet_lattice(pixels) if family == "jpeg2000" else math.nan


def _without_lattice(found: Jpeg2000History) -> bool:
    """Whether details vanish as JPEG 2000's do, but those that do not are no multiples of steps."""
    if found.lead < _WITHOUT_LATTICE:
        return False
    steps = sum(step is not None for step in found.steps_luma)
    return not found.found or (found.wavelet == "9/7" and steps < _LEAST_BANDS)


def jpeg(part: np.ndarray) -> Reading:
    """The fixed point of JPEG: share of luma that recompression with the table read leaves unchanged, next to what a
    grid moved by half a block leaves (Cohen's kappa with that as chance): flat areas and fine tables leave it as well.
    """
    from forensics.history.jpeg.recovery import unchanged_on_and_off_grid

    steps, on, off = unchanged_on_and_off_grid(part, _OFF_GRID)
    if not steps:
        return Reading("jpeg", -1.0, "JPEG: no 8x8 grid of quantised blocks stands out")
    if steps < _LEAST_STEPS or not math.isfinite(on):
        return Reading("jpeg", 0.0, f"JPEG: a grid stands out, but only {steps} steps of its table can be read")
    control = off if math.isfinite(off) else 0.0
    value = (on - control) / max(1.0 - control, 0.05)
    text = (
        f"JPEG: recompressed with the table that was read ({steps} of 64 steps), {percentage(on)} of luma comes back "
        f"unchanged, {percentage(off)} on a grid moved by half a block"
    )
    return Reading("jpeg", value, text)


def vp8(part: np.ndarray) -> Reading:
    """The grid of VP8's smallest blocks: by how many robust standard deviations recompression at the best of its
    places leads.
    """
    from forensics.codecs import registry
    from forensics.history.recoding import coder, grid, vp8

    if min(part.shape[:2]) < coder.LEAST_SIDE or not registry.get("webp").availability().encode:
        return Reading("vp8", math.nan, "VP8 was not tested: the picture is too small, or libwebp is missing")
    plane = coder.luma(part, vp8.LUMA)
    lead = grid.find_grid(plane, vp8.LibWebp("default"), _VP8_PROBES, decisive=grid.DECISIVE, windows=1).lead
    text = (
        f"VP8: recompressed by libwebp, the best place of its block grid leads by {lead:.1f} "
        f"(found from {coder.FINE_GRID_FROM:g})"
    )
    return Reading("vp8", lead, text)


READINGS: dict[str, Callable[[np.ndarray], Reading]] = {
    "jpegxr": jpegxr,
    "jpeg2000": jpeg2000,
    "jpeg": jpeg,
    "vp8": vp8,
}
"""Tests by name, cheapest first; each takes what `central` gives."""
OWN: dict[str, tuple[str, ...]] = {
    "jpegxr": ("jpegxr",),
    "jpeg2000": ("jpeg2000",),
    "jpeg": ("jpeg", "video-mjpeg"),
    "vp8": ("webp", "video-vp8"),
}
"""Processes whose pictures pass a test."""
