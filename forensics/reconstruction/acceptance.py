"""Whether a block's decoded samples agree with what the picture shows of them."""

from __future__ import annotations

from forensics_features._kernel import kernel

from forensics.reconstruction.inverse_transforms import inverse
from forensics.reconstruction.matrix_transforms import enlarged

DIRECT, H2V1, H1V2, H2V2 = 0, 1, 2, 3
"""How samples are seen: as they are (or repeated), or through the triangle filter along one axis or both."""
HALF_UP, ENLARGED = 4, 8
"""Added to the way of seeing: the filter rounds half up; no filter, but a transform to twice the size."""
SEEN_BY = {(1, 1): DIRECT, (1, 2): H2V1, (2, 1): H1V2, (2, 2): H2V2}
"""The way of seeing of each pair of vertical and horizontal factors under the triangle filter."""
SEEN_THROUGH = {"triangle": 0, "triangle, half up": HALF_UP, "scaled": ENLARGED}
"""What a kind of upsampling adds to it."""
WORK, SAMPLES = 128, 256
"""Room that `decodes_to` needs: int64."""


@kernel
def decodes_to(kind, coefficients, steps, work, samples, lo, hi, full_lo, full_hi, mode):
    """Whether coefficients, integer [64], decode to what is shown; see `inverse_transforms.inverse` and `accepts`."""
    if mode < ENLARGED:
        inverse(kind, coefficients, steps, work, samples)
        return accepts(samples, lo, hi, full_lo, full_hi, mode)
    vertical, horizontal = 1 + (mode != ENLARGED + H2V1), 1 + (mode != ENLARGED + H1V2)
    enlarged(coefficients, steps, vertical, horizontal, work, samples)
    outside = 0
    for p in range(64 * vertical * horizontal):
        outside += samples[p] < full_lo[p] or samples[p] > full_hi[p]
    return outside == 0


@kernel
def accepts(samples, lo, hi, full_lo, full_hi, mode):
    """Whether samples, int64 [64], lie within lo..hi, uint8 [64], or, seen through the triangle filter, within
    full_lo..full_hi.

    The latter are the block's own part of the full-size plane, row by row, uint8; what depends on neighbouring blocks
    is left out.
    """
    if mode == DIRECT:
        outside = 0
        for p in range(64):
            outside += samples[p] < lo[p] or samples[p] > hi[p]
        return outside == 0
    half_up = mode >= HALF_UP
    along = mode - HALF_UP if half_up else mode
    rows = 16 if along != H2V1 else 8
    columns = 16 if along != H1V2 else 8
    for line in range(rows):
        y, other_y = line, line
        if rows == 16:
            y, other_y = line >> 1, (line >> 1) - 1 + 2 * (line & 1)
        if other_y < 0 or other_y > 7:
            continue
        for at in range(columns):
            x, other_x = at, at
            if columns == 16:
                x, other_x = at >> 1, (at >> 1) - 1 + 2 * (at & 1)
            if other_x < 0 or other_x > 7:
                continue
            if along == H2V2:
                near = 3 * samples[8 * y + x] + samples[8 * other_y + x]
                far = 3 * samples[8 * y + other_x] + samples[8 * other_y + other_x]
                value = (3 * near + far + 8 - (at & 1 if not half_up else 0)) >> 4
            else:
                odd = at & 1 if along == H2V1 else line & 1
                odd = 1 if half_up else odd
                value = (3 * samples[8 * y + x] + samples[8 * other_y + other_x] + 1 + odd) >> 2
            place = line * columns + at
            if value < full_lo[place] or value > full_hi[place]:
                return False
    return True
