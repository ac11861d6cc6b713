"""Was brightness or contrast changed after decoding? Gaps and doubled values in the histogram, and the curve behind
them.

A change of tone on 8-bit samples (brightness, contrast, gamma, levels, curves) maps 256 levels to 256 values by a
smooth monotonic curve. Where it is steeper than one some values are never reached, where it is flatter some take the
samples of two levels or more [1]_. Which values those are tells the curve up to a constant, so that it can be undone
[2]_: exactly where it is steep, to half a level and less where it is flat.

The curve is found as the most probable path through all 256 values [3]_. Its state is the slope of the inverse, in
levels of the source a value, and the fraction of a level that has been passed; a value whose step passes n whole levels
has n times the samples that one level of its surroundings has. Slopes change slowly, which is what tells a curve from a
histogram that is rough by nature. The path is held against the one of slope one, which is no change at all.

One such curve is a decoder's own: luma of 16..235 is brought to 0..255, and where a picture is grey, or the decoder
adds chroma before it looks values up, all three channels show it. It is known to the last gap (`EXPANSIONS`): where it
explains the histogram as well as the path, a change after decoding is not needed.

This is no family of the feature vector: a classifier must not learn which codecs are edited.

References
----------
.. [1] M. C. Stamm, K. J. R. Liu, "Forensic detection of image manipulation using statistical intrinsic fingerprints",
       IEEE Trans.
   Information Forensics and Security 5(3), 2010, doi:10.1109/TIFS.2010.2053202.
.. [2] M. C. Stamm, K. J. R. Liu, "Forensic estimation and reconstruction of a contrast enhancement mapping", ICASSP
       2010,
   doi:10.1109/ICASSP.2010.5495488 (there by searching for the one mapping and histogram that go together).
.. [3] G. D. Forney, "The Viterbi algorithm", Proc. IEEE 61(3), 1973, doi:10.1109/PROC.1973.9030.
.. [4] ITU-R BT.601-7, 2.5.1: luma of 8 bits lies in 16..235.
.. [5] FFmpeg, `ff_yuv2rgb_c_init_tables` of libswscale/yuv2rgb.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forensics_features._kernel import kernel
from forensics_features.planes import level_counts, to_rgb8

VALUES = 256
"""Levels of an 8-bit sample."""
SLOPES = np.exp(0.05 * np.arange(-40, 28))
"""Slopes of the inverse curve that are tried, in levels of the source a value: 0.14 to 3.9, one in the middle."""
PHASES = 32
"""Fractions of a level that are distinguished."""
FOUND, ROUGHEST, CHANGED = 60.0, 1.2, 0.08
"""Log-likelihood ratio from which a curve counts as found; most that a value of a channel may then speak against it in
the mean: histograms of drawings and palettes are rough, and some curve is always better than none; and the part of the
populated values that are gaps or merged, for a few spikes are flat parts of the picture. Of 2,500 training and
validation files nobody had changed 2.5 % reach all three, among them grey or nearly grey ones coded in limited range,
which decoders expand by such a curve; of 2,000 changed by gamma, contrast or brightness 90 %."""
LEAST = 96
"""Fewest values that have to be populated."""
SAMPLED = 1 << 20
"""Most pixels that are counted."""
AS_WELL = 0.8
"""Part of the path's log-likelihood ratio from which a decoder's expansion explains the histogram as well, and is what
there is. It reaches 0.89 or more in all 60 validation pictures that a path is found in and that were decoded so: frames
of ProRes, CineForm and SVQ1, grey ones of MPEG-1, MPEG-4, H.264 and VP9, and grey WebP. Of 34 curves that are found in
validation pictures after a gain of 1.155 to 1.174 about another level the nearest reaches 0.56."""
_SAME = 40
"""Number of the slope 1 among `SLOPES`."""
_MOST = 6
"""Most levels that one level is spread over."""
_PASSED = np.floor(SLOPES).astype(np.int64)[:, None] + np.arange(2)
"""Whole levels that a value at each slope may pass, `np.ndarray [shape=(len(SLOPES), 2), dtype=int64]`."""
_MARGIN = 1e-6
"""Of the sums of some 250 costs, for rounding."""
_POPULATED = 20.0
"""Samples a value, in the mean of its surroundings, from which its count tells something."""
_SURROUNDINGS, _REACH = 4.0, 16
"""Standard deviation and reach of the smoothing of a histogram, in levels. Of 48 validation crops with a gamma or gain
of 6 to 35 % a curve is found in 40, as with a deviation of 6 or a reach of 32 (42 with 2 or 3, or a reach of 8), and in
none of 48 others at any of them (`forensics_benchmarks.thresholds`)."""
_ROUGH = 0.25
"""Standard deviation of the logarithm of a count about its surroundings that pictures have by nature."""
_CAP = 6.0
"""Most that one value of one channel can say against a curve."""
_STRAY = 0.01
"""Part of the surroundings' samples that a value which nothing maps to may have: something was drawn over the picture.
"""
_BEND, _SLIP, _STEEP = 2.0, 0.3, 0.3
"""Costs of a change of the slope by one step, of a slip of the phase by one step, and at every populated value of a
slope, by its logarithm: two levels everywhere look like one everywhere."""


def _expansions() -> dict[str, np.ndarray]:
    luma = np.arange(VALUES)
    exact = (luma - 16) * 255 / 219
    # Sixteen fractional bits; the table starts 326 steps and 384 values before luma of 0, and 16 more are taken off.
    looked_up = ((255 << 16) // 219 * (luma + 326) - (400 << 16) + (1 << 15)) >> 16
    return {"rounded": np.floor(exact + 0.5), "cut off": np.floor(exact), "FFmpeg's tables": looked_up}


EXPANSIONS = {
    name: np.bincount(np.clip(made, 0, VALUES - 1).astype(np.int64), minlength=VALUES)
    for name, made in _expansions().items()
}
"""Levels of luma that each value takes where 16..235 [4]_ is brought to 0..255, by arithmetic: rounded, as most
decoders do; cut off, as FFmpeg's vector code for 4:2:0 and 4:2:2 of 8 bits; by the tables that it looks all other
layouts up in [5]_, chroma added first."""
_EXPANDED = int(np.argmin(np.abs(SLOPES - 219 / 255)))
"""Number of their slope among `SLOPES`."""


@dataclass(frozen=True)
class ToneCurve:
    """The most probable curve.

    Attributes
    ----------
    odds : float
        Natural logarithm of its likelihood over that of no change, the costs of its slopes and bends taken off.
    roughness : float
        What is left against it a populated value and channel, 0.1 for a smooth histogram that it explains, up to 6.
    levels : np.ndarray [shape=(256,), dtype=int64]
        How many levels of the source each value takes: 0 for a gap, 1 where nothing happened.
    slopes : np.ndarray [shape=(256,), dtype=float64]
        Levels of the source a value, smooth.
    populated : np.ndarray [shape=(256,), dtype=bool]
        Values with samples enough to say so.
    mean : float
        Mean of the samples.
    expansion : str
        The one of `EXPANSIONS` that explains the histograms as well, empty for none.
    """

    odds: float
    roughness: float
    levels: np.ndarray
    slopes: np.ndarray
    populated: np.ndarray
    mean: float
    expansion: str = ""

    @property
    def found(self) -> bool:
        """Whether the histograms show a curve: of a change of tone, or of a decoder where there is an `expansion`."""
        number = int(self.populated.sum())
        return (
            self.odds >= FOUND
            and self.roughness <= ROUGHEST
            and number >= LEAST
            and self.gaps + self.merged >= CHANGED * number
        )

    @property
    def gaps(self) -> int:
        """Populated values that no level maps to."""
        return int((self.levels[self.populated] == 0).sum())

    @property
    def merged(self) -> int:
        """Populated values that two levels or more map to."""
        return int((self.levels[self.populated] > 1).sum())

    @cached_property
    def inverse(self) -> np.ndarray:
        """The level of the source for every value, `np.ndarray [shape=(256,), dtype=uint8]`, not decreasing.

        The constant that the histogram does not tell is chosen so that the mean of the samples stays, as far as the
        populated values then lie within 1..254, or about the middle of that where they fill it; it is a whole number
        and the same for all channels, which moves luma and nothing else. Of levels that were merged the lower middle
        one is taken. 0 and 255 stay: they may have been clipped.
        """
        populated = np.flatnonzero(self.populated)
        if not len(populated):
            return np.arange(VALUES, dtype=np.uint8)
        level = np.cumsum(self.levels) - self.levels + np.maximum(self.levels - 1, 0) // 2
        shift = round(self.mean - float(np.interp(self.mean, np.arange(VALUES), level)))
        lowest, highest = 1 - int(level[populated[0]]), VALUES - 2 - int(level[populated[-1]])
        shift = min(max(shift, lowest), highest) if lowest <= highest else (lowest + highest) // 2
        undone = np.clip(level + shift, 1, VALUES - 2)
        undone[[0, -1]] = 0, VALUES - 1
        return undone.astype(np.uint8)


@kernel
def _path(
    cost: np.ndarray, slopes: np.ndarray, phases: int, bend: float, slip: float, levels: np.ndarray, taken: np.ndarray
) -> float:
    """The cheapest path; fills `levels` and the slope's index `taken` at every value, and gives the cost.

    `cost` has shape (values, slopes, most levels + 1). From the state (slope s, phase p) a value passes floor(p + s)
    levels, and the rest is the next phase, give or take one step of 1 / `phases`.
    """
    values, count, most = cost.shape
    best = np.zeros((count, phases))
    following = np.empty((count, phases))
    before = np.empty((values, count, phases), np.int32)
    for v in range(values):
        following[:] = np.inf
        for s in range(count):
            for p in range(phases):
                passed = p / phases + slopes[s]
                whole = int(passed)
                so_far = best[s, p] + cost[v, s, min(whole, most - 1)]
                rest = int((passed - whole) * phases + 0.5)
                for t in range(max(s - 1, 0), min(s + 2, count)):
                    for q in range(max(rest - 1, 0), min(rest + 2, phases)):
                        total = so_far + (bend if t != s else 0.0) + (slip if q != rest else 0.0)
                        if total < following[t, q]:
                            following[t, q] = total
                            before[v, t, q] = s * phases + p
        best, following = following, best
    end, least = 0, np.inf
    for s in range(count):
        for p in range(phases):
            if best[s, p] < least:
                end, least = s * phases + p, best[s, p]
    for v in range(values - 1, -1, -1):
        end = before[v, end // phases, end % phases]
        levels[v] = int(end % phases / phases + slopes[end // phases])
        taken[v] = end // phases
    return float(least)


def histograms(pixels: np.ndarray) -> np.ndarray:
    """How often every value occurs in at most `SAMPLED` pixels, taken from rows spread evenly.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]

    Returns
    -------
    np.ndarray [shape=(3 or 1, 256), dtype=int64]
        By channel; one row for a grey picture.
    """
    rows = to_rgb8(pixels[:: max(1, -(-pixels.shape[0] * pixels.shape[1] // SAMPLED))])
    counted = level_counts(rows)
    return counted[:1] if (counted == counted[0]).all() else counted


def found_curve(counted: np.ndarray) -> ToneCurve | None:
    """`strongest_curve` where it is `ToneCurve.found`, else None; mostly without looking for the path.

    What a path costs is at least what it would cost were every fraction of a level allowed at every value; where even
    that is too near to no change, there is no curve.
    """
    costs = _all_costs(counted)
    if _unchanged(costs[0]) - _least(costs[0]) < FOUND - _MARGIN:
        return None
    curve = _curve(counted, *costs)
    return curve if curve.found else None


def strongest_curve(counted: np.ndarray) -> ToneCurve:
    """The most probable curve behind histograms; all channels went through the same.

    Parameters
    ----------
    counted : np.ndarray [shape=(channels, 256), dtype=int64]
        See `histograms`.

    Returns
    -------
    ToneCurve
    """
    return _curve(counted, *_all_costs(counted))


def _curve(counted: np.ndarray, cost: np.ndarray, populated: np.ndarray) -> ToneCurve:
    by_level = np.zeros((VALUES, len(SLOPES), _MOST + 1))
    by_level[:, np.arange(len(SLOPES))[:, None], _PASSED] = cost
    levels, taken = np.empty(VALUES, np.int64), np.empty(VALUES, np.int64)
    least = _path(by_level, SLOPES, PHASES, _BEND, _SLIP, levels, taken)
    mean = float(counted.sum(axis=0) @ np.arange(VALUES) / max(int(counted.sum()), 1))
    roughness = least / max(int(populated.sum()) * len(counted), 1)
    expansion = _expansion(_all_costs(counted, empty_free=True)[0], levels, taken)
    return ToneCurve(_unchanged(cost) - least, roughness, levels, SLOPES[taken], populated, mean, expansion)


def _expansion(cost: np.ndarray, levels: np.ndarray, taken: np.ndarray) -> str:
    """The decoder's expansion that explains the histograms as well as a path of `levels` and slopes `taken`, empty for
    none.
    """
    unchanged, values = _unchanged(cost), np.arange(VALUES)

    def odds(passed: np.ndarray, slopes: np.ndarray) -> float:
        more = np.clip(passed - _PASSED[slopes, 0], 0, 1)
        return unchanged - float(cost[values, slopes, more].sum())

    expanded = np.full(VALUES, _EXPANDED)
    by_way = {name: odds(own, expanded) for name, own in EXPANSIONS.items()}
    best = max(by_way, key=lambda name: by_way[name])
    return best if by_way[best] > max(AS_WELL * odds(levels, taken), 0.0) else ""


def _unchanged(cost: np.ndarray) -> float:
    """What one level a value costs; the slope of one passes one level as its fewest."""
    return float(cost[:, _SAME, 0].sum())


def _least(cost: np.ndarray) -> float:
    """A bound from below of what a path costs: bends cost, phases are free."""
    cheaper = cost.min(axis=2)
    total = cheaper[0].copy()
    for own in cheaper[1:]:
        bent = np.minimum(total[:-1], total[1:]) + _BEND
        np.minimum(total[:-1], bent, out=total[:-1])
        np.minimum(total[1:], bent, out=total[1:])
        total += own
    return float(total.min())


def _all_costs(counted: np.ndarray, empty_free: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The sum of `_costs` over the channels and the cost of steep slopes, and which values are populated in one."""
    cost = np.zeros((VALUES, len(SLOPES), 2))
    populated = np.zeros(VALUES, bool)
    for counts in counted:
        own, there = _costs(counts, empty_free)
        cost += own
        populated |= there
    cost += np.where(populated[:, None, None], _STEEP * np.abs(np.log(SLOPES))[:, None], 0.0)
    return cost, populated


def _costs(counts: np.ndarray, empty_free: bool) -> tuple[np.ndarray, np.ndarray]:
    """What the two numbers of levels that each slope can pass cost at every value, (256, slopes, 2), and which values
    are populated.

    Minus a log-likelihood: the logarithm of a count is normal about that of its expectation, by nature and by chance,
    and nothing costs more than `_CAP`. A gap that holds less than strays costs nothing where `empty_free`.
    """
    around = _surroundings(counts.astype(np.float64))
    populated = around >= _POPULATED
    populated[[0, -1]] = False
    expected = around[:, None, None] * (np.where(_PASSED == 0, _STRAY, _PASSED) / SLOPES[:, None])
    away = np.log((counts[:, None, None] + 1) / (expected + 1))
    if empty_free:
        away = np.where(_PASSED == 0, np.maximum(away, 0.0), away)
    cost = np.minimum(away**2 / (2 * (_ROUGH**2 + 1 / (expected + 1))), _CAP)
    return np.where(populated[:, None, None], cost, 0.0), populated


def _surroundings(counts: np.ndarray) -> np.ndarray:
    """Weighted mean of the counts around every value; 0 and 255, where clipped samples gather, are left out."""
    weights = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _SURROUNDINGS) ** 2)
    inner = np.ones(VALUES)
    inner[[0, -1]] = 0
    return np.asarray(np.convolve(counts * inner, weights, "same") / np.convolve(inner, weights, "same"))
