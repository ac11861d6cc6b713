"""Which of JPEG 2000's transforms a picture went through: wavelet, colour transform, parity at each level, number of
levels.

At the right parity of the right wavelet the detail coefficients lie where the quantiser put them, at any other they do
not; the low-pass band of the last level is quantised itself, that of a level between is not. Both are tested level by
level.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import correlate1d, maximum_filter1d

from forensics.history.jpeg2000.lattice import (
    BIN,
    BINS,
    leads,
    magnitudes,
    real_fit_scores,
    real_scores,
    scores_of,
    whole_fit_scores,
    whole_scores,
)
from forensics.history.jpeg2000.transform import (
    ANALYSIS_97,
    REACH,
    Bands,
    ColourTransform,
    Wavelet,
    components,
    forward,
    synthesis_norms,
)

SPACES: tuple[tuple[Wavelet, ColourTransform], ...] = (("9/7", "ict"), ("9/7", "none"), ("5/3", "rct"), ("5/3", "none"))
"""Pairs of wavelet and colour transform that codecs use together (T.800 A.6.1)."""
FOUND = 6.0
"""Standard errors by which a parity leads the others when its level is called found; chance alone stays under 5."""
MAXIMUM_LEVELS = 6
"""Most decomposition levels that are looked for; the standard has up to 32, encoders mostly take 5 or 6."""
_FIT = 0.1
"""Fit of the coefficients outside the zero cell from which they are said to lie on a lattice."""
_ALL_ZERO = 0.05
"""Share of coefficients outside the zero cell under which they need not: too few are left."""
_CLIPPED = 0.7
"""Share of clipped samples in a 9/7 coefficient, by the weights of its filter and times the norm of its band, up to
which it counts: clipping takes away some quarter of a step, so that the coefficient moves by less than a fifth of one.
Of 42 training pictures of 400 to 576 pixels with two to six levels the number was estimated for 35 when whole and 33
when cropped, all rightly; with no clipped sample allowed for 32 and 24."""
_MOST_CLIPPED = 0.05
"""Share up to which it counts at any level: at the first there are coefficients enough without the others."""
_BEYOND = np.float32(1e3)
"""Share of what reaches beyond the border."""
_CORE = 1.25
"""Magnitudes under this are zeros and rounding noise, in grey levels of an orthonormal transform."""


class Space(NamedTuple):
    """One pair of transforms at one parity of the first level: its evidence, and how well the non-zero coefficients
    fit.

    `hypothesis` is the column of the table of scores that stands out most, `non_zero` the share of
    coefficients outside the zero cell.
    """

    wavelet: Wavelet
    transform: ColourTransform
    parity: tuple[int, int]
    lead: float
    hypothesis: int
    fit: float
    non_zero: float


class Level(NamedTuple):
    """One level at its parity.

    Attributes
    ----------
    parity : tuple of int
        Of the rows and columns that hold low-pass samples, in the plane of this level.
    lead : float
        Of this parity before the mean of the others, in standard errors.
    hypothesis : int
        Column of the table of scores.
    histograms : np.ndarray [shape=(components, 3, BINS), dtype=int64]
        Magnitudes of HL, LH and HH.
    low : tuple of np.ndarray
        Low-pass planes of the components.
    low_valid : np.ndarray [dtype=bool]
        Their samples that rest on the picture alone.
    """

    parity: tuple[int, int]
    lead: float
    hypothesis: int
    histograms: np.ndarray
    low: tuple[np.ndarray, ...]
    low_valid: np.ndarray

    @property
    def number(self) -> int:
        """Detail coefficients counted."""
        return int(self.histograms.sum())


def score_table(wavelet: Wavelet) -> np.ndarray:
    """The table of scores that fits this wavelet's coefficients."""
    return real_scores() if wavelet == "9/7" else whole_scores()


def unclipped(rgb: np.ndarray) -> np.ndarray:
    """Samples that no channel shows at 0 or 255, `np.ndarray [shape=(height, width), dtype=bool]`: those may have been
    clipped.
    """
    inside: np.ndarray = (rgb > 0) & (rgb < 255)
    return inside if rgb.ndim == 2 else np.all(inside, axis=2)


def judged_region(picture: np.ndarray, side: int, seed: int) -> tuple[tuple[int, int], np.ndarray]:
    """A part of at most `side` a side and its place: of some candidates the one with most samples unclipped and
    uneven.
    """
    height, width = picture.shape[:2]
    rows, columns = min(height, side), min(width, side)
    if (rows, columns) == (height, width):
        return (0, 0), picture
    rng = np.random.default_rng(seed)
    places = [(int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))) for _ in range(5)]
    places.append(((height - rows) // 2, (width - columns) // 2))
    best = max(places, key=lambda place: _telling(picture[place[0] : place[0] + rows, place[1] : place[1] + columns]))
    return best, np.ascontiguousarray(picture[best[0] : best[0] + rows, best[1] : best[1] + columns])


def _telling(part: np.ndarray) -> float:
    """Share of sampled pixels that are neither clipped nor equal to their neighbour."""
    thin = part[::5]
    main = thin if thin.ndim == 2 else thin[:, :, 1]
    return float((unclipped(thin)[:, 1:] & (main[:, 1:] != main[:, :-1])).mean())


def valid_bands(valid: np.ndarray, wavelet: Wavelet, parity: tuple[int, int], *, whole: bool = False) -> Bands:
    """Coefficients of `forward` that rest on valid samples of the plane alone; with `whole`, the border is the coded
    picture's own.
    """
    bad = (~valid).astype(np.uint8)
    rows = [_spoilt(bad, REACH[wavelet][high], parity[0] ^ high, whole) for high in (0, 1)]
    parts = []
    for high_rows, high_columns in ((0, 0), (0, 1), (1, 0), (1, 1)):
        part = _spoilt(rows[high_rows].T, REACH[wavelet][high_columns], parity[1] ^ high_columns, whole)
        parts.append(np.ascontiguousarray(part.T) == 0)
    return Bands(*parts)


def _spoilt(bad: np.ndarray, reach: int, first: int, whole: bool) -> np.ndarray:
    spread = maximum_filter1d(bad, 2 * reach + 1, axis=0, mode="mirror" if whole else "constant", cval=1)
    return spread[first::2]


def clipped_shares(share: np.ndarray, parity: tuple[int, int], *, whole: bool = False) -> Bands:
    """Share of clipped samples in the coefficients of `forward` with the 9/7 wavelet, weighed by the magnitudes of its
    filters.

    Parameters
    ----------
    share : np.ndarray [shape=(height, width), dtype=float32]
        That of the plane's samples: 1 where a pixel is clipped, 0 where none is.
    parity : tuple of int
    whole : bool
        Whether the border is the coded picture's own; else coefficients that reach beyond it get a share far above 1.
    """
    rows = [_weighed(share, high, parity[0] ^ high, whole) for high in (0, 1)]
    parts = [
        _weighed(rows[high_rows].T, high_columns, parity[1] ^ high_columns, whole)
        for high_rows, high_columns in ((0, 0), (0, 1), (1, 0), (1, 1))
    ]
    return Bands(*(np.ascontiguousarray(part.T) for part in parts))


def _weighed(share: np.ndarray, high: int, first: int, whole: bool) -> np.ndarray:
    """Every second row from `first` on of the rows' weighted sums."""
    weights = ANALYSIS_97[high]
    mixed = correlate1d(share, weights, axis=0, mode="mirror")
    if not whole:
        reach = len(weights) // 2
        mixed[:reach], mixed[len(mixed) - reach :] = _BEYOND, _BEYOND
    return mixed[first::2]


def _usable(
    plane: np.ndarray, wavelet: Wavelet, parity: tuple[int, int], norms: tuple[float, ...], whole: bool
) -> tuple[Bands, np.ndarray]:
    """Which coefficients of each band count, and what is known of the low-pass samples for the next level.

    `plane` says of 5/3's samples whether they rest on the picture alone, for a clipped one spoils the whole numbers
    around it; of 9/7's the share of clipped ones.
    """
    if wavelet == "5/3":
        masks = valid_bands(plane, wavelet, parity, whole=whole)
        return masks, masks.ll
    shares = clipped_shares(plane, parity, whole=whole)
    return Bands(
        *(share <= min(_CLIPPED / norm, _MOST_CLIPPED) for share, norm in zip(shares, norms, strict=True))
    ), shares.ll


def _start(inside: np.ndarray, wavelet: Wavelet) -> np.ndarray:
    """What `_usable` wants of the picture itself, from its `unclipped` samples."""
    return inside if wavelet == "5/3" else (~inside).astype(np.float32)


def _details(
    planes: tuple[np.ndarray, ...],
    known: np.ndarray,
    wavelet: Wavelet,
    level: int,
    parity: tuple[int, int],
    whole: bool,
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """Histograms of the detail bands at one parity, the low-pass planes, which of their samples count, and what
    `_usable` knows of them.
    """
    norms = synthesis_norms(wavelet, level)
    masks, known = _usable(known, wavelet, parity, norms, whole)
    histograms = np.empty((len(planes), 3, BINS), np.int64)
    low = []
    for c, plane in enumerate(planes):
        bands = forward(plane, wavelet, parity)
        low.append(bands.ll)
        for k in (1, 2, 3):
            histograms[c, k - 1] = magnitudes(bands[k], masks[k], norms[k])
    return histograms, low, masks.ll, known


def _parities(
    planes: tuple[np.ndarray, ...], known: np.ndarray, wavelet: Wavelet, level: int, *, whole: bool = False
) -> tuple[np.ndarray, int, int, float]:
    """Histograms at the four parities, the best parity, its hypothesis and its lead; with `whole` parity (0, 0) is the
    only choice.
    """
    histograms = np.stack([
        _details(planes, known, wavelet, level, divmod(parity, 2), whole)[0] for parity in range(4)
    ])  # fmt: skip
    mean, number = scores_of(histograms.sum(axis=(1, 2)), score_table(wavelet))
    lead = leads(mean, number)[: 1 if whole else 4]
    best, hypothesis = np.unravel_index(int(lead.argmax()), lead.shape)
    return histograms, int(best), int(hypothesis), float(lead.max())


def non_zero_fit(histogram: np.ndarray, wavelet: Wavelet) -> tuple[float, int, int]:
    """How well the coefficients outside the zero cell fit their best lattice, 0 (chance) to 1; its column; their
    number.
    """
    table = real_fit_scores() if wavelet == "9/7" else whole_fit_scores()
    first = int(_CORE / BIN) if wavelet == "9/7" else 1
    used = first + np.flatnonzero(histogram[first:])
    number = int(histogram[used].sum())
    mean = histogram[used].astype(np.float32) @ table[used] / max(number, 1)
    best = int(mean.argmax())
    fit = max(float(mean[best]), _gap(histogram) if wavelet == "5/3" else 0.0)
    return max(0.0, fit - 3.0 / np.sqrt(number + 1)), best, number


def _gap(histogram: np.ndarray) -> float:
    """How far magnitudes 1 and 2 are rarer than 3 and 4, which a falling density never has them and one cut-off plane
    does, 0 to 1.
    """
    near, far = int(histogram[1:3].sum()), int(histogram[3:5].sum())
    return max(0.0, 1.0 - near / far) if far > 30 else 0.0


def first_level(rgb: np.ndarray) -> list[Space]:
    """Evidence for every pair of transforms at its best parity, most evident first.

    `rgb` is `np.ndarray [shape=(height, width[, 3]), dtype=uint8]`; grey pictures have no colour transform to tell.
    """
    inside = unclipped(rgb)
    found = []
    for wavelet, transform in SPACES:
        if rgb.ndim == 2 and transform != "none":
            continue
        planes = components(rgb, transform, wavelet)
        histograms, best, hypothesis, lead = _parities(planes, _start(inside, wavelet), wavelet, 1)
        # Green is nearest to luma: the two are compared to tell whether there was a colour transform.
        main = histograms[best, 1 if transform == "none" and len(planes) == 3 else 0].sum(axis=0)
        fit, _, number = non_zero_fit(main, wavelet)
        share = number / max(int(main.sum()), 1)
        found.append(Space(wavelet, transform, (best // 2, best % 2), lead, hypothesis, fit, share))
    return sorted(found, key=lambda space: -space.lead)


def is_quantised(spaces: list[Space]) -> bool:
    """Whether the leading wavelet shows a quantiser: its coefficients lie on a lattice, or there are next to none but
    zeros.

    The lead alone would not do: chroma that was once interpolated, and other codecs' block grids, tell parities apart
    as well.
    """
    same = [space for space in spaces if space.wavelet == spaces[0].wavelet]
    if spaces[0].lead < FOUND:
        return False
    return max(space.fit for space in same) >= _FIT or min(space.non_zero for space in same) < _ALL_ZERO


def level_chain(rgb: np.ndarray, space: Space, *, whole: bool = False) -> list[Level]:
    """The levels, finest first, as long as their details are quantised, and the first one of which they are not.

    With `whole` the picture's border is taken for the coded picture's own, so that no coefficient is left out for it;
    only parity (0, 0) comes with it.
    """
    planes = components(rgb, space.transform, space.wavelet)
    known = _start(unclipped(rgb), space.wavelet)
    levels: list[Level] = []
    for number in range(1, MAXIMUM_LEVELS + 1):
        if min(planes[0].shape) < 4:
            break
        if number == 1:
            parity, hypothesis, lead = space.parity, space.hypothesis, space.lead
        else:
            _, best, hypothesis, lead = _parities(planes, known, space.wavelet, number, whole=whole)
            parity = (0, 0) if whole else (best // 2, best % 2)
        histograms, low, low_valid, below = _details(planes, known, space.wavelet, number, parity, whole)
        levels.append(Level(parity, lead, hypothesis, histograms, tuple(low), low_valid))
        if lead < FOUND:
            break
        planes, known = tuple(low), below
    return levels
