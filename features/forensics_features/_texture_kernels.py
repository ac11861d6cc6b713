"""Kernels of `block_texture`: can one 4x4 block have come out of a texture decoder? They know only arrays.

Every test of a block gives `NEUTRAL` (too few colours to tell), `POSSIBLE` or `IMPOSSIBLE`.
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import kernel

NEUTRAL, POSSIBLE, IMPOSSIBLE = 0, 1, 2
"""What a test says of a block: too few colours to tell, a decoder could have made it, none could."""


@kernel
def distinct_colours(rgb: np.ndarray, top: int, left: int, height: int, width: int, colours: np.ndarray) -> int:
    """How many colours a block has, written to `colours`; one more than fit where there are more than that."""
    count = 0
    most = colours.shape[0]
    for i in range(top, top + height):
        for j in range(left, left + width):
            known = False
            for k in range(count):
                if colours[k, 0] == rgb[i, j, 0] and colours[k, 1] == rgb[i, j, 1] and colours[k, 2] == rgb[i, j, 2]:
                    known = True
                    break
            if known:
                continue
            if count == most:
                return most + 1
            for c in range(3):
                colours[count, c] = rgb[i, j, c]
            count += 1
    return count


@kernel
def sort_colours(colours: np.ndarray, count: int) -> None:
    """Order colours by the channel in which they differ most."""
    widest, channel = -1, 0
    for c in range(3):
        low, high = colours[0, c], colours[0, c]
        for k in range(1, count):
            low, high = min(low, colours[k, c]), max(high, colours[k, c])
        if high - low > widest:
            widest, channel = high - low, c
    for k in range(1, count):
        m = k
        while m > 0 and colours[m - 1, channel] > colours[m, channel]:
            for c in range(3):
                colours[m - 1, c], colours[m, c] = colours[m, c], colours[m - 1, c]
            m -= 1


@kernel
def on_thirds(values: np.ndarray, places: np.ndarray, count: int, parts: int, ends: np.ndarray, tolerance: int) -> bool:
    """Whether values of one channel lie at places k / `parts` between two values of the lattice `ends`.

    A value at place 0 or `parts` has to be on the lattice itself, others within `tolerance`.
    """
    for first in ends:
        fits = True
        for k in range(count):
            if places[k] == 0 and values[k] != first:
                fits = False
                break
        if not fits:
            continue
        for last in ends:
            fits = True
            for k in range(count):
                error = parts * values[k] - (parts - places[k]) * first - places[k] * last
                limit = 0 if places[k] == 0 or places[k] == parts else parts * tolerance
                if abs(error) > limit:
                    fits = False
                    break
            if fits:
                return True
    return False


@kernel
def colours_fit(colours: np.ndarray, count: int, parts: int, five: np.ndarray, six: np.ndarray, tolerance: int) -> bool:
    """Whether ordered colours can be among the `parts` + 1 of a line whose ends are on the 5:6:5 lattice."""
    places = np.empty(4, np.int64)
    values = np.empty(4, np.int64)
    for chosen in range(1, 2 ** (parts + 1)):
        n = 0
        for place in range(parts + 1):
            if chosen >> place & 1:
                if n < count:
                    places[n] = place
                n += 1
        if n != count:
            continue
        fits = True
        for c in range(3):
            for k in range(count):
                values[k] = colours[k, c]
            if not on_thirds(values, places, count, parts, six if c == 1 else five, tolerance):
                fits = False
                break
        if fits:
            return True
    return False


@kernel
def bc1_block(rgb: np.ndarray, top: int, left: int, five: np.ndarray, six: np.ndarray, tolerance: int) -> int:
    """BC1 (or the colours of BC2, BC3): at most four colours on a line, or three and black."""
    colours = np.empty((4, 3), np.int64)
    count = distinct_colours(rgb, top, left, 4, 4, colours)
    if count <= 2:
        return NEUTRAL
    if count > 4:
        return IMPOSSIBLE
    sort_colours(colours, count)
    if colours_fit(colours, count, 3, five, six, tolerance):
        return POSSIBLE
    black = -1
    for k in range(count):
        if colours[k, 0] == 0 and colours[k, 1] == 0 and colours[k, 2] == 0:
            black = k
    if black >= 0:
        for k in range(black, count - 1):
            for c in range(3):
                colours[k, c] = colours[k + 1, c]
        count -= 1
    if count <= 3 and colours_fit(colours, count, 2, five, six, tolerance):
        return POSSIBLE
    return IMPOSSIBLE


@kernel
def bc4_block(plane: np.ndarray, top: int, left: int, least_range: int) -> int:
    """One channel of BC4, BC5 or BC3's alpha: eight levels between two ends, or six and 0 and 255."""
    values = np.empty(8, np.int64)
    count = 0
    low, high, inner_low, inner_high = 255, 0, 255, 0
    for i in range(top, top + 4):
        for j in range(left, left + 4):
            v = np.int64(plane[i, j])
            low, high = min(low, v), max(high, v)  # type: ignore[assignment]
            if 0 < v < 255:
                inner_low, inner_high = min(inner_low, v), max(inner_high, v)  # type: ignore[assignment]
            known = False
            for k in range(count):
                if values[k] == v:
                    known = True
                    break
            if known:
                continue
            if count == 8:
                return IMPOSSIBLE
            values[count] = v
            count += 1
    if count < 5:
        return NEUTRAL
    if high - low >= least_range and levels_fit(values, count, low, high, 7, False):
        return POSSIBLE
    if (low == 0 or high == 255) and inner_high - inner_low >= least_range:
        return POSSIBLE if levels_fit(values, count, inner_low, inner_high, 5, True) else IMPOSSIBLE
    return NEUTRAL if high - low < least_range else IMPOSSIBLE


@kernel
def levels_fit(values: np.ndarray, count: int, low: int, high: int, parts: int, extremes: bool) -> bool:
    """Whether values are `parts` + 1 levels, less than one off, between ends at or a little outside `low` and `high`; 0
    and 255 may stand apart.
    """
    margin = (high - low) // 3
    for first in range(low, max(-1, low - margin - 1), -1):
        for last in range(high, min(256, high + margin + 1)):
            span = last - first
            fits = True
            for k in range(count):
                v = values[k]
                if extremes and (v == 0 or v == 255):
                    continue
                place = ((v - first) * parts + span // 2) // span
                if abs(parts * (v - first) - place * span) >= parts or place < 0 or place > parts:
                    fits = False
                    break
            if fits:
                return True
    return False


@kernel
def clamped(value: int) -> int:
    """A value cut to 0..255."""
    return min(max(value, 0), 255)


@kernel
def etc_half(
    rgb: np.ndarray, top: int, left: int, height: int, width: int, modifiers: np.ndarray, bases: np.ndarray
) -> int:
    """Half a block of ETC1: one base colour on a coarse lattice, and one of four grey offsets of one table at every
    pixel.
    """
    colours = np.empty((4, 3), np.int64)
    count = distinct_colours(rgb, top, left, height, width, colours)
    if count <= 1:
        return NEUTRAL
    if count > 4:
        return IMPOSSIBLE
    first = -1
    for k in range(count):
        if (
            min(colours[k, 0], colours[k, 1], colours[k, 2]) > 0
            and max(colours[k, 0], colours[k, 1], colours[k, 2]) < 255
        ):
            first = k
            break
    if first < 0:
        return NEUTRAL
    base = np.empty(3, np.int64)
    for table in range(modifiers.shape[0]):
        for own in range(4):
            four, five = True, True
            for c in range(3):
                base[c] = colours[first, c] - modifiers[table, own]
                if base[c] < 0 or base[c] > 255:
                    four, five = False, False
                    break
                four = four and bases[base[c]] & 1 != 0
                five = five and bases[base[c]] & 2 != 0
            if not (four or five):
                continue
            if offsets_fit(colours, count, base, modifiers[table]):
                return POSSIBLE
    return IMPOSSIBLE


@kernel
def offsets_fit(colours: np.ndarray, count: int, base: np.ndarray, offsets: np.ndarray) -> bool:
    """Whether every colour is the base plus one grey offset, cut to 0..255."""
    for k in range(count):
        fits = False
        for offset in offsets:
            if (
                clamped(base[0] + offset) == colours[k, 0]
                and clamped(base[1] + offset) == colours[k, 1]
                and clamped(base[2] + offset) == colours[k, 2]
            ):
                fits = True
                break
        if not fits:
            return False
    return True


@kernel
def planar_fits(rgb: np.ndarray, top: int, left: int, six: np.ndarray, seven: np.ndarray) -> bool:
    """ETC2's planar mode: each channel a plane through three values of a 6- or 7-bit lattice, from any of the four
    corners.
    """
    for corner in range(4):
        down, across = 1 - 2 * (corner // 2), 1 - 2 * (corner % 2)
        i0, j0 = top + 3 * (corner // 2), left + 3 * (corner % 2)
        fits = True
        for c in range(3):
            lattice = seven if c == 1 else six
            origin = np.int64(rgb[i0, j0, c])
            known = False
            for value in lattice:
                known = known or value == origin
            if not known:
                fits = False
                break
            horizontal = side_fits(rgb, i0, j0, 0, across, c, origin, lattice)
            if horizontal < 0:
                fits = False
                break
            found = False
            for vertical in lattice:
                found = True
                for y in range(4):
                    for x in range(4):
                        level = (x * (lattice[horizontal] - origin) + y * (vertical - origin) + 4 * origin + 2) >> 2
                        if clamped(level) != rgb[i0 + down * y, j0 + across * x, c]:
                            found = False
                            break
                    if not found:
                        break
                if found:
                    break
            if not found:
                fits = False
                break
        if fits:
            return True
    return False


@kernel
def side_fits(
    rgb: np.ndarray, i0: int, j0: int, down: int, across: int, c: int, origin: int, lattice: np.ndarray
) -> int:
    """Index of the first lattice value that explains the first row of a planar block; -1 where none does."""
    for k in range(lattice.shape[0]):
        fits = True
        for x in range(4):
            level = (x * (lattice[k] - origin) + 4 * origin + 2) >> 2
            if clamped(level) != rgb[i0 + down * x, j0 + across * x, c]:
                fits = False
                break
        if fits:
            return k
    return -1


@kernel
def paint_fits(rgb: np.ndarray, top: int, left: int, distances: np.ndarray, bases: np.ndarray) -> bool:
    """ETC2's modes T and H: at most four colours, made of two on the 4-bit lattice and one grey distance."""
    colours = np.empty((4, 3), np.int64)
    count = distinct_colours(rgb, top, left, 4, 4, colours)
    if count > 4:
        return False
    for distance in distances:
        if two_bases(colours, count, distance, bases):
            return True
        for alone in range(count):
            exact = True
            for c in range(3):
                exact = exact and bases[colours[alone, c]] & 1 != 0
            if exact and one_base(colours, count, alone, distance, bases):
                return True
    return False


@kernel
def one_base(colours: np.ndarray, count: int, alone: int, distance: int, bases: np.ndarray) -> bool:
    """Mode T: all colours but one are a base on the 4-bit lattice, or that base plus or minus the distance."""
    base = np.empty(3, np.int64)
    other = 1 if alone == 0 else 0
    if count <= other:
        return False
    offsets = np.array([0, distance, -distance])
    for own in offsets:
        exact = True
        for c in range(3):
            base[c] = colours[other, c] - own
            exact = exact and 0 <= base[c] <= 255 and bases[clamped(base[c])] & 1 != 0
        if not exact:
            continue
        fits = True
        for k in range(count):
            if k == alone:
                continue
            near = False
            for offset in offsets:
                near = near or (
                    clamped(base[0] + offset) == colours[k, 0]
                    and clamped(base[1] + offset) == colours[k, 1]
                    and clamped(base[2] + offset) == colours[k, 2]
                )
            fits = fits and near
        if fits:
            return True
    return False


@kernel
def two_bases(colours: np.ndarray, count: int, distance: int, bases: np.ndarray) -> bool:
    """Mode H: every colour is one of two bases on the 4-bit lattice plus or minus the distance."""
    options = np.zeros((4, 2, 3), np.int64)
    valid = np.zeros((4, 2), np.bool_)
    for k in range(count):
        for side in range(2):
            offset = distance if side == 0 else -distance
            exact = True
            for c in range(3):
                options[k, side, c] = colours[k, c] - offset
                inside = 0 <= options[k, side, c] <= 255
                exact = exact and inside and bases[clamped(options[k, side, c])] & 1 != 0
            valid[k, side] = exact
    for picks in range(2**count):
        fits, used = True, 0
        chosen = np.empty((4, 3), np.int64)
        for k in range(count):
            side = picks >> k & 1
            if not valid[k, side]:
                fits = False
                break
            known = False
            for m in range(used):
                known = known or (
                    chosen[m, 0] == options[k, side, 0]
                    and chosen[m, 1] == options[k, side, 1]
                    and chosen[m, 2] == options[k, side, 2]
                )
            if not known:
                for c in range(3):
                    chosen[used, c] = options[k, side, c]
                used += 1
        if fits and used <= 2:
            return True
    return False


@kernel
def etc_block(
    rgb: np.ndarray,
    top: int,
    left: int,
    modifiers: np.ndarray,
    bases: np.ndarray,
    distances: np.ndarray,
    six: np.ndarray,
    seven: np.ndarray,
) -> int:
    """A block of ETC1 or ETC2: two halves side by side or one above the other, a plane, or four paint colours."""
    upper = etc_half(rgb, top, left, 2, 4, modifiers, bases)
    lower = etc_half(rgb, top + 2, left, 2, 4, modifiers, bases)
    if upper == NEUTRAL and lower == NEUTRAL:
        return NEUTRAL
    first = etc_half(rgb, top, left, 4, 2, modifiers, bases)
    second = etc_half(rgb, top, left + 2, 4, 2, modifiers, bases)
    if first == NEUTRAL and second == NEUTRAL:
        return NEUTRAL
    if (upper != IMPOSSIBLE and lower != IMPOSSIBLE) or (first != IMPOSSIBLE and second != IMPOSSIBLE):
        return POSSIBLE
    if planar_fits(rgb, top, left, six, seven) or paint_fits(rgb, top, left, distances, bases):
        return POSSIBLE
    return IMPOSSIBLE


@kernel
def count_off(rgb: np.ndarray, on: np.ndarray, most: int) -> int:
    """Pixels with a channel whose level is none of those `on` [shape=(2, 256), dtype=bool]: of red and blue, of green;
    counted to the end of the row in which they are more than `most`.
    """
    count = 0
    for i in range(rgb.shape[0]):
        if count > most:
            break
        for j in range(rgb.shape[1]):
            if not (on[0, rgb[i, j, 0]] and on[1, rgb[i, j, 1]] and on[0, rgb[i, j, 2]]):
                count += 1
    return count


@kernel
def count_bc1(rgb: np.ndarray, five: np.ndarray, six: np.ndarray, tolerance: int, counts: np.ndarray) -> None:
    """Adds to counts[row phase, column phase, outcome] of every 4x4 block."""
    for i in range(rgb.shape[0] - 3):
        for j in range(rgb.shape[1] - 3):
            counts[i % 4, j % 4, bc1_block(rgb, i, j, five, six, tolerance)] += 1


@kernel
def count_bc4(plane: np.ndarray, least_range: int, counts: np.ndarray) -> None:
    """Adds to counts[row phase, column phase, outcome] of every 4x4 block."""
    for i in range(plane.shape[0] - 3):
        for j in range(plane.shape[1] - 3):
            counts[i % 4, j % 4, bc4_block(plane, i, j, least_range)] += 1


@kernel
def count_etc(
    rgb: np.ndarray,
    modifiers: np.ndarray,
    bases: np.ndarray,
    distances: np.ndarray,
    six: np.ndarray,
    seven: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Adds to counts[row phase, column phase, outcome] of every 4x4 block."""
    for i in range(rgb.shape[0] - 3):
        for j in range(rgb.shape[1] - 3):
            counts[i % 4, j % 4, etc_block(rgb, i, j, modifiers, bases, distances, six, seven)] += 1
